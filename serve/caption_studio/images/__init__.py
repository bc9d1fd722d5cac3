"""ImageReference → ImageBytes → Pixels: intake of pictures from untrusted clients."""

from caption_studio.images.loader import ImageIntake

__all__ = ["ImageIntake"]
