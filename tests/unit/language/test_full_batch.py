"""When the captioner's engine says that a prompt found its batch full."""

import warnings
from types import SimpleNamespace
from typing import Any

import pytest

from caption_studio.settings import LanguageSettings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # vLLM's imports warn
    from caption_studio.language.engine import FalconEngine


@pytest.mark.parametrize(
    ("unfinished", "more", "is_full"),
    [(0, 1, False), (126, 1, False), (127, 1, True), (500, 1, True), (120, 8, True)],
)
def test_a_batch_is_full_when_a_prompt_takes_its_last_place(
    unfinished: int, more: int, is_full: bool
) -> None:
    engine = FalconEngine(LanguageSettings(max_num_seqs=128))
    running: Any = SimpleNamespace(get_num_unfinished_requests=lambda: unfinished)
    engine._llm = running
    assert engine._is_full(more) is is_full
