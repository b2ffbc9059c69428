"""What AlignUI costs in time, measured on real parts, each figure beside its goal and baseline."""

import alignui as alignui  # it says how many threads numpy may start, before that is loaded
