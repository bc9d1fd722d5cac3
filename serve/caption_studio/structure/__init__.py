"""Structured output: JSON Schemas as callers send them → what the captioner's engine can obey."""
