"""Other ways to serve the same two models, measured in one run with ours.

The servers take model folders as paths and import nothing of Caption Studio, which is
itself started by its command: every figure comes from outside, over HTTP.
"""
