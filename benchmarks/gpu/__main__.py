"""`python -m benchmarks.gpu`: measure this machine's GPU, print the table, write the result."""

import argparse
import gc
import importlib
import sys
import traceback
from pathlib import Path

import torch

from benchmarks.gpu import limits, pieces, report
from benchmarks.gpu.records import Found, in_short
from benchmarks.gpu.scale import described, full, tiny
from benchmarks.gpu.targets import judge

RESULTS = Path(__file__).parents[1] / "results/gpu"
STAGES = tuple(pieces.NEEDS)


def main() -> int:
    """Return 0; 1 if a target is missed, 2 if there is no GPU to measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=STAGES, default=STAGES, metavar="STAGE")
    parser.add_argument(
        "--tiny", action="store_true", help="tiny models on the CPU: does it all run?"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="default: results/gpu/")
    options = parser.parse_args()
    if not options.tiny and not torch.cuda.is_available():
        print("No GPU is visible to torch: nothing to measure. `--tiny` tries the code.")
        return 2
    scale = tiny() if options.tiny else full()
    found = Found()
    for missing in pieces.remarks(pieces.vllm_version()):
        found.lacks(missing.piece, missing.reason)
    card = limits.measure(
        scale.device, scale.torch_dtype, copy_bytes=scale.copy_bytes, side=scale.matrix_side
    )
    for stage in options.only:
        if (missing_piece := pieces.lacking(stage)) is not None:
            found.lacks(missing_piece.piece, missing_piece.reason)
            continue
        try:
            # Imported only here: the machine may lack a package that the stage needs.
            importlib.import_module(f"benchmarks.gpu.{stage}").run(scale, card, found)
        except Exception as error:  # the other stages still run
            found.lacks(stage, in_short(error))
            found.texts[f"{stage}-error.txt"] = traceback.format_exc()
        except KeyboardInterrupt:  # keep the figures so far
            found.lacks(stage, "interrupted")
            break
        gc.collect()
        torch.cuda.empty_cache()  # the next stage's engine takes a share of the free memory
    verdicts = [] if options.tiny else list(judge(found))
    print("\n" + report.table(card, found, verdicts, described(scale)["weights"]))
    if options.output or not options.tiny:
        part = "" if set(options.only) == set(STAGES) else f"-{'-'.join(options.only)}"
        folder = options.output or RESULTS
        path = report.write(folder, card, found, verdicts, described(scale), part=part)
        print(f"Written: {path}")
    return int(any(verdict.met is False for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
