"""How large a picture may be, and how it is fetched and decoded."""

from pydantic import Field

from caption_studio.settings.section import Section


class ImageSettings(Section):
    """Taking pictures in: data URL or URL → ImageBytes → Pixels."""

    max_bytes: int = Field(20 * 1024**2, gt=0, description="encoded size of one picture")
    max_pixels: int = Field(64_000_000, gt=0, description="width times height, before decoding")
    max_side_px: int = Field(20_000, gt=0, description="longest side, before decoding")
    max_url_bytes: int = Field(8 * 1024, gt=0, description="length of an http(s) URL")
    max_redirects: int = Field(3, ge=0)
    allowed_hosts: tuple[str, ...] = Field(
        (), description="exact host:port pairs that may be private, e.g. an internal image store"
    )
    fetch_timeout_s: float = Field(10.0, gt=0, description="a whole fetch, redirects included")
    fetch_concurrency: int = Field(32, gt=0, description="fetches at a time, per gateway replica")
    decode_timeout_s: float = Field(10.0, gt=0, description="of one picture, once a worker has it")
    decode_workers: int = Field(2, gt=0, description="decodes at a time, per gateway replica")
