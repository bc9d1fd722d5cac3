"""The administrators' routes for aliases, and the check before a model is removed."""

from collections.abc import Sequence

from fastapi import APIRouter, Request

from caption_studio.errors import InvalidAlias, ModelInUse, ModelNotFound
from caption_studio.gateway.body import read_json
from caption_studio.gateway.openapi import admin_errors, json_body
from caption_studio.protocols import AdapterRegistry, AliasRegistry, VoiceRegistry
from caption_studio.records import Adapter, Alias, Voice
from caption_studio.settings import GatewaySettings
from caption_studio.wire.admin_aliases import (
    AliasCard,
    AliasDeleted,
    AliasList,
    AliasRequest,
    alias_card,
    alias_list,
    parse_alias,
)


def add_alias_routes(
    router: APIRouter,
    aliases: AliasRegistry,
    adapters: AdapterRegistry,
    voices: VoiceRegistry,
    settings: GatewaySettings,
) -> None:
    """Add the routes to the administrators' router."""

    @router.get("/aliases", summary="The aliases there are", responses=admin_errors())
    async def list_aliases() -> AliasList:
        return alias_list(aliases.listed())

    @router.post(
        "/aliases",
        summary="Set an alias, whether it is there or not; it serves at once",
        responses=admin_errors(400, 408, 409, 413, 415, 429),
        openapi_extra=json_body(AliasRequest, upload=False),
    )
    async def set_alias(request: Request) -> AliasCard:
        asked = parse_alias(await read_json(request, settings))
        request.scope["caption_studio.log"]["alias"] = asked.id
        await adapters.check_free(asked.id)
        await voices.check_free(asked.id)
        await _check_targets(asked, aliases.listed(), voices)
        await aliases.set(asked)
        return alias_card(asked)

    @router.delete(
        "/aliases/{alias_id:id}",
        summary="Remove an alias that was set at run time",
        responses=admin_errors(404, 409),
    )
    async def remove_alias(alias_id: str, request: Request) -> AliasDeleted:
        request.scope["caption_studio.log"]["alias"] = alias_id
        await aliases.remove(alias_id)
        return AliasDeleted(id=alias_id)


async def _check_targets(asked: Alias, aliases: Sequence[Alias], voices: VoiceRegistry) -> None:
    ids = {alias.id for alias in (*aliases, asked)}
    for index, target in enumerate(asked.targets):
        try:
            await voices.resolve(target.model)
        except ModelNotFound as error:
            is_alias = target.model in ids
            message = "An alias may not name an alias." if is_alias else error.message
            raise InvalidAlias(message, param=f"targets[{index}].model") from None


async def check_unnamed(
    model: str, there: Sequence[Adapter | Voice], aliases: AliasRegistry
) -> None:
    """Raise `ModelInUse` if the model could be removed and aliases name it."""
    is_added = any(one.id == model and not one.configured for one in there)
    if is_added and (users := await aliases.naming(model)):
        raise ModelInUse(
            f"Change or remove the aliases that name it first: {', '.join(users)}.", param="id"
        )
