"""Other ways to serve the same two models, measured in one run with ours.

The servers take model folders as paths and import nothing of Caption Studio, which is itself
started by its command. So every figure is measured from outside, over HTTP.
"""
