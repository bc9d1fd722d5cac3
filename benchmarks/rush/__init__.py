"""A rush: many callers at one moment, by the official client with its own retries.

It is compared with a closed loop of the same client: a rush should be answered nearly as fast.
"""
