"""What vLLM is told of a prompt's sampling."""

from typing import Any

import pytest
from vllm import SamplingParams
from vllm.platforms import current_platform
from vllm.sampling_params import RequestOutputKind

from caption_studio.language.engine_options import sampling_params
from caption_studio.language.vllm_plugins.cpu_top_p import TOP_P
from caption_studio.records import AnswerForm, Prompt, Sampling

ROOM = 100


def told(
    answer: AnswerForm = "verbatim", *, stream: bool = False, **changes: Any
) -> SamplingParams:
    values: dict[str, Any] = {"max_tokens": 20, "temperature": 1.0, "top_p": 1.0, **changes}
    stop = ("\nUser:",) if answer == "trimmed" else ()
    return sampling_params(
        Prompt("r", "m", "a", Sampling(**values), answer, stop),
        ROOM,
        stream=stream,
    )


@pytest.mark.parametrize("temperature", [0.0, 5e-324, 1e-6])
def test_a_greedy_answer_is_generated_once(temperature: float) -> None:
    assert told(n=3, temperature=temperature).n == 1
    assert told(n=3, temperature=0.5).n == 3


def test_top_k_comes_before_top_p() -> None:
    both = told(top_p=0.5, top_k=7)
    assert (both.top_k, both.top_p, both.extra_args) == (7, 0.5, None)


@pytest.mark.skipif(not current_platform.is_cpu(), reason="of the CPU alone")
def test_top_p_alone_does_not_sort_the_vocabulary() -> None:
    alone = told(top_p=0.5)
    assert (alone.top_p, alone.extra_args) == (1.0, {TOP_P: 0.5})


def test_a_stop_word_of_the_callers_is_not_the_engines() -> None:
    plain = told(stop=("x",), include_stop=True)
    assert plain.stop == []
    assert plain.include_stop_str_in_output
    chat = told("trimmed", stop=("x",), include_stop=True)
    assert chat.stop == ["\nUser:"]
    assert not chat.include_stop_str_in_output


def test_only_what_is_streamed_or_looked_at_token_by_token_comes_in_pieces() -> None:
    kinds = {
        name: told(**fields).output_kind
        for name, fields in {
            "whole": {},
            "stopped": {"stop": ("x",)},
            "quoted": {"answer": "quoted"},
            "chat": {"answer": "trimmed"},
            "long": {"min_tokens": 5},
            "streamed": {"stream": True},
            "stopped later": {"stop": ("x",), "min_tokens": 5},
            "quoted later": {"answer": "quoted", "min_tokens": 5},
        }.items()
    }
    whole = {name for name, kind in kinds.items() if kind is RequestOutputKind.FINAL_ONLY}
    assert whole == {"whole", "stopped", "quoted", "chat", "long"}


def test_the_least_number_of_tokens_fits_the_room() -> None:
    long = told(max_tokens=500, min_tokens=400, ignore_eos=True, stop_token_ids=(7,))
    assert (long.min_tokens, long.max_tokens) == (ROOM, ROOM)
    assert long.ignore_eos
    assert long.stop_token_ids == [7]
