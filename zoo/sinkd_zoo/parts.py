"""Where what has arrived of files waits for the rest, by their sha256."""

PARTS = ".parts"
"""A folder in the zoo's part of the cache."""
