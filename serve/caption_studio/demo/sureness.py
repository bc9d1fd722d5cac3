"""Painted pictures → the describer's `familiarity` and `confidence` files, and their figures.

Nothing but painted pictures is used. One set fits the distribution of what is familiar, a second,
of held-out seeds, its unit and the calibration; a third gives the figures.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from caption_studio.demo.captions import names_scene
from caption_studio.demo.scenes import HELD_OUT_SEEDS, TRAINING_SEEDS
from caption_studio.demo.sent import WAYS, scene_of, sent, way_of
from caption_studio.records import Description, Pixels
from caption_studio.settings import VisionSettings
from caption_studio.vision.confidence import Calibration, doubt
from caption_studio.vision.decode import Decoder
from caption_studio.vision.familiarity import Familiarity, patch_statistics
from caption_studio.vision.git import LoadedGit, load
from caption_studio.vision.image_encoder import ImageEncoder
from caption_studio.vision.prefix import PrefixEncoder

FITTED, VALIDATED, TESTED = (
    TRAINING_SEEDS[100_000:],
    HELD_OUT_SEEDS[100_000:],
    HELD_OUT_SEEDS[200_000:],
)
"""Where the seeds of the three sets begin: GIT's training and `evaluate` use earlier ones."""

BINS = 10
"""Of the reliability plot and the calibration error: equally wide."""

_BATCH = 64

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SurenessRecipe:
    """Numbers of pictures, and the share of familiar ones that may be called unfamiliar."""

    fitted: int = 8_000
    validated: int = 12_000
    tested: int = 4_000
    false_alarms: float = 0.01
    workers: int = 2


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of a picture: the description, its `doubt`, and whether it is right."""

    description: Description
    doubt: float
    is_right: bool


def fit_sureness(folder: Path, recipe: SurenessRecipe | None = None) -> dict[str, Any]:
    """Fit, save beside the describer's weights in `folder`, and return the figures."""
    recipe = recipe or SurenessRecipe()
    familiarity = Familiarity.fit(
        statistics(_loaded(folder, "off"), pictures(FITTED[: recipe.fitted], recipe))
    )
    seeds = VALIDATED[: recipe.validated]
    validated = pictures(seeds, recipe)
    distances = familiarity.distances(statistics(_loaded(folder, "off"), validated))
    unit = float(torch.quantile(distances, 1 - recipe.false_alarms))
    familiarity.with_unit(unit).save(folder)
    calibrated(say(_loaded(folder, "off"), seeds, validated)).save(folder)
    return {"recipe": asdict(recipe), **measure_sureness(folder, recipe)}


def measure_sureness(folder: Path, recipe: SurenessRecipe) -> dict[str, Any]:
    """Return the figures of the saved files, on the third set."""
    seeds = TESTED[: recipe.tested]
    said = say(_loaded(folder, "auto"), seeds, pictures(seeds, recipe))
    strange = [one.description.familiar is False for one in said]
    ways = [way_of(seed) for seed in seeds]
    bins = reliability(said)
    return {
        "false_alarms": float(np.mean(strange)),
        "false_alarms_by_way": {
            name: float(np.mean([s for s, way in zip(strange, ways, strict=True) if way == name]))
            for name in WAYS
            if name in ways
        },
        "right": float(np.mean([one.is_right for one in said])),
        "confidence": float(np.mean([one.description.confidence for one in said])),
        "bins": bins,
        "calibration_error": calibration_error(bins),
    }


def pictures(seeds: Sequence[int], recipe: SurenessRecipe) -> list[Pixels]:
    """Paint the pictures of these seeds as they are sent, at the demo's size."""
    paint = partial(sent, size_px=VisionSettings().image_size_px)
    if recipe.workers < 2 or len(seeds) < 1_000:
        return [paint(seed) for seed in seeds]
    with ProcessPoolExecutor(recipe.workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(paint, seeds, chunksize=100))


