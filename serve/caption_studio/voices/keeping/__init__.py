"""A caption → the same, held to its controls by cutting and adding; pure."""
