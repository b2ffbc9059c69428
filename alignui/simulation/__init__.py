"""Synthetic annotators with a known utility, who judge through the real REST interface."""
