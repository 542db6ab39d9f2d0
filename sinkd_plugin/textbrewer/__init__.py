"""textbrewer."""
