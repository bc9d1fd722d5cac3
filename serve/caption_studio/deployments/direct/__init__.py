"""Calls from gateways to the stages' replicas, over TCP connections of their own.

A call by a Serve handle costs the two processes 1.0 to 1.4 ms of CPU time, such a one 0.02 to 0.12
(`python -m benchmarks.hop`). Serve still tells which replicas there are: each gives Serve its
address (`working`), and Serve hands it to the stage's router in each gateway (`routing.router`).
The calls themselves go over one connection for each pair of processes.

`frames` is common to both ends, `listener` is the replica's end, `connection` the gateway's, and
`stage` finds a replica for each call.
"""
