"""The embedded demo models and how they were made: scenes, corpora, training, evaluation.

Importing this package (or `scenes`, `painter`, `captions`, `corpus`, `paths`) needs no torch.
"""
