"""Logs, metrics and spans for operators."""
