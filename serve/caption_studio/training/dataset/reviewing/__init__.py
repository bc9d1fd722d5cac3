"""Rows → a page for people who decide about them, and back."""
