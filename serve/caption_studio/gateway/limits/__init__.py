"""The limits per minute of each key, over all gateways, and its usage."""
