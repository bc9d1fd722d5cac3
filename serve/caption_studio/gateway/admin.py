"""The administrators' routes: adapters and voices listed, added and removed; each key's usage.

Those of aliases: gateway.admin_aliases.

They exist only if an admin key is configured. The routes check the key themselves, before the body
is read, so that no spelling of a path bypasses the check. An API key is not accepted.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import APIRouter, Depends, Request

from caption_studio.errors import AdapterInUse, InvalidVoice, ModelNotFound
from caption_studio.gateway.admin_aliases import add_alias_routes, check_unnamed
from caption_studio.gateway.authentication import check_key
from caption_studio.gateway.body import read_json
from caption_studio.gateway.followed_keys import FollowedKeys
from caption_studio.gateway.openapi import admin_errors, json_body
from caption_studio.protocols import AdapterRegistry, AliasRegistry, Captioner, VoiceRegistry
from caption_studio.records import UsageTotals
from caption_studio.settings import GatewaySettings
from caption_studio.voices.catalog import voice_of
from caption_studio.wire.admin import (
    AdapterCard,
    AdapterDeleted,
    AdapterList,
    AdapterRequest,
    UsageList,
    adapter_card,
    adapter_list,
    parse_adapter,
    usage_list,
)
from caption_studio.wire.admin_voices import (
    VoiceCard,
    VoiceDeleted,
    VoiceList,
    VoiceRequest,
    parse_voice,
    voice_card,
    voice_list,
)

PREFIX = "/v1/admin"

ReadUsage = Callable[[], Awaitable[UsageTotals]]
"""Raises `NotReady`."""


@dataclass(frozen=True, slots=True)
class Administration:
    """The routes' dependencies: the captioner that tries adapters, the registries, keys' usage."""

    captioner: Captioner
    adapters: AdapterRegistry
    voices: VoiceRegistry
    aliases: AliasRegistry
    usage: ReadUsage


def create_admin_router(
    administration: Administration, settings: GatewaySettings, keys: FollowedKeys
) -> APIRouter:
    """Return the routes that need an admin key."""
    adapters, voices = administration.adapters, administration.voices
    aliases = administration.aliases

    async def key(request: Request) -> None:
        check_key(request.scope, keys.rings.admin)

    router = APIRouter(prefix=PREFIX, dependencies=[Depends(key)])

    @router.get("/adapters", summary="The adapters there are", responses=admin_errors())
    async def list_adapters() -> AdapterList:
        return adapter_list(adapters.listed())

    @router.post(
        "/adapters",
        summary="Add an adapter: it is fetched, checked and loaded once before it is accepted",
        status_code=201,
        responses=admin_errors(400, 408, 409, 413, 415, 429),
        openapi_extra=json_body(AdapterRequest, upload=False),
    )
    async def add_adapter(request: Request) -> AdapterCard:
        asked = parse_adapter(await read_json(request, settings))
        request.scope["caption_studio.log"]["adapter"] = asked.id
        await adapters.check_free(asked.id)
        await voices.check_free(asked.id)
        await aliases.check_free(asked.id)
        loaded = await administration.captioner.load_adapter(asked)
        await voices.check_free(asked.id)  # loading takes seconds
        await aliases.check_free(asked.id)
        await adapters.add(loaded)
        return adapter_card(loaded)

    @router.delete(
        "/adapters/{adapter_id:id}",
        summary="Remove an adapter that was added at run time",
        responses=admin_errors(404, 409),
    )
    async def remove_adapter(adapter_id: str, request: Request) -> AdapterDeleted:
        request.scope["caption_studio.log"]["adapter"] = adapter_id
        await adapters.refresh()
        await voices.refresh()
        users = [one.id for one in voices.listed() if one.adapter == adapter_id != one.id]
        if users:
            raise AdapterInUse(
                f"Remove the voices that write with it first: {', '.join(users)}.", param="id"
            )
        await check_unnamed(adapter_id, adapters.listed(), aliases)
        await adapters.remove(adapter_id)
        return AdapterDeleted(id=adapter_id)

    @router.get("/voices", summary="The voices there are", responses=admin_errors())
    async def list_voices() -> VoiceList:
        return voice_list(voices.listed())

    @router.post(
        "/voices",
        summary="Add a voice; it serves at once",
        status_code=201,
        responses=admin_errors(400, 404, 408, 409, 413, 415, 429),
        openapi_extra=json_body(VoiceRequest, upload=False),
    )
    async def add_voice(request: Request) -> VoiceCard:
        asked = voice_of(parse_voice(await read_json(request, settings)))
        request.scope["caption_studio.log"]["voice"] = asked.id
        try:
            await adapters.resolve(asked.adapter)
        except ModelNotFound as error:
            raise InvalidVoice(error.message, param="adapter") from None
        await voices.check_free(asked.id)
        await aliases.check_free(asked.id)
        await voices.add(asked)
        return voice_card(asked)

    @router.delete(
        "/voices/{voice_id:id}",
        summary="Remove a voice that was added at run time",
        responses=admin_errors(404, 409),
    )
    async def remove_voice(voice_id: str, request: Request) -> VoiceDeleted:
        request.scope["caption_studio.log"]["voice"] = voice_id
        await voices.refresh()
        await check_unnamed(voice_id, voices.listed(), aliases)
        await voices.remove(voice_id)
        return VoiceDeleted(id=voice_id)

    @router.get("/usage", summary="What each API key has used", responses=admin_errors())
    async def usage() -> UsageList:
        return usage_list(await administration.usage())

    add_alias_routes(router, aliases, adapters, voices, settings)
    return router
