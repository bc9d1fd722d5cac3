"""How much the gateway lets in, and from whom."""

import re
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from caption_studio.key_rules import check_key
from caption_studio.limits import MAX_IN_FLIGHT
from caption_studio.settings.section import Section

LONGEST_S = 86_400
"""A day, far below the 24 days that HAProxy can count, which waits for both times together."""

_ORIGIN = re.compile(r"https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")


class GatewaySettings(Section):
    """What the gateway lets in, and from whom."""

    max_body_bytes: int = Field(64 * 1024**2, gt=0, description="The largest request body.")
    max_body_bytes_in_flight: int = Field(
        256 * 1024**2,
        gt=0,
        description="The bodies of all requests inside one gateway replica, and the uploaded files "
        "that they name, until their pictures are decoded; a request that needs more alone gets "
        "413. At least `max_body_bytes`.",
    )
    upload_timeout_s: float = Field(
        30.0,
        gt=0,
        le=LONGEST_S,
        description="How long a caller may take to send a request body.",
    )
    request_timeout_s: float = Field(
        120.0,
        gt=0,
        le=LONGEST_S,
        description="How long a request may take, up to the last byte of its answer.",
    )
    describe_share: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="The share of `request_timeout_s` that pictures and descriptions may take.",
    )
    max_in_flight: int = Field(
        MAX_IN_FLIGHT,
        gt=0,
        le=MAX_IN_FLIGHT,
        description="Requests inside one gateway replica at a time.",
    )
    max_predicted_s: float = Field(
        10.0,
        gt=0,
        description="A request is admitted only if it can expect its answer within this time.",
    )
    max_images: int = Field(8, gt=0, description="Pictures in one request.")
    max_turns: int = Field(
        1000,
        gt=0,
        description="Messages of one request, and also the content parts of all of them.",
    )
    max_n: int = Field(16, gt=0, description="Choices of one prompt (`n`).")
    max_prompts: int = Field(
        64, gt=0, description="Prompts of one completion, and also their choices together."
    )
    max_text_bytes: int = Field(
        32 * 1024,
        gt=0,
        description="All text of one request; each further turn may have some more.",
    )
    api_keys: tuple[SecretStr, ...] = Field(
        (), description="Keys of callers; without any, no key is needed."
    )
    api_keys_file: Path | None = Field(
        None,
        description="A file of further keys, one a line, each with a name, a class and limits if "
        "need be. "
        "It is read again when it changes.",
    )
    requests_per_minute: int | None = Field(
        None,
        gt=0,
        description="Requests a minute over all gateways of each key whose line has no such limit. "
        "Null sets no limit.",
    )
    tokens_per_minute: int | None = Field(
        None,
        gt=0,
        description="The same limit for tokens, those of prompts and those of answers together.",
    )
    allow_anonymous: bool = Field(
        False, description="Serve without keys although other machines reach the address."
    )
    cors_origins: tuple[str, ...] = Field(
        (),
        description="Web pages of these origins (`https://example.com`) may call the API. "
        "`*` allows all pages, which takes API keys.",
    )
    page: bool = Field(
        True, description="Serve the page at `/` and the API's reference at `/docs`."
    )
    admin_keys: tuple[SecretStr, ...] = Field(
        (),
        description="Keys of administrators, who add and remove adapters, voices and aliases. "
        "Without any there are no such routes.",
    )
    admin_keys_file: Path | None = Field(
        None, description="A file of further administrators' keys, one a line."
    )

    @field_validator("api_keys", "admin_keys", mode="before")
    @classmethod
    def _keys_are_a_list(cls, keys: object) -> object:
        if isinstance(keys, str):
            raise ValueError("a list of keys is wanted, in JSON where it comes from a variable")
        return keys

    @field_validator("api_keys", "admin_keys")
    @classmethod
    def _keys_are_no_open_door(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for key in keys:
            check_key(key.get_secret_value())
        return keys

    @field_validator("api_keys_file", "admin_keys_file")
    @classmethod
    def _a_key_file_has_a_name(cls, path: Path | None) -> Path | None:
        if path == Path():
            raise ValueError("an empty name is no file: leave it out where there is none")
        return path

    @field_validator("cors_origins")
    @classmethod
    def _origins_are_as_browsers_send_them(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise ValueError("an origin is scheme://host[:port] in lower case, without a path")
        return origins

    @model_validator(mode="after")
    def _all_pages_need_a_key(self) -> Self:
        if "*" in self.cors_origins and not self.has_keys:
            raise ValueError("cors_origins: * without API keys lets any page use the service")
        return self

    @model_validator(mode="after")
    def _a_whole_body_finds_room(self) -> Self:
        if self.max_body_bytes_in_flight < self.max_body_bytes:
            raise ValueError("max_body_bytes_in_flight must be at least max_body_bytes")
        return self

    @property
    def describe_timeout_s(self) -> float:
        """The part of a request's time in which its pictures must be described."""
        return self.request_timeout_s * self.describe_share

    @property
    def has_keys(self) -> bool:
        """Whether clients need a key."""
        return bool(self.api_keys) or self.api_keys_file is not None

    @property
    def has_admin(self) -> bool:
        """Whether anyone may add adapters at run time."""
        return bool(self.admin_keys) or self.admin_keys_file is not None
