"""The main job from end to end: which commands it is made of, and the report on what they left in the run folder."""
