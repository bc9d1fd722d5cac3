import json
from typing import Any

import pytest
from pydantic import ValidationError

from caption_studio.errors import RequestError
from caption_studio.records import CaptionRequest, FileReference, Turn
from caption_studio.settings import Settings
from caption_studio.wire.completions_parse import parse_completion
from caption_studio.wire.parse import parse_chat

SETTINGS = Settings.load()
URL = "data:image/png;base64,AAAA"
PICTURE = {"type": "image_url", "image_url": {"url": URL}}
USER = {"role": "user", "content": "hi"}


def chat(**fields: Any) -> CaptionRequest:
    body = {"messages": [{"role": "user", "content": [PICTURE]}], **fields}
    return parse_chat(json.dumps(body).encode(), request_id="r", settings=SETTINGS)


def completion(**fields: Any) -> CaptionRequest:
    return parse_completion(json.dumps(fields).encode(), request_id="r", settings=SETTINGS)


def test_a_picture_defaults_to_the_first_adapter_and_its_sampling() -> None:
    request = chat()
    assert request.model == "caption-demo"
    assert (request.sampling.temperature, request.sampling.top_p) == (0.1, 0.7)
    assert request.sampling.max_tokens == SETTINGS.language.caption_max_tokens


def test_text_alone_defaults_to_the_base_model_and_the_official_sampling() -> None:
    request = chat(messages=[USER])
    assert request.model == "falcon-demo"
    assert (request.sampling.temperature, request.sampling.max_tokens) == (1.0, None)
    assert completion(prompt="a").sampling.max_tokens == 16


def test_pictures_keep_their_place_in_the_body() -> None:
    parts = [{"type": "text", "text": "Be brief"}, PICTURE]
    request = chat(
        messages=[{"role": "system", "content": "s"}, {"role": "user", "content": parts}]
    )
    assert [i.param for i in request.images] == ["messages[1].content[1].image_url.url"]
    assert request.turns == (Turn("system", "s"), Turn("user", "Be brief"))


def test_every_sampling_field_arrives() -> None:
    request = chat(
        temperature=1.5, top_p=0.5, max_tokens=9, max_completion_tokens=7, n=2, stop="x", seed=3
    )
    sampling = request.sampling
    assert (sampling.temperature, sampling.top_p, sampling.max_tokens) == (1.5, 0.5, 7)
    assert (sampling.n, sampling.stop, sampling.seed) == (2, ("x",), 3)


def test_streaming_and_usage() -> None:
    request = chat(stream=True, stream_options={"include_usage": True})
    assert request.stream
    assert request.include_usage


def test_a_completion_with_an_image_is_a_caption() -> None:
    request = completion(image=URL, prompt="Be brief")
    assert request.images[0].param == "image"
    assert request.model == "caption-demo"
    assert request.turns == (Turn("user", "Be brief"),)


