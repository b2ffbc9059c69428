"""One module for each `alignui` command; each has a `command` that click runs."""
