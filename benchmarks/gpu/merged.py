"""The captioner's engine without adapters: with merged weights, then with fp8 weights."""

import tempfile
from pathlib import Path

from benchmarks.gpu import falcon
from benchmarks.gpu.captioner import speed
from benchmarks.gpu.limits import Card
from benchmarks.gpu.records import Found, in_short
from benchmarks.gpu.scale import Scale

STAGE = "merged"


def run(scale: Scale, card: Card, found: Found) -> None:
    """Measure both; if the engine refuses fp8, the report names it as missing."""
    with tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch)
        falcon.save_config(scale.falcon, model)
        speed(STAGE, model, None, scale, card, found)
        try:
            speed(STAGE, model, None, scale, card, found, quantization="fp8")
        except Exception as error:  # vLLM or the settings may refuse it
            found.lacks("fp8", f"the engine does not take it here: {in_short(error)}")