BAD = [
    ({"temperature": "hot"}, "temperature", "invalid_type"),
    ({"temperature": 2.1}, "temperature", "decimal_above_max_value"),
    ({"temperature": -1}, "temperature", "decimal_below_min_value"),
    ({"top_p": 1.5}, "top_p", "decimal_above_max_value"),
    ({"n": 0}, "n", "integer_below_min_value"),
    ({"n": 10**6}, "n", "integer_above_max_value"),
    ({"n": 1.5}, "n", "invalid_type"),
    ({"n": True}, "n", "invalid_type"),
    ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
    ({"stop": ["a"] * 5}, "stop", "array_above_max_length"),
    ({"stop": [1]}, "stop[0]", "invalid_type"),
    ({"stop": ""}, "stop", "string_below_min_length"),
    ({"stream": "yes"}, "stream", "invalid_type"),
    ({"stream_options": {"include_usage": True}}, "stream_options", "invalid_value"),
    ({"chat_template": "x"}, "chat_template", "unknown_parameter"),
    ({"stream": True, "stream_options": {"x": 1}}, "stream_options.x", "unknown_parameter"),
    ({"model": 5}, "model", "invalid_type"),
    ({"messages": []}, "messages", "array_below_min_length"),
    ({"messages": "hi"}, "messages", "invalid_type"),
    ({"messages": None}, "messages", "invalid_type"),
    ({"messages": [1]}, "messages[0]", "invalid_value"),
    ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0]", "invalid_value"),
    ({"tool_choice": "required"}, "tool_choice", "invalid_value"),
    (
        {"tool_choice": {"type": "function", "function": {"name": "x"}}},
        "tool_choice",
        "invalid_value",
    ),
    ({"function_call": {"name": "x"}}, "function_call", "invalid_value"),
    ({"modalities": ["text", "audio"]}, "modalities", "unknown_parameter"),
    ({"audio": {"voice": "x"}}, "audio", "unknown_parameter"),
    ({"web_search_options": {}}, "web_search_options", "unknown_parameter"),
    ({"bad_words": ["x"]}, "bad_words", "unknown_parameter"),
    ({"cache_salt": "x"}, "cache_salt", "unknown_parameter"),
    ({"priority": 1}, "priority", "unknown_parameter"),
    ({"request_id": "x"}, "request_id", "unknown_parameter"),
    ({"truncate_prompt_tokens": -1}, "truncate_prompt_tokens", "unknown_parameter"),
    ({"prompt_logprobs": 0}, "prompt_logprobs", "unknown_parameter"),
    ({"moderation": {"model": "m"}}, "moderation", "unknown_parameter"),
    ({"top_k": 10**400}, "top_k", "integer_above_max_value"),
    ({"prompt_embeds": "x"}, "prompt_embeds", "unknown_parameter"),
    ({"use_beam_search": True}, "use_beam_search", "unknown_parameter"),
    ({"skip_special_tokens": False}, "skip_special_tokens", "unknown_parameter"),
    ({"allowed_token_ids": [1]}, "allowed_token_ids", "unknown_parameter"),
    ({"top_k": -2}, "top_k", "integer_below_min_value"),
    ({"min_p": 1.5}, "min_p", "decimal_above_max_value"),
    ({"repetition_penalty": 0}, "repetition_penalty", "decimal_below_min_value"),
    ({"min_tokens": 9, "max_tokens": 8}, "min_tokens", "invalid_value"),
    ({"stop_token_ids": [-1]}, "stop_token_ids[0]", "integer_below_min_value"),
    ({"logit_bias": {"5": 101}}, "logit_bias.5", "decimal_above_max_value"),
    ({"logit_bias": {"word": 1}}, "logit_bias.word", "invalid_value"),
    (
        {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]},
        "messages[0].content[0]",
        "invalid_value",
    ),
    ({"messages": [{"role": "user"}]}, "messages[0].content", "missing_required_parameter"),
    ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content", "invalid_type"),
    (
        {"messages": [{"role": "user", "content": [{"type": "audio"}]}]},
        "messages[0].content[0]",
        "invalid_value",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        "messages[0].content[0].image_url.url",
        "missing_required_parameter",
    ),
    (
        {"messages": [{"role": "system", "content": [PICTURE]}]},
        "messages[0].content[0].type",
        "invalid_value",
    ),
    (
        {"messages": [{"role": "user", "content": [PICTURE] * 9}]},
        "messages",
        "array_above_max_length",
    ),
    (
        {"messages": [{"role": "user", "content": "x" * 40_000}]},
        "messages",
        "string_above_max_length",
    ),
]


@pytest.mark.parametrize(("fields", "param", "code"), BAD)
def test_a_bad_field_is_named(fields: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(RequestError) as refused:
        chat(**fields)
    assert (refused.value.param, refused.value.code) == (param, code)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b'{"n": NaN}',
        b'{"n": Infinity}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"prompt": "\\ud800"}',
    ],
)
def test_what_is_not_one_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(RequestError) as refused:
        parse_chat(body, request_id="r", settings=SETTINGS)
    assert (refused.value.status, refused.value.code) == (400, None)


def test_a_completion_needs_a_prompt_or_a_picture() -> None:
    with pytest.raises(RequestError) as refused:
        completion(max_tokens=5)
    assert refused.value.param == "prompt"


