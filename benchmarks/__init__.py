"""What AlignUI costs in time, measured on real parts, each figure beside its goal and baseline."""
