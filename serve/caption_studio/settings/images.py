"""How large a picture may be, and how it is fetched and decoded."""

from pydantic import Field

from caption_studio.settings.section import Section


class ImageSettings(Section):
    """How large a picture may be, and how it is fetched and decoded."""

    max_bytes: int = Field(20 * 1024**2, gt=0, description="The largest picture, as it is encoded.")
    max_pixels: int = Field(
        64_000_000, gt=0, description="Width times height of a picture, checked before decoding."
    )
    max_side_px: int = Field(
        20_000, gt=0, description="The longest side of a picture, checked before decoding."
    )
    max_url_bytes: int = Field(8 * 1024, gt=0, description="The longest http(s) URL of a picture.")
    max_redirects: int = Field(
        3, ge=0, description="Redirects that a fetch follows; each address is checked anew."
    )
    allowed_hosts: tuple[str, ...] = Field(
        (),
        description="Exact `host:port` pairs whose addresses may be private, such as an internal "
        "image store.",
    )
    fetch_timeout_s: float = Field(
        10.0, gt=0, description="How long a fetch may take, redirects included."
    )
    fetch_concurrency: int = Field(
        32, gt=0, description="Fetches of one gateway replica at a time."
    )
    decode_timeout_s: float = Field(
        10.0,
        gt=0,
        description="How long one picture may take to decode, once a worker has it. Then the "
        "answer is 400, or 504 if the machine was too busy for it.",
    )
    decode_workers: int = Field(
        2, gt=0, description="Pictures that one gateway replica decodes at a time."
    )
