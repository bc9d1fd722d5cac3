"""Photographs are called unfamiliar, and painted pictures are not, however they are sent."""

import numpy as np
import pytest
import torch
from PIL import Image

from caption_studio.demo.scenes import HELD_OUT_SEEDS
from caption_studio.demo.sent import WAYS, encoded, sent
from caption_studio.demo.sureness import statistics
from caption_studio.images.decode import decode
from caption_studio.records import ImageBytes, Pixels
from caption_studio.settings import ImageSettings, VisionSettings
from caption_studio.vision.familiarity import Familiarity
from caption_studio.vision.git import LoadedGit, load
from tests.photographs import PHOTOGRAPHS

FLAGGED, FALSE_ALARMS = 0.95, 0.02
LEAST_PHOTOGRAPHS = 12
PAINTED_SEEDS = HELD_OUT_SEEDS[300_000:300_040]
"""Sent in each of the ways; no figure and no threshold comes from these seeds."""


@pytest.fixture(scope="module")
def loaded() -> LoadedGit:
    return load(VisionSettings())


def is_strange(loaded: LoadedGit, pictures: list[Pixels]) -> list[bool]:
    familiarity = loaded.sureness.familiarity
    assert isinstance(familiarity, Familiarity)
    return (familiarity.distances(statistics(loaded, pictures)) > 1).tolist()


def decoded(data: bytes) -> Pixels:
    size_px = VisionSettings().image_size_px
    return decode(ImageBytes(data, "image"), size_px=size_px, settings=ImageSettings())


def test_photographs_are_unfamiliar(loaded: LoadedGit) -> None:
    found = {photograph.file: photograph.path for photograph in PHOTOGRAPHS}
    there = {file: path for file, path in found.items() if path is not None}
    if len(there) < LEAST_PHOTOGRAPHS:
        pytest.skip(f"{len(there)} photographs are there: make tmp/photographs")
    strange = is_strange(loaded, [decoded(path.read_bytes()) for path in there.values()])
    missed = [file for file, flagged in zip(there, strange, strict=True) if not flagged]
    assert len(missed) <= (1 - FLAGGED) * len(there), missed


def test_painted_pictures_are_familiar(loaded: LoadedGit) -> None:
    pictures = [
        sent(seed, VisionSettings().image_size_px, way) for seed in PAINTED_SEEDS for way in WAYS
    ]
    assert np.mean(is_strange(loaded, pictures)) <= FALSE_ALARMS


def test_the_files_that_say_so_are_small(loaded: LoadedGit) -> None:
    familiarity = loaded.sureness.familiarity
    assert familiarity is not None
    assert sum(t.nbytes for t in (familiarity.mean, familiarity.whitening)) < 1_000_000


def test_a_way_of_sending_keeps_the_picture() -> None:
    """Or the test above would tell of other pictures than it says."""
    whole = np.frombuffer(sent(HELD_OUT_SEEDS[0], 64, "PNG").data, np.uint8).astype(int)
    for way in WAYS:
        other = np.frombuffer(sent(HELD_OUT_SEEDS[0], 64, way).data, np.uint8).astype(int)
        assert np.abs(whole - other).mean() < 12, way


def test_noise_is_unfamiliar(loaded: LoadedGit) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    assert is_strange(loaded, [decoded(encoded(Image.fromarray(noise), "PNG"))]) == [True]


def test_the_unit_is_the_distance_beyond_which_a_picture_is_unfamiliar() -> None:
    values = torch.randn(2_000, 8, generator=torch.Generator().manual_seed(0)) * 3 + 5
    plain = Familiarity.fit(values)
    distances = plain.distances(values)
    unit = float(distances.quantile(0.9))
    scaled = plain.with_unit(unit).distances(values)
    torch.testing.assert_close(scaled, distances / unit)
    assert 0.09 < float((scaled > 1).float().mean()) < 0.11
    # Of a normal distribution in n dimensions the squared distances have the mean n.
    assert float(distances.square().mean()) == pytest.approx(8, rel=0.05)


def test_it_survives_its_file(tmp_path) -> None:
    made = Familiarity.fit(torch.randn(100, 4, generator=torch.Generator().manual_seed(0)))
    made.save(tmp_path)
    read = Familiarity.load(tmp_path, torch.device("cpu"))
    assert read is not None
    torch.testing.assert_close(read.whitening, made.whitening)
    assert Familiarity.load(tmp_path / "elsewhere", torch.device("cpu")) is None
