"""A description or a picture → captions by a teacher, their tokens and their price."""
