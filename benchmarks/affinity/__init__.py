"""Equal pictures to one describer, adapters to one captioner: what it brings, and what it costs."""
