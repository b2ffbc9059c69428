"""Proof that assignment is exact: people at work over HTTP while everything around them fails."""
