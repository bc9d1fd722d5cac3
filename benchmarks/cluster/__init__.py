"""Scaling, proved on one machine and simulated beyond it.

A real Ray cluster with the real autoscaler, Serve, gateway and policy; only describer and
captioner are stand-ins that take an H100's time, slowed down so that two cores can carry the
load. The simulation is then compared with the measurement.
"""
