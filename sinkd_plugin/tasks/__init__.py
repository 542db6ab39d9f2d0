"""Tasks: labelled texts, their splits, and how predictions on them are scored."""
