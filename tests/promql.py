"""PromQL → the names of the metrics in it. Tested in unit/observability/test_operators_files.py."""

import re

_WORDS = frozenset(
    {"and", "bool", "by", "group_left", "group_right", "ignoring", "on", "or", "unless", "without"}
)
_NO_METRICS = (
    r"\"(?:[^\"\\]|\\.)*\"",  # strings
    r"\{[^{}]*\}",  # label matchers
    r"\[[^\]]*\]",  # ranges
    r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)",  # names of labels
    r"\b[A-Za-z_]\w*(?=\s*\()",  # functions
)


def metric_names(expression: str) -> set[str]:
    """Return the names; an expression without any is one that nobody meant."""
    for pattern in _NO_METRICS:
        expression = re.sub(pattern, " ", expression)
    names = set(re.findall(r"\b[A-Za-z_:][\w:]*", expression)) - _WORDS
    if not names:
        raise ValueError("no metric in it")
    return names
