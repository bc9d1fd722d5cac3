"""A voice of one's own: build a data set, train an adapter on it, measure the adapter.

Here: what TRL, PEFT, transformers and datasets do well is left to them. Not here: the embedded demo
models (`demo`), what serves an adapter (`language.adapters`).
"""