LONG_NAME = "x" * 100_000


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"messages": [{"role": "user", "content": ""}] * 1001}, "messages", "array"),
        ({"messages": [{}] * 1001}, "messages", "array"),
        ({"messages": [1] * 1001}, "messages", "array"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}] * 1001}]},
            "messages",
            "array",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}] * 2}] * 501},
            "messages",
            "array",
        ),
        ({"messages": [{**USER, "name": "x" * 257}]}, "messages[0].name", "string"),
        ({"messages": [{**USER, "name": LONG_NAME}]}, "messages[0].name", "string"),
        ({"user": "x" * 1025}, "user", "string"),
        ({"user": LONG_NAME}, "user", "string"),
        ({"logit_bias": {str(number): 1 for number in range(4000)}}, "logit_bias", "array"),
        ({f"x{number}": 1 for number in range(4000)}, None, "array"),
        ({"stop": [LONG_NAME]}, "stop[0]", "string"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_long_is_refused_as_such(
    fields: dict[str, Any], param: str | None, code: str
) -> None:
    with pytest.raises(RequestError) as caught:
        chat(**fields)
    assert (caught.value.param, caught.value.code) == (param, f"{code}_above_max_length")
    assert len(caught.value.message) < 1000


@pytest.mark.parametrize(
    "fields",
    [
        {"x" * 5000: 1},
        {"messages": [{**USER, "x" * 5000: 1}]},
        {"messages": [{"role": LONG_NAME}]},
        {"messages": [{"role": "user", "content": [{"type": LONG_NAME}]}]},
        {"response_format": {"type": LONG_NAME}},
        {"model": LONG_NAME},
    ],
    ids=lambda value: repr(value)[:40],
)
def test_an_error_does_not_repeat_what_is_long(fields: dict[str, Any]) -> None:
    with pytest.raises(RequestError) as caught:
        chat(**fields)
    assert len(caught.value.message) + len(caught.value.param or "") < 1000


def test_many_turns_are_fine_as_long_as_their_prompt_is() -> None:
    turns = [USER, {"role": "assistant", "content": "b"}] * 500
    assert len(chat(messages=turns).turns) == 1000
    settings = Settings.load({"gateway": {"max_text_bytes": 1000}})
    body = json.dumps({"messages": [{"role": "user", "content": ""}] * 100}).encode()
    with pytest.raises(RequestError) as caught:
        parse_chat(body, request_id="r", settings=settings)
    assert (caught.value.param, caught.value.code) == ("messages", "string_above_max_length")


def test_only_the_first_of_many_bad_items_is_told() -> None:
    bad = {**USER, **{f"x{number}": 1 for number in range(30)}}
    with pytest.raises(RequestError) as caught:
        chat(messages=[USER, *[bad] * 100])
    assert caught.value.param == "messages[1].x0"
    assert isinstance(caught.value.__context__, ValidationError)
    assert caught.value.__context__.error_count() == 30


@pytest.mark.parametrize(
    "fields",
    [
        {"store": True, "metadata": {"a": "b"}, "service_tier": "flex", "safety_identifier": "u"},
        {"prompt_cache_key": "k", "prompt_cache_retention": "24h", "user": "u"},
        {"modalities": ["text"], "verbosity": "low", "reasoning_effort": "minimal"},
        {"prediction": {"type": "content", "content": "x"}, "parallel_tool_calls": False},
        {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto"},
        {"tools": [], "tool_choice": "none"},
        {"functions": [{"name": "f"}], "function_call": "auto"},
        {"chat_template": None, "audio": None, "web_search_options": None, "tools": None},
        {"no_such_field": None, "chat_template_kwargs": {}, "stream_options": {}},
        {"stream_options": {"include_usage": False}, "cache_salt": None, "moderation": None},
        {"echo": False, "bad_words": [], "length_penalty": 1.0, "skip_special_tokens": True},
        {"add_generation_prompt": True, "use_beam_search": False, "priority": 0},
        {"stream": True, "stream_options": {"include_obfuscation": False}},
        {"logprobs": False, "top_logprobs": 0, "response_format": {"type": "text"}},
    ],
)
def test_what_changes_nothing_is_taken(fields: dict[str, Any]) -> None:
    assert chat(**fields).sampling == chat().sampling


def test_the_fields_of_vllm_are_obeyed() -> None:
    sampling = chat(
        top_k=-1,
        min_p=0.1,
        repetition_penalty=1.1,
        min_tokens=3,
        ignore_eos=True,
        stop_token_ids=[7],
    ).sampling
    assert (sampling.top_k, sampling.min_p, sampling.repetition_penalty) == (0, 0.1, 1.1)
    assert (sampling.min_tokens, sampling.ignore_eos, sampling.stop_token_ids) == (3, True, (7,))
    request = chat(stream=True, stream_options={"continuous_usage_stats": True})
    assert request.usage_in_chunks


def test_a_top_p_of_zero_is_the_greedy_answer() -> None:
    assert (chat(top_p=0).sampling.temperature, chat(top_p=0).sampling.top_p) == (0.0, 1.0)


ANSWER = {
    "role": "assistant",
    "content": "A kite!",
    "refusal": None,
    "annotations": [],
    "audio": None,
    "function_call": None,
    "tool_calls": None,
    "parsed": None,
    "reasoning_content": None,
    "caption_studio": {"description": "a kite"},
}


@pytest.mark.parametrize(
    ("message", "turn"),
    [
        (ANSWER, Turn("assistant", "A kite!")),
        ({**ANSWER, "tool_calls": []}, Turn("assistant", "A kite!")),
        ({**ANSWER, "content": None, "refusal": "No."}, Turn("assistant", "No.")),
        ({"role": "assistant", "content": None}, Turn("assistant", "")),
        ({"role": "assistant", "content": []}, Turn("assistant", "")),
        ({"role": "assistant"}, Turn("assistant", "")),
        (
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
            Turn("assistant", "No."),
        ),
        (
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
                ],
            },
            Turn("assistant", "f({})"),
        ),
        (
            {
                "role": "assistant",
                "tool_calls": [
                    {"type": "custom", "custom": {"name": "c", "input": "go"}, "index": 0},
                    {"function": {"name": "f", "arguments": None, "parsed_arguments": None}},
                    {"function": {"name": "g", "arguments": {"é": 1}}},
                ],
            },
            Turn("assistant", 'c(go) f() g({"é": 1})'),
        ),
        (
            {"role": "assistant", "content": "a", "index": 0, "thinking": "b", "tool_calls": []},
            Turn("assistant", "a"),
        ),
        ({"role": "tool", "content": []}, Turn("tool", "")),
        (
            {"role": "user", "content": "a", "cache_control": {"type": "ephemeral"}, "name": "u"},
            Turn("user", "a"),
        ),
        ({"role": "tool", "tool_call_id": "1", "content": "sunny"}, Turn("tool", "sunny")),
        ({"role": "function", "name": "f", "content": "sunny"}, Turn("tool", "sunny")),
        ({"role": "developer", "content": "Be brief", "name": "d"}, Turn("system", "Be brief")),
    ],
)
def test_earlier_answers_and_tools_are_turns(message: dict[str, Any], turn: Turn) -> None:
    assert chat(messages=[USER, message, USER]).turns[1] == turn


