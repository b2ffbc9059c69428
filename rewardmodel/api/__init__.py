"""The machine half over REST, under /api/v1/."""
