"""Many callers at one moment, by the official client with its own retries.

Beside it the same client's closed loop: a rush should be answered nearly as fast.
"""
