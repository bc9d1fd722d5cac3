"""LoRA adapters: where they come from, whether they can be served, and how they are loaded."""
