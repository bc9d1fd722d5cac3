"""Our passes say what `generate()` says, token for token in float32, whoever else is in flight."""

import random

import pytest
import torch

from caption_studio.records import Pixels
from caption_studio.vision.decode import Decoder
from caption_studio.vision.git import LoadedGit
from caption_studio.vision.prefix import PrefixEncoder
from tests.unit.vision.git_models import demo, large, noise, reference, reference_values

DEMO_PICTURES = 64
LARGE_PICTURES = 8


class Case:
    """A model, pictures, and what upstream says of them."""

    def __init__(self, loaded: LoadedGit, pictures: int) -> None:
        self.loaded = loaded
        self.pictures = noise(loaded.git.image_size_px, pictures)
        self.expected = reference(loaded.git, self.pictures)
        self.encoder = PrefixEncoder(loaded.git, mean=loaded.mean, std=loaded.std)

    def join(self, decoder: Decoder[int], numbers: list[int]) -> None:
        values = self.encoder.pixel_values([self.pictures[number] for number in numbers])
        decoder.join(numbers, self.encoder.encode(values))


@pytest.fixture(scope="module", params=["demo", "large"])
def case(request: pytest.FixtureRequest) -> Case:
    """The shipped model, and git-large-coco's config (2 of its 24 encoder layers)."""
    return Case(demo(), DEMO_PICTURES) if request.param == "demo" else Case(large(), LARGE_PICTURES)


def test_the_pictures_tell_rows_apart(case: Case) -> None:
    assert len({tuple(tokens) for tokens in case.expected}) > len(case.expected) // 3
    assert len({len(tokens) for tokens in case.expected}) > 2


@pytest.mark.parametrize("size", [1, 7, 64])
@torch.inference_mode()
def test_a_batch_says_what_upstream_says(case: Case, size: int) -> None:
    count = min(size, len(case.pictures))
    decoder: Decoder[int] = Decoder(case.loaded.git, max_rows=size)
    case.join(decoder, list(range(count)))
    said = {}
    while len(decoder):
        said |= dict(decoder.step())
    assert [said[number] for number in range(count)] == case.expected[:count]


@pytest.mark.parametrize("seed", range(2))
@torch.inference_mode()
def test_rows_that_join_and_leave_change_nothing(case: Case, seed: int) -> None:
    dice = random.Random(seed)
    decoder: Decoder[int] = Decoder(case.loaded.git, max_rows=6)
    waiting = list(range(len(case.pictures)))
    dice.shuffle(waiting)
    said: dict[int, list[int]] = {}
    dropped: set[int] = set()
    while waiting or len(decoder):
        count = min(dice.randint(0, 3), decoder.room, len(waiting))
        if count:
            case.join(decoder, [waiting.pop() for _ in range(count)])
        if len(decoder):
            said |= dict(decoder.step())
        dropped |= set(decoder.drop(lambda number: number % 5 == 1 and dice.random() < 0.2))
    assert said.keys() | dropped == set(range(len(case.pictures)))
    assert not said.keys() & dropped
    assert all(said[number] == case.expected[number] for number in said)


def test_pixel_values_are_upstreams(case: Case) -> None:
    ours = case.encoder.pixel_values(case.pictures)
    torch.testing.assert_close(ours, reference_values(case.pictures), rtol=0, atol=1 / 255)


def test_a_picture_of_another_size_is_refused(case: Case) -> None:
    with pytest.raises(ValueError, match="reshape"):
        case.encoder.pixel_values([Pixels(b"abc", 1, 1)])
