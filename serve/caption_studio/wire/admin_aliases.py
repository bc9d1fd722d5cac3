"""The bodies and the answers of /v1/admin/aliases."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from caption_studio.errors import InvalidAlias
from caption_studio.records import MODEL_ID, Alias, Target
from caption_studio.wire.bounds import MAX_MODEL_CHARS
from caption_studio.wire.json_body import JSONBody
from caption_studio.wire.messages import In
from caption_studio.wire.validate import json_object, validate


class AliasTarget(In):
    """One of the models that an alias names; its share is its weight in the sum of all weights."""

    model: Annotated[str, Field(min_length=1, max_length=MAX_MODEL_CHARS)]
    weight: Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]


class AliasRequest(In):
    """Body of `POST /v1/admin/aliases`: the whole alias; it replaces one with the same id."""

    id: Annotated[str, Field(pattern=MODEL_ID)]
    targets: Annotated[list[AliasTarget], Field(min_length=1, max_length=16, fail_fast=True)]
    description: Annotated[str, Field(max_length=200)] = ""


class AliasCard(BaseModel):
    """An alias as it is served; a configured one is as the settings say."""

    id: str
    object: Literal["alias"] = "alias"
    targets: list[AliasTarget]
    description: str
    configured: bool


class AliasList(BaseModel):
    """Answer of `GET /v1/admin/aliases`: those of the settings first."""

    object: Literal["list"] = "list"
    data: list[AliasCard]


class AliasDeleted(BaseModel):
    """Answer of `DELETE /v1/admin/aliases/{id}`; an alias of the settings is again as they say."""

    id: str
    object: Literal["alias"] = "alias"
    deleted: Literal[True] = True


def parse_alias(body: bytes | JSONBody) -> Alias:
    """Read the body of `POST /v1/admin/aliases`. Raises `RequestError`."""
    asked = validate(AliasRequest, json_object(body))
    named: set[str] = set()
    for index, target in enumerate(asked.targets):
        if target.model in named:
            raise InvalidAlias("An alias may name a model once.", param=f"targets[{index}].model")
        named.add(target.model)
    targets = tuple(Target(one.model, one.weight) for one in asked.targets)
    return Alias(asked.id, targets, asked.description)


def alias_card(alias: Alias) -> AliasCard:
    """Return the alias's card."""
    return AliasCard.model_validate(asdict(alias))


def alias_list(aliases: Sequence[Alias]) -> AliasList:
    """Return the cards of all, in the order given."""
    return AliasList(data=[alias_card(alias) for alias in aliases])
