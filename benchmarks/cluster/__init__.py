"""Scaling, proved on one machine. `benchmarks.autoscaling` simulates it with other policies.

A real Ray cluster with the real autoscaler, Serve, gateway and policy; only describer and
captioner are stand-ins that take an H100's time, slowed down so that two cores can carry the
load.
"""
