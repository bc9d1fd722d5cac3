"""Our passes say what `generate()` says, token for token in float32, whoever else is in flight."""

import random
import shutil
from collections.abc import Callable, Sequence
from typing import cast

import pytest
import torch

from caption_studio.vision.decode import Decoder
from caption_studio.vision.git import LoadedGit
from caption_studio.vision.graphs import Record
from caption_studio.vision.image_encoder import ImageEncoder
from caption_studio.vision.prefix import PrefixEncoder
from tests.unit.vision.git_models import (
    demo,
    large,
    noise,
    reference_logprobs,
    reference_values,
    stacked,
)

DEMO_PICTURES = 64
LARGE_PICTURES = 8
SMALL_PX, SHORT_TOKENS = 56, 14


def call_again(run: Callable[[], None]) -> Callable[[], None]:
    """Stand in for a GPU's recorder: fixed sizes and tensors, but each replay computes anew."""
    run()
    return run


@pytest.fixture(params=[None, call_again], ids=["eager", "recorded"])
def record(request: pytest.FixtureRequest) -> Record | None:
    return cast("Record | None", request.param)


class Case:
    """A model, pictures, and what upstream says of them."""

    def __init__(
        self,
        loaded: LoadedGit,
        pictures: int,
        records: Sequence[Record | None] = (None, call_again),
    ) -> None:
        self.loaded = loaded
        self.pictures = noise(loaded.git.image_size_px, pictures)
        self.expected, self.expected_logprobs = reference_logprobs(loaded.git, self.pictures)
        self.encoders = {
            record: PrefixEncoder(loaded, most=pictures, record=record) for record in records
        }

    def passes(self, record: Record | None, max_rows: int) -> "Passes":
        return Passes(self, record, max_rows)


class Passes:
    """A decoder and how its pictures are encoded."""

    def __init__(self, case: Case, record: Record | None, max_rows: int) -> None:
        self.case = case
        self.encoder = case.encoders[record]
        self.decoder: Decoder[int] = Decoder(case.loaded.git, max_rows=max_rows, record=record)
        self.logprobs: dict[int, list[float]] = {}

    def join(self, numbers: list[int]) -> None:
        pictures = stacked([self.case.pictures[number] for number in numbers])
        self.decoder.join(numbers, self.encoder.encode(pictures).prefix)

    def at_once(self, count: int) -> dict[int, list[int]]:
        """Let the first pictures join together, and step until all are done."""
        self.join(list(range(count)))
        said: dict[int, list[int]] = {}
        while len(self.decoder):
            said |= self.step()
        return said

    def step(self) -> dict[int, list[int]]:
        """Return the tokens of the rows that are finished; keep their log probabilities."""
        finished = dict(self.decoder.step())
        self.logprobs |= {number: written.logprobs for number, written in finished.items()}
        return {number: written.token_ids for number, written in finished.items()}

    def at_random(
        self, dice: random.Random, most_at_once: int
    ) -> tuple[dict[int, list[int]], set[int]]:
        """Let all pictures join, up to so many between two steps, and some of them leave early."""
        waiting = list(range(len(self.case.pictures)))
        dice.shuffle(waiting)
        said: dict[int, list[int]] = {}
        dropped: set[int] = set()
        while waiting or len(self.decoder):
            count = min(dice.randint(0, most_at_once), self.decoder.room, len(waiting))
            if count:
                self.join([waiting.pop() for _ in range(count)])
            if len(self.decoder):
                said |= self.step()
            dropped |= set(
                self.decoder.drop(lambda number: number % 5 == 1 and dice.random() < 0.2)
            )
        return said, dropped


