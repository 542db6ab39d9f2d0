"""A run: configuration, data, teacher, students, scores, and the folder that holds it all."""
