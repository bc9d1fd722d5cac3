"""Both big models' shapes on one GPU, by our own engines, without Ray and HTTP; random weights.

Speed does not depend on what the weights say. Results carry the card's name and say what was
missing on the machine.
"""
