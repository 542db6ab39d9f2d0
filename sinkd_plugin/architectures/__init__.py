"""Model families: how each is loaded, cut down to a student, and read out for TextBrewer."""
