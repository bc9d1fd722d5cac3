"""What a batch costs the callers online, and what it gets, over values of its one setting."""
