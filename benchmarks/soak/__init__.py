"""A mixed load for an hour, and whether any part of the service grows under it.

It starts the demo service, sends it all kinds of requests, good and bad, and reads memory,
descriptors, threads and processes of each part from the operating system.
"""
