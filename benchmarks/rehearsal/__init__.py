"""A rehearsal of a start: models of the real size and form, random weights, a local hub.

`python -m benchmarks.rehearsal`: see benchmarks/README.md.
"""
