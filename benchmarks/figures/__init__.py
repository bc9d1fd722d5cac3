"""Samples → a round's figures, their intervals over repeats, and reasons to distrust them."""