@pytest.fixture(
    scope="module", params=["demo", "large", pytest.param("larger", marks=pytest.mark.slow)]
)
def case(request: pytest.FixtureRequest) -> Case:
    """The shipped model, and git-large-coco's config (2 of its 24 encoder layers).

    `large` and `crowd` have smaller pictures and shorter texts, which saves minutes.
    """
    if request.param == "demo":
        return Case(demo(), DEMO_PICTURES)
    if request.param == "larger":
        return Case(large(encoder_layers=2), LARGE_PICTURES)
    crowd = request.param == "crowd"
    loaded = large(encoder_layers=1 if crowd else 2, side_px=SMALL_PX)
    loaded.git.max_length = SHORT_TOKENS
    if crowd:
        return Case(loaded, 64, records=(None,))
    return Case(loaded, LARGE_PICTURES)


def test_the_pictures_tell_rows_apart(case: Case) -> None:
    assert len({tuple(tokens) for tokens in case.expected}) > len(case.expected) // 3
    assert len({len(tokens) for tokens in case.expected}) > 2


@pytest.mark.parametrize("size", [1, 7, 64])
@torch.inference_mode()
def test_a_batch_says_what_upstream_says(case: Case, record: Record | None, size: int) -> None:
    count = min(size, len(case.pictures))
    said = case.passes(record, max_rows=size).at_once(count)
    assert [said[number] for number in range(count)] == case.expected[:count]


@pytest.mark.parametrize("seed", range(2))
@torch.inference_mode()
def test_rows_that_join_and_leave_change_nothing(
    case: Case, record: Record | None, seed: int
) -> None:
    passes = case.passes(record, max_rows=6)
    said, dropped = passes.at_random(random.Random(seed), most_at_once=3)
    _assert_as_upstream(case, said, dropped)
    assert passes.logprobs.keys() == said.keys()
    for number, logprobs in passes.logprobs.items():
        assert logprobs == pytest.approx(case.expected_logprobs[number], rel=1e-3, abs=1e-4)


@pytest.mark.parametrize(
    "case", ["demo", pytest.param("crowd", marks=pytest.mark.slow)], indirect=True
)
@torch.inference_mode()
def test_a_crowd_says_what_upstream_says(case: Case) -> None:
    """Sixty-four rows, at once and at random."""
    assert len({tuple(tokens) for tokens in case.expected}) > 20
    _assert_as_upstream(case, case.passes(None, max_rows=64).at_once(64), set())
    at_random = case.passes(None, max_rows=64).at_random(random.Random(0), most_at_once=24)
    _assert_as_upstream(case, *at_random)


def _assert_as_upstream(case: Case, said: dict[int, list[int]], dropped: set[int]) -> None:
    assert said.keys() | dropped == set(range(len(case.pictures)))
    assert not said.keys() & dropped
    assert all(said[number] == case.expected[number] for number in said)


def test_pixel_values_are_upstreams(case: Case) -> None:
    ours = case.encoders[None].pixel_values(stacked(case.pictures))
    torch.testing.assert_close(ours, reference_values(case.pictures), rtol=0, atol=1 / 255)


@torch.inference_mode()
def test_the_image_encoder_is_upstreams(case: Case) -> None:
    _assert_encodes_as_upstream(case, compiled=False)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # TorchInductor's own
@pytest.mark.filterwarnings("ignore:Guards may run slower on Python 3.13.0:RuntimeWarning")
@pytest.mark.skipif(shutil.which("g++") is None, reason="TorchInductor compiles for the CPU")
@pytest.mark.parametrize(
    "case", ["demo", pytest.param("larger", marks=pytest.mark.slow)], indirect=True
)
@torch.inference_mode()
def test_the_compiled_image_encoder_is_upstreams(case: Case) -> None:
    _assert_encodes_as_upstream(case, compiled=True)


def _assert_encodes_as_upstream(case: Case, *, compiled: bool) -> None:
    upstream = case.loaded.git.model.git.image_encoder
    ours = ImageEncoder(upstream, compiled=compiled)
    for count in (1, 3, 8):
        values = reference_values(case.pictures[:count])
        torch.testing.assert_close(
            ours(values)[0], upstream(values).last_hidden_state, rtol=1e-4, atol=1e-4
        )
