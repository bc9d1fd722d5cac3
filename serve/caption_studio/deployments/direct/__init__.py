"""Calls from gateways to the stages' replicas, over TCP connections of their own.

A call by a Serve handle costs a millisecond and a half of CPU time in the two processes, more than
everything else that a gateway does for a text. So Serve tells which replicas there are, and where:
each gives its address as Serve's metadata of a replica (`working`), and the router of a stage knows
them (`routing.router`). The calls themselves go over one connection for each pair of processes.

`frames` is common to both ends, `listener` is the replica's end, `connection` the gateway's, and
`stage` finds a replica for each call.
"""
