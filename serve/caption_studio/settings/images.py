"""How large a picture may be, and how it is fetched and decoded."""

import re
from ipaddress import IPv4Address, IPv6Address

from pydantic import Field, field_validator

from caption_studio.settings.section import Section

_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_MAX_PORT = 65_535


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
        10.0,
        gt=0,
        description="How long a fetch may take, redirects included; as long may it wait before.",
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

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts_are_as_fetches_name_them(cls, pairs: tuple[str, ...]) -> tuple[str, ...]:
        for pair in pairs:
            host, _, port = pair.lower().rpartition(":")
            is_port = _PORT.fullmatch(port) and int(port) <= _MAX_PORT
            if not (is_port and _is_host(host)):
                raise ValueError(
                    "an allowed host is host:port, as images.internal:8080 or [fd00::1]:443: "
                    "without a scheme or a path, an address in its usual form"
                )
        return pairs


def _is_host(host: str) -> bool:
    """Whether a URL of this host is compared under just this name (images.url_guard)."""
    if host.startswith("[") and host.endswith("]"):
        return _is_usual(host[1:-1], IPv6Address)
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        return _is_usual(host, IPv4Address)
    return _NAME.fullmatch(host) is not None


def _is_usual(address: str, kind: type[IPv4Address | IPv6Address]) -> bool:
    try:
        return str(kind(address)) == address and "%" not in address
    except ValueError:
        return False
