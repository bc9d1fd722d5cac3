"""Our code in vLLM's own processes: Falcon in all its forms, and what only a CPU needs."""
