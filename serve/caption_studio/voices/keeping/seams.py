"""The pieces of a text from which something was cut out → the text, tidy at each seam; pure.

Away from the seams nothing changes. The result is no longer than the pieces and one space for
each seam.
"""

from collections.abc import Iterable

import regex

_SPACE = " \t\r\n\u00a0\u3000"
_CLAUSE = ",;:\u3001\uff0c"
_END = ".!?…\u3002\uff01\uff1f"
_DASHES = "-\u2013\u2014"
_OPENING = "([{\u201c\u2018«¿¡"
_CLOSING = ")]}\u201d\u2019»%" + _CLAUSE + _END
_PAIRS = frozenset(("()", "[]", "{}", "\u201c\u201d", "\u2018\u2019", "«»", '""', "''"))
_NO_SPACES = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]", regex.V1
)


def needs_no_spaces(character: str) -> bool:
    """Tell whether a character belongs to a script that writes no spaces between words."""
    return character > "\u0e00" and _NO_SPACES.match(character) is not None


def joined(pieces: Iterable[str]) -> str:
    """Join the pieces: one space where words meet, no doubled punctuation, no space before it."""
    done: list[str] = []
    space, before, first = "", "", True
    for piece in pieces:
        core = piece.strip(_SPACE)
        lead = piece[: len(piece) - len(piece.lstrip(_SPACE))]
        if not first and not done:
            core = core.lstrip(_CLAUSE + _SPACE)
            lead = ""
        if not core:
            space = _wider(space, piece) if done else ""
            first = False
            continue
        if done:
            core = _meet(done, core, before, _wider(space, lead))
        else:
            core = lead + core
        if core:
            done.append(core)
        before = space = piece[len(piece.rstrip(_SPACE)) :]
        first = False
    return _ended(done, space, last=piece.strip(_SPACE)) if not first else ""


def _ended(done: list[str], space: str, last: str) -> str:
    if last and done:
        return "".join(done) + space
    return "".join(done).rstrip(_CLAUSE + _DASHES + _SPACE)


def _meet(done: list[str], right: str, before: str, space: str) -> str:
    """Tidy the end of what is done for `right` to follow; return `right` with the space before."""
    left = done.pop()
    attached = not space.removeprefix(before)
    if attached and right[0] in _CLAUSE + _END:
        if left[-1] in _END:
            right = right.lstrip(_CLAUSE + _END + _SPACE)
        else:
            left = left.rstrip(_CLAUSE + _DASHES + _SPACE)
            space = ""
    elif left[-1] + right[0] in _PAIRS:
        left, right = left[:-1].rstrip(_SPACE), right[1:].lstrip(_SPACE)
    elif not before and left[-1] in _DASHES:
        left = left.rstrip(_DASHES + _SPACE)
    elif attached and right[0] in _DASHES:
        right = right.lstrip(_DASHES + _SPACE)
    if left:
        done.append(left)
    if not right or not done:
        return right
    return (_one_space(space) or _between(left[-1:], right[0])) + right


def _wider(one: str, other: str) -> str:
    """Return the white space with more line breaks, of two that meet."""
    return other if other.count("\n") > one.count("\n") or not one else one


def _one_space(space: str) -> str:
    return space if "\n" in space else " " if space else ""


def _between(left: str, right: str) -> str:
    """Return what stands between two characters that had something cut out between them."""
    if left in _OPENING or right in _CLOSING:
        return ""
    return "" if needs_no_spaces(left) and needs_no_spaces(right) else " "
