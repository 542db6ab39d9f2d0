"""Searches for a run's best setting: a space of keys, trials shared by processes and machines, one choice."""
