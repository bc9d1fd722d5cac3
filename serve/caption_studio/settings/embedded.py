"""The names of the embedded demo's models → their folders."""

from pathlib import Path

EMBEDDED_PREFIX = "embedded:"
EMBEDDED_MODELS_DIR = Path(__file__).parents[1] / "demo" / "models"


def model_location(source: str) -> str:
    """Return the folder of an `embedded:` model, or `source` itself (a folder or a hub id)."""
    if source.startswith(EMBEDDED_PREFIX):
        return str(EMBEDDED_MODELS_DIR / source.removeprefix(EMBEDDED_PREFIX))
    return source
