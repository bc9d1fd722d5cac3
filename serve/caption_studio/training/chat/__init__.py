"""What the teacher and the judge share: a chat model behind an OpenAI-compatible API."""