def test_the_pictures_of_the_last_turn_that_has_any_are_captioned() -> None:
    def seen(number: int) -> dict[str, Any]:
        url = f"https://x/{number}.png"
        return {"role": "user", "content": [{"type": "image_url", "image_url": url}]}

    messages = [*(seen(number) for number in range(20)), ANSWER, USER]
    request = chat(messages=messages)
    assert [(one.url, one.param) for one in request.images] == [
        ("https://x/19.png", "messages[19].content[0].image_url")
    ]


@pytest.mark.parametrize("detail", ["low", "original", "none of these", None, 3])
def test_detail_may_be_anything(detail: Any) -> None:
    part = {"type": "image_url", "image_url": {"url": URL, "detail": detail}}
    assert chat(messages=[{"role": "user", "content": [part]}]).images[0].url == URL


@pytest.mark.parametrize(
    "fields",
    [
        {"file_data": None, "filename": None, "a_field_of_tomorrow": None},
        {"filename": "boat.png", "format": "image/png", "mime_type": "image/png"},
        {"detail": "low", "media_type": "image/png"},
    ],
)
def test_what_describes_a_file_is_passed_over(fields: dict[str, Any]) -> None:
    part = {"type": "file", "file": {"file_id": "file-1", **fields}, "cache_control": None}
    (picture,) = chat(messages=[{"role": "user", "content": [part]}]).images
    assert picture == FileReference("file-1", "messages[0].content[0].file.file_id")


