"""Load benchmarks over HTTP, for any OpenAI-compatible endpoint that captions pictures."""
