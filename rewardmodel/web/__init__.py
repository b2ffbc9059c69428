"""The machine half's pages, and the overview, which reads both halves."""
