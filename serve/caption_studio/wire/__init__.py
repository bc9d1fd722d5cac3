"""The OpenAI dialect, and nothing else."""
