"""How sure a description is said to be, and whether its picture is familiar."""

import asyncio
import math

import pytest
import torch

from caption_studio.records import Description, Pixels
from caption_studio.settings import VisionSettings
from caption_studio.vision.confidence import Calibration
from caption_studio.vision.engine import DescriberEngine
from caption_studio.vision.familiarity import Familiarity
from caption_studio.vision.git import load
from caption_studio.vision.sureness import Sureness
from tests.pictures import held_out
from tests.unit.vision.git_models import noise

pytestmark = pytest.mark.anyio

LOGPROBS = [math.log(0.5), math.log(0.8)]
LINE = Familiarity(torch.zeros(1), torch.ones(1, 1))


def test_without_a_calibration_it_is_the_mean_token_probability() -> None:
    description = Sureness().description("a cat", LOGPROBS, None)
    assert description.confidence == pytest.approx(math.sqrt(0.4))
    assert description.familiar is None


def test_a_calibration_is_a_logistic_curve_over_the_least_likely_token() -> None:
    flat, steep = Calibration(0, math.log(3)), Calibration(-1, 0)
    assert flat.confidence(LOGPROBS) == pytest.approx(0.75)
    assert steep.confidence(LOGPROBS) == pytest.approx(1 / (1 + math.log(2)))
    assert steep.confidence([math.log(0.9)]) > steep.confidence(LOGPROBS)
    assert steep.confidence([0.0]) == pytest.approx(1, abs=1e-5)
    assert steep.confidence([]) == 0


@pytest.mark.parametrize(("distance", "expected"), [(0.5, True), (1.5, False)])
def test_a_model_that_can_tell_calls_a_distant_picture_unfamiliar(
    distance: float, expected: bool
) -> None:
    sureness = Sureness(familiarity=LINE)
    said = sureness.description("a cat", LOGPROBS, torch.tensor(distance))
    assert said.familiar is expected


@pytest.mark.parametrize(("least", "expected"), [(0.6, True), (0.7, False)])
def test_a_number_calls_unsure_descriptions_unfamiliar(least: float, expected: bool) -> None:
    sureness = Sureness(familiarity=LINE, least_confidence=least)
    assert sureness.description("a cat", LOGPROBS, torch.tensor(9.0)).familiar is expected


@pytest.mark.parametrize(
    ("setting", "can_tell", "least"),
    [("auto", True, None), ("off", False, None), (0.25, False, 0.25)],
)
def test_the_setting_decides(setting: str | float, can_tell: bool, least: float | None) -> None:
    sureness = load(VisionSettings(familiarity=setting)).sureness
    assert (sureness.familiarity is not None) is can_tell
    assert sureness.least_confidence == least
    assert sureness.calibration is not None


def test_a_folder_without_the_files_gives_neither(tmp_path) -> None:
    assert Sureness.load(VisionSettings(), tmp_path, torch.device("cpu")) == Sureness()


@pytest.mark.parametrize("value", [0, 1, -0.5, "on"])
def test_other_values_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="familiarity"):
        VisionSettings.model_validate({"familiarity": value})


async def test_the_engine_says_both_of_pictures_described_together() -> None:
    loaded = load(VisionSettings())
    painted = [picture.image.resize((64, 64)) for picture in held_out(6)]
    pixels = [Pixels(image.tobytes(), 64, 64) for image in painted]
    engine = DescriberEngine(loaded, max_rows=16, max_waiting=64)
    engine.start()
    try:
        asked = [*pixels, *noise(64, 6)]
        described = await asyncio.gather(*(engine.describe(each) for each in asked))
        alone = [await engine.describe(each) for each in asked[:2]]
    finally:
        engine.close()
    said: list[Description] = [each.description for each in described]
    assert [each.familiar for each in said] == [True] * 6 + [False] * 6
    assert all(0 < (each.confidence or 0) < 1 for each in said)
    for one, together in zip(alone, said, strict=False):
        assert one.description.confidence == pytest.approx(together.confidence, rel=1e-3)
