"""Arguments that several command lines parse alike."""

import argparse
from collections.abc import Callable


def up_to(most: float) -> Callable[[str], float]:
    """Return a reader of numbers above 0, at most `most`, for argparse's `type`."""

    def read(text: str) -> float:
        value = float(text)
        if not 0 < value <= most:
            raise argparse.ArgumentTypeError(f"more than 0, at most {most:.0f}")
        return value

    return read