@torch.inference_mode()
def statistics(loaded: LoadedGit, painted: Sequence[Pixels]) -> Tensor:
    """Return what `Familiarity` looks at: float32 [pictures, n]."""
    encoder = ImageEncoder(loaded.git.model.git.image_encoder, compiled=False)
    values = PrefixEncoder(loaded, most=_BATCH).pixel_values
    return torch.cat([patch_statistics(encoder(values(b))[1]) for _, b in _batches(painted)])


@torch.inference_mode()
def say(loaded: LoadedGit, seeds: Sequence[int], painted: Sequence[Pixels]) -> list[Said]:
    """Describe the pictures of these seeds by the service's own passes."""
    encoder = PrefixEncoder(loaded, most=_BATCH)
    decoder: Decoder[int] = Decoder(loaded.git, max_rows=_BATCH)
    said: dict[int, Said] = {}
    for begin, batch in _batches(painted):
        encoded = encoder.encode(batch)
        decoder.join(range(begin, begin + len(batch)), encoded.prefix)
        while len(decoder):
            for number, (token_ids, logprobs) in decoder.step():
                description = loaded.sureness.description(
                    loaded.text(token_ids), logprobs, encoded.distances[number - begin]
                )
                is_right = names_scene(description.text, scene_of(seeds[number]))
                said[number] = Said(description, doubt(logprobs), is_right)
    return [said[number] for number in range(len(painted))]


def calibrated(said: Sequence[Said]) -> Calibration:
    """Fit the curve by Newton's method.

    Source: J. Platt, "Probabilistic outputs for support vector machines" (1999), whose targets keep
    the curve finite where all are right.
    """
    right = np.array([one.is_right for one in said])
    targets = np.where(right, (right.sum() + 1) / (right.sum() + 2), 1 / ((~right).sum() + 2))
    inputs = np.stack([[one.doubt for one in said], np.ones(len(said))], axis=1)
    line = np.zeros(2)
    for _ in range(50):
        shares = _logistic(inputs @ line)
        curvature = inputs.T @ (inputs * (shares * (1 - shares))[:, None]) + 1e-9 * np.eye(2)
        line += np.linalg.solve(curvature, inputs.T @ (targets - shares))
    return Calibration(float(line[0]), float(line[1]))


def _logistic(values: Floats) -> Floats:
    shares: Floats = 1 / (1 + np.exp(-values))
    return shares


def reliability(said: Sequence[Said]) -> list[dict[str, float]]:
    """Return each bin that has pictures: their number, mean confidence, and share that is right."""
    sure = np.array([one.description.confidence for one in said], dtype=np.float64)
    right = np.array([one.is_right for one in said])
    places = np.minimum((sure * BINS).astype(int), BINS - 1)
    return [
        {
            "pictures": int((places == place).sum()),
            "confidence": float(sure[places == place].mean()),
            "right": float(right[places == place].mean()),
        }
        for place in np.unique(places)
    ]


def calibration_error(bins: Iterable[dict[str, float]]) -> float:
    """Return the expected calibration error: the bins' mean difference, weighted by pictures."""
    each = [(one["pictures"], abs(one["confidence"] - one["right"])) for one in bins]
    return sum(number * off for number, off in each) / sum(number for number, _ in each)


def _loaded(folder: Path, familiarity: Any) -> LoadedGit:
    threads = torch.get_num_threads()
    return load(VisionSettings(model=str(folder), familiarity=familiarity, threads=threads))


def _batches(painted: Sequence[Pixels]) -> Iterable[tuple[int, Tensor]]:
    """Yield the pictures in batches, uint8 [n, H, W, 3], each with the number of its first."""
    for begin in range(0, len(painted), _BATCH):
        arrays = [
            np.frombuffer(one.data, np.uint8).reshape(one.height_px, one.width_px, 3)
            for one in painted[begin : begin + _BATCH]
        ]
        yield begin, torch.from_numpy(np.stack(arrays))
