"""Answers from captioner to gateway: in pieces over the relay, and packed as a whole."""
