"""A base model and adapters → captions, losses and times, by transformers and PEFT."""
