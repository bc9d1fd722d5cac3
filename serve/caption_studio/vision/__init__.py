"""Pixels → Description."""
