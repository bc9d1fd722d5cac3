"""Two captions of one picture → which is better, by a larger language model."""
