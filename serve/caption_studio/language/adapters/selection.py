"""The modules that an adapter's configuration selects, by PEFT's own rules; pure.

Source: `check_target_module_exists` (peft/tuners/tuners_utils.py) and `get_pattern_key`
(peft/utils/other.py), PEFT 0.21. Regular expressions are evaluated as in PEFT, but within a time
limit: they come from an untrusted file.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import regex

from caption_studio.errors import InvalidAdapter

T = TypeVar("T")

ALL_LINEAR = "all-linear"
PATTERN_TIMEOUT_S = 0.05
"""Limit for one pattern on one module's name, of some fifty characters."""

LAYER = re.compile(r".*?\.[^.]*\.(\d+)\.")
"""The layer's number: the first in a module's name. For configurations without a pattern for it."""

Names = str | tuple[str, ...]
"""A regular expression for whole names, or names and ends of names."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The choice of the modules that have matrices. `layers` None means all layers.

    `layers` and `layer_patterns` count only where `targets` is a list, as in PEFT.
    """

    targets: Names
    excluded: Names = ()
    layers: frozenset[int] | None = None
    layer_patterns: tuple[str, ...] = ()

    def selects(self, module: str) -> bool:
        """Return whether the module has matrices. Raises as `fullmatch`."""
        if _is_among(module, self.excluded, "exclude_modules"):
            return False
        if isinstance(self.targets, str) and self.targets.lower() == ALL_LINEAR:
            return True
        if not _is_among(module, self.targets, "target_modules"):
            return False
        return isinstance(self.targets, str) or self._is_in_a_layer(module)

    def _is_in_a_layer(self, module: str) -> bool:
        if self.layers is None:
            return True
        layer = self._layer_of(module)
        return layer is not None and layer in self.layers

    def _layer_of(self, module: str) -> int | None:
        if not self.layer_patterns:
            match = LAYER.match(module)
            return int(match[1]) if match else None
        for pattern in self.layer_patterns:
            found = fullmatch(rf"(?:^|.*?\.){pattern}\.(?P<idx>\d+)\..*", module, "layers_pattern")
            if found is not None:
                return int(found["idx"])
        return None


def value_for(module: str, patterns: Mapping[str, T], default: T, field: str) -> T:
    """Return the value of the first pattern that matches the module's name or its end at a dot."""
    for pattern, value in patterns.items():
        if fullmatch(rf"(.*\.)?({pattern})", module, field) is not None:
            return value
    return default


def fullmatch(pattern: str, module: str, field: str) -> "regex.Match[str] | None":
    """Match the whole name.

    Raises `InvalidAdapter` naming `field` if the pattern is no regular expression, or takes longer
    than `PATTERN_TIMEOUT_S`.
    """
    try:
        return regex.fullmatch(pattern, module, timeout=PATTERN_TIMEOUT_S)
    except regex.error as error:
        raise _refused(f"{field} holds what is no regular expression") from error
    except TimeoutError as error:
        raise _refused(f"{field} holds a regular expression that takes too long") from error


def _is_among(module: str, names: Names, field: str) -> bool:
    if isinstance(names, str):
        return fullmatch(names, module, field) is not None
    return _ends_with_one(module, names)


def _ends_with_one(module: str, names: Sequence[str]) -> bool:
    return any(module == name or module.endswith(f".{name}") for name in names)


def _refused(reason: str) -> InvalidAdapter:
    return InvalidAdapter(f"The adapter cannot be served: {reason}.", param="source")
