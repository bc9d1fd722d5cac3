"""Pictures → captions on the terminal: the command line's client of a running service."""

from caption_studio.client.command import caption

__all__ = ["caption"]
