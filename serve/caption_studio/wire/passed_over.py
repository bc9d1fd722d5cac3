"""A request → the request without the fields that do not change the answer.

A field is passed over if it is null, if it asks for the default behaviour, or if it is bookkeeping
between a client and its server. Every other field is obeyed (wire.schema) or refused by name.

Sources: the official client's types (openai 3.57, types/chat/completion_create_params.py,
types/completion_create_params.py) and vLLM's (0.32, entrypoints/openai/*/protocol.py).
"""

from collections.abc import Container, Mapping
from typing import Any

BOOKKEEPING = frozenset(
    "metadata parallel_tool_calls prediction prompt_cache_key prompt_cache_options "
    "prompt_cache_retention reasoning_effort safety_identifier service_tier session_id store "
    "thinking_token_budget verbosity".split()
)
"""Fields for the server's accounting, for its caches, or for reasoning, which there is none of."""

DEFAULTS: Mapping[str, tuple[Any, ...]] = {
    "add_generation_prompt": (True,),
    "add_special_tokens": (True, False),  # Falcon's tokenizer adds none
    "allowed_token_ids": ([],),
    "bad_words": ([],),
    "chat_template_kwargs": ({},),
    "continue_final_message": (False,),
    "documents": ([],),
    "echo": (False,),
    "enable_response_messages": (False,),
    "include_reasoning": (True, False),  # there is none
    "length_penalty": (1, 1.0),  # of beam search
    "logit_processors": ([],),
    "mm_payload": ("tensors",),
    "modalities": (["text"],),
    "priority": (0,),
    "return_prompt_text": (False,),
    "return_token_ids": (False,),
    "return_token_offsets": (False,),
    "return_tokens_as_token_ids": (False,),
    "routed_experts_prompt_start": (0,),
    "skip_special_tokens": (True,),
    "spaces_between_special_tokens": (True,),
    "stream_interval": (1,),
    "suffix": ("",),
    "use_beam_search": (False,),
    "watermarking": (False,),
}
"""Fields that are known, and the values of each that change nothing."""

OF_MESSAGES = frozenset(
    "annotations audio cache_control caption_studio finish_reason id index logprobs parsed "
    "prompt_cache_breakpoint provider_specific_fields reasoning reasoning_content "
    "reasoning_details status thinking thinking_blocks tool_call_id".split()
)
"""Fields that other servers, clients and we ourselves put into an answer's message."""

OF_PARTS = frozenset(
    ("annotations", "cache_control", "detail", "id", "prompt_cache_breakpoint", "uuid")
)
OF_IMAGES = frozenset(("detail", "filename", "format", "media_type", "mime_type"))
"""The model sees every picture at one size, and its bytes say what format it has."""

NEVER_NULL = frozenset(("content", "image_url", "messages", "role", "text", "type", "url"))
"""Fields whose null means that something is missing."""


def without_passed_over(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body's object without these fields, in its messages and their parts too."""
    kept = {
        name: field
        for name, field in _without(value, BOOKKEEPING).items()
        if not _is_default(name, field)
    }
    if isinstance(messages := kept.get("messages"), list):
        kept["messages"] = [_message(message) for message in messages]
    if isinstance(options := kept.get("stream_options"), dict):
        kept["stream_options"] = _without(options, frozenset(("include_obfuscation",)))
    return kept


def without_meaningless(value: Mapping[str, Any], kept: Container[str]) -> dict[str, Any]:
    """Return the body's object without these fields at its top level, except those in `kept`."""
    return {
        name: field
        for name, field in value.items()
        if name in kept
        or (name not in BOOKKEEPING and field is not None and not _is_default(name, field))
    }


def _is_default(name: str, field: Any) -> bool:
    """Compare types too: 0 is not False here."""
    return any(field == one and type(field) is type(one) for one in DEFAULTS.get(name, ()))


def _message(message: Any) -> Any:
    if not isinstance(message, dict):
        return message
    kept = _without(message, OF_MESSAGES)
    if isinstance(parts := kept.get("content"), list):
        kept["content"] = [part_without_passed_over(part) for part in parts]
    return kept


def part_without_passed_over(part: Any) -> Any:
    """Return a part of a message without these fields, in its picture too."""
    if not isinstance(part, dict):
        return part
    kept = _without(part, OF_PARTS)
    for name in ("image_url", "file"):
        if isinstance(picture := kept.get(name), dict):
            kept[name] = _without(picture, OF_IMAGES)
    return kept


def _without(value: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {
        name: field
        for name, field in value.items()
        if name not in names and (field is not None or name in NEVER_NULL)
    }
