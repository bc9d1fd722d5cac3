"""Scenario → the requests of a round: the contents of each and the time it is due.

Seeded: the same scenario gives the same requests, in any number of processes. Recorded traces are
read and drawn here. Not here: sending (load).
"""
