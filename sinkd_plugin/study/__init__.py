"""Grids of runs and what they say: which method helps, by how much, and how sure that is."""
