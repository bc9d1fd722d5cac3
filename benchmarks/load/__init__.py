"""Planned requests → a `Sample` of each, over HTTP, in one client process.

Not here: what the requests contain (workload), the processes together (fleet).
"""
