"""ImageReference → ImageBytes → Pixels: taking pictures in, from callers nobody knows."""

from caption_studio.images.loader import ImageIntake

__all__ = ["ImageIntake"]
