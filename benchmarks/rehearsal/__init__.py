"""The real models' size and forms, with random weights, from a hub of its own: a start rehearsed.

`python -m benchmarks.rehearsal`: see benchmarks/README.md.
"""