@pytest.mark.parametrize(
    ("file", "param", "code"),
    [
        ({"file_id": "file-1", "file_data": URL}, "file.file_data", "unknown_parameter"),
        ({"file_id": "file-1", "file_data": ""}, "file.file_data", "unknown_parameter"),
        ({"file_id": None, "filename": "a.png"}, "file.file_id", "missing_required_parameter"),
        ({"file_id": 5}, "file.file_id", "invalid_type"),
        (None, "file", "missing_required_parameter"),
        ("file-1", "file", "invalid_type"),
    ],
)
def test_a_file_is_named_by_its_id_alone(file: Any, param: str, code: str) -> None:
    with pytest.raises(RequestError) as refused:
        chat(messages=[{"role": "user", "content": [{"type": "file", "file": file}]}])
    assert (refused.value.param, refused.value.code) == (f"messages[0].content[0].{param}", code)


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [
        ("a", ("a",)),
        (["a"], ("a",)),
        (["a", "b"], ("a", "b")),
        ([5, 6], ((5, 6),)),
        ([[5], [6, 7]], ((5,), (6, 7))),
    ],
)
def test_a_prompt_comes_in_every_official_form(prompt: Any, prompts: Any) -> None:
    asked = completion(prompt=prompt, echo=False, best_of=1, suffix=None)
    assert asked.prompts == prompts
    assert asked.choices == len(prompts)


def test_a_prompt_beside_an_image_may_be_a_list_of_one() -> None:
    assert completion(prompt=["Be brief"], image=URL).turns == (Turn("user", "Be brief"),)


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"prompt": []}, "prompt", "array_below_min_length"),
        ({"prompt": [[]]}, "prompt[0]", "array_below_min_length"),
        ({"prompt": ["a", 1]}, "prompt[1]", "invalid_type"),
        ({"prompt": [1, "a"]}, "prompt[1]", "invalid_type"),
        ({"prompt": [True]}, "prompt[0]", "invalid_type"),
        ({"prompt": [-1]}, "prompt[0]", "integer_below_min_value"),
        ({"prompt": ["a", ""]}, "prompt", "missing_required_parameter"),
        ({"prompt": ["a"] * 65}, "prompt", "array_above_max_length"),
        ({"prompt": ["a"] * 33, "n": 2}, "n", "integer_above_max_value"),
        ({"prompt": ["a", "b"], "image": URL}, "prompt", "invalid_type"),
        ({"prompt": "a", "best_of": 3}, "best_of", "invalid_value"),
        ({"prompt": "a", "echo": True}, "echo", "unknown_parameter"),
        ({"prompt": "a", "suffix": "b"}, "suffix", "unknown_parameter"),
    ],
)
def test_a_bad_field_of_a_completion_is_named(
    fields: dict[str, Any], param: str, code: str
) -> None:
    with pytest.raises(RequestError) as refused:
        completion(**fields)
    assert (refused.value.param, refused.value.code) == (param, code)


@pytest.mark.parametrize(("fields", "param", "code"), BAD)
def test_an_error_is_one_sentence_in_our_words(
    fields: dict[str, Any], param: str, code: str
) -> None:
    with pytest.raises(RequestError) as refused:
        chat(**fields)
    message = refused.value.message
    assert message.endswith(".")
    assert ".." not in message
    for foreign in ("Input should", "Invalid ", "pydantic", "valid ", "greater", "Field required"):
        assert foreign not in message


def test_an_answer_that_must_be_long_may_be() -> None:
    assert chat(min_tokens=500).sampling.max_tokens == 500
    assert completion(prompt="a", min_tokens=500).sampling.max_tokens == 500
    assert chat(min_tokens=2).sampling.max_tokens == chat().sampling.max_tokens


def test_a_known_field_with_another_value_is_not_said_to_be_unknown() -> None:
    with pytest.raises(RequestError, match="echo may only be left out here"):
        completion(prompt="a", echo=True)
    with pytest.raises(RequestError, match="Unrecognized request argument supplied: ecko"):
        completion(prompt="a", ecko=True)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"messages": [{"role": "user", "content": None}]},
            "messages[0].content must be a string or a list of parts.",
        ),
        (
            {"messages": [{"role": "user", "content": 5}]},
            "messages[0].content must be a string or a list of parts.",
        ),
        ({"stop": 5}, "stop must be a string or a list of strings."),
        ({"stop": ""}, "stop must have at least 1 character."),
        ({"stop": ["a"] * 5}, "stop must have at most 4 items."),
        ({"messages": []}, "messages must have at least 1 item."),
        ({"seed": "x"}, "seed must be an integer."),
    ],
)
def test_a_message_says_what_is_taken(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError) as caught:
        chat(**fields)
    assert str(caught.value) == message
