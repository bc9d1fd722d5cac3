"""llguidance's error about a schema → why it cannot be obeyed, in our words; pure.

Source of its errors: llguidance 1.7 (parser/src/json and parser/src/earley of its repository).
"""

import re

_REASONS = (
    (
        r'Unimplemented keys: \["([^"]{1,40})"',
        "it uses the keyword {}, which is not supported",
    ),
    (r"^Unsatisfiable|NoExtension", "no value can satisfy it"),
    (r"look-around|backreferences", "patterns cannot have look-around or back-references"),
    (r"regex", "one of its patterns or bounds cannot be used"),
    (r"Invalid type", "it names a type that JSON does not have"),
    (
        r"not present in a registry|[Pp]ointer|[Rr]ef\b|anchor",
        "one of its $ref leads nowhere: references must stay within the schema",
    ),
    (r"oneOf", "the alternatives of a oneOf overlap: use anyOf"),
    (
        r"min/maxProperties",
        "minProperties and maxProperties need every named property to be required",
    ),
    (r"too (big|large|many)|[Ff]uel|panic|limit", "it is too large"),
    (r"must be|[Ee]xpect|invalid", "it is no valid JSON Schema"),
)

TOO_SLOW = "it takes too long to compile: make it smaller"
UNKNOWN = "it is no valid JSON Schema, or uses what is not supported"


def reason_for(error: str) -> str:
    """Return our reason for llguidance's error; it never quotes that error whole."""
    for pattern, reason in _REASONS:
        if found := re.search(pattern, error):
            return reason.format(*found.groups())
    return UNKNOWN
