"""Description → caption: prompt, adapters, engine."""
