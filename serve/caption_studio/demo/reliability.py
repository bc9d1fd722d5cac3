"""The describer's figures → its reliability plot: `python -m caption_studio.demo.reliability FILE`.

It draws what the stage `sureness` of the training measured, and measures nothing.
"""

import json
import sys
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from caption_studio.demo.paths import MODELS_DIR

INK, SOFT = "#1f4e79", "#9aa5b1"


def draw(figures: dict[str, Any], path: Path) -> None:
    """Draw confidence against the share that is right, with each bin's number of pictures."""
    bins = figures["bins"]
    figure = Figure(figsize=(5.2, 4.6), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=SOFT, linestyle="--", label="as sure as right")
    sure, right = ([one[name] for one in bins] for name in ("confidence", "right"))
    axes.plot(sure, right, "o-", color=INK, label="painted pictures of held-out seeds")
    for one in bins:
        place = (one["confidence"], one["right"])
        axes.annotate(
            f"{one['pictures']}", place, xytext=(6, -12), textcoords="offset points", color=INK
        )
    axes.set(
        xlabel="confidence", ylabel="share of right descriptions", xlim=(0, 1.04), ylim=(0, 1.04)
    )
    error = figures["calibration_error"]
    axes.set_title(f"Expected calibration error {error:.3f}; numbers are pictures", fontsize=10)
    axes.legend(loc="upper left", frameon=False)
    figure.savefig(path, dpi=120)


def main(arguments: list[str]) -> None:
    """Draw the shipped model's figures into the named file."""
    figures = json.loads((MODELS_DIR / "figures.json").read_text("utf-8"))
    draw(figures["sureness"], Path(arguments[0]))


if __name__ == "__main__":
    main(sys.argv[1:])
