"""A picture that cannot be captioned."""

from caption_studio.errors.base import RequestError


class ImageError(RequestError):
    """A picture that cannot be captioned."""

    code = "image_parse_error"


class InvalidImageURL(ImageError):
    """The reference is refused, or its target cannot be fetched."""

    code = "invalid_image_url"


class InvalidImageFormat(ImageError):
    """The bytes are in none of the supported formats."""

    code = "invalid_image_format"


class ImageParseError(ImageError):
    """The bytes claim a supported format, but are truncated or corrupt."""

    code = "image_parse_error"


class ImageTooLarge(ImageError):
    """Too many bytes or too many pixels."""

    code = "image_too_large"
