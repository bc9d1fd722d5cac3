"""Both big models' shapes on one GPU, by our own engines, without Ray and HTTP.

The weights are random, since speed does not depend on their values. Results carry the card's name
and list the pieces that the machine lacked.
"""
