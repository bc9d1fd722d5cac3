"""The administrators' JSON: the bodies and the answers of /v1/admin/…."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from caption_studio.records import MODEL_ID, Adapter, UsageTotals
from caption_studio.wire.json_body import JSONBody
from caption_studio.wire.validate import json_object, validate


class AdapterRequest(BaseModel):
    """Body of `POST /v1/admin/adapters`: an adapter to serve as the model `id`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: Annotated[str, Field(pattern=MODEL_ID)]
    source: Annotated[str, Field(min_length=1, max_length=2048)]
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = None
    any_base: StrictBool = False
    description: Annotated[str, Field(max_length=200)] = ""


class AdapterCard(BaseModel):
    """An adapter as it is served; `digest` is the SHA-256 of its files.

    A configured adapter comes from the settings: it has no digest here and cannot be removed.
    """

    id: str
    object: Literal["adapter"] = "adapter"
    source: str
    revision: str | None
    any_base: bool
    configured: bool
    digest: str | None
    description: str = ""


class AdapterList(BaseModel):
    """Answer of `GET /v1/admin/adapters`: the configured ones first."""

    object: Literal["list"] = "list"
    data: list[AdapterCard]


class AdapterDeleted(BaseModel):
    """Answer of `DELETE /v1/admin/adapters/{id}`."""

    id: str
    object: Literal["adapter"] = "adapter"
    deleted: Literal[True] = True


class KeyUsageCard(BaseModel):
    """The usage of one key; `key` is its name, or its fingerprint if it has none.

    `requests` were admitted, `refused` were refused with 429; `pictures` were captioned.
    """

    key: str
    object: Literal["key.usage"] = "key.usage"
    requests: int
    refused: int
    pictures: int
    prompt_tokens: int
    completion_tokens: int


class UsageList(BaseModel):
    """Answer of `GET /v1/admin/usage`, counted `since` that Unix time, over all gateways."""

    object: Literal["list"] = "list"
    since: int
    data: list[KeyUsageCard]


def parse_adapter(body: bytes | JSONBody) -> Adapter:
    """Read the body of `POST /v1/admin/adapters`. Raises `RequestError`."""
    request = validate(AdapterRequest, json_object(body))
    return Adapter(
        request.id,
        request.source,
        request.revision,
        request.any_base,
        description=request.description,
    )


def adapter_card(adapter: Adapter) -> AdapterCard:
    """Return the adapter's card."""
    return AdapterCard(
        id=adapter.id,
        source=adapter.source,
        revision=adapter.revision,
        any_base=adapter.any_base,
        configured=adapter.configured,
        digest=adapter.digest,
        description=adapter.description,
    )


def adapter_list(adapters: Sequence[Adapter]) -> AdapterList:
    """Return the cards of all, in the order given."""
    return AdapterList(data=[adapter_card(adapter) for adapter in adapters])


def usage_list(totals: UsageTotals) -> UsageList:
    """Return the usage of each key, by name."""
    cards = [KeyUsageCard(key=key, **asdict(usage)) for key, usage in totals.keys.items()]
    return UsageList(since=int(totals.since_s), data=cards)
