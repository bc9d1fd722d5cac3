"""The bodies and the answers of /v1/admin/voices."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StrictBool

from caption_studio.records import MODEL_ID, ControlName, CutForm, OnFlag, Voice
from caption_studio.settings import VoiceSettings
from caption_studio.wire.controls import ControlsBody
from caption_studio.wire.json_body import JSONBody
from caption_studio.wire.messages import In
from caption_studio.wire.validate import json_object, validate


class VoiceRequest(In):
    """Body of `POST /v1/admin/voices`: a voice to serve as the model `id`; see `VoiceSettings`."""

    id: Annotated[str, Field(pattern=MODEL_ID)]
    adapter: Annotated[str, Field(min_length=1, max_length=64)]
    description: Annotated[str, Field(max_length=200)] = ""
    template: Annotated[str, Field(max_length=4096)] | None = None
    cut: CutForm = "quoted"
    trained: Annotated[list[ControlName], Field(default_factory=list, max_length=7)]
    controls: ControlsBody = ControlsBody()
    max_tokens: Annotated[int, Field(gt=0)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None = None
    faithful: StrictBool = False
    on_flag: OnFlag = "mark"
    replacement: Annotated[str, Field(max_length=2000)] = ""


class VoiceCard(BaseModel):
    """A voice as it is served; a configured one cannot be removed at run time."""

    id: str
    object: Literal["voice"] = "voice"
    adapter: str
    description: str
    template: str | None
    cut: str
    trained: list[str]
    controls: dict[str, Any]
    max_tokens: int | None
    temperature: float | None
    top_p: float | None
    faithful: bool
    on_flag: str
    replacement: str
    configured: bool


class VoiceList(BaseModel):
    """Answer of `GET /v1/admin/voices`: the configured ones first."""

    object: Literal["list"] = "list"
    data: list[VoiceCard]


class VoiceDeleted(BaseModel):
    """Answer of `DELETE /v1/admin/voices/{id}`."""

    id: str
    object: Literal["voice"] = "voice"
    deleted: Literal[True] = True


def parse_voice(body: bytes | JSONBody) -> VoiceSettings:
    """Read the body of `POST /v1/admin/voices`. Raises `RequestError`."""
    asked = validate(VoiceRequest, json_object(body))
    controls = asked.controls.model_dump(exclude_none=True)
    return VoiceSettings(**{**asked.model_dump(), "controls": controls})


def voice_card(voice: Voice) -> VoiceCard:
    """Return the voice's card."""
    controls = {name: getattr(voice.controls, name) for name in voice.controls.given}
    return VoiceCard(**{**asdict(voice), "trained": list(voice.trained), "controls": controls})


def voice_list(voices: Sequence[Voice]) -> VoiceList:
    """Return the cards of all, in the order given."""
    return VoiceList(data=[voice_card(voice) for voice in voices])
