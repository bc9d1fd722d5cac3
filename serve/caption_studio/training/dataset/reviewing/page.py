"""Rows → one HTML file to accept, edit or reject them; what it exports → the rows that stay.

The page works without a network and sends nothing: its rules of content forbid it.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from caption_studio.training.dataset.items import Apart
from caption_studio.training.rows import DataSetError, Row

FORM = "caption-studio review 1"
"""Stands in an export, so that no other JSON is taken for one."""

_PAGE = Path(__file__).with_name("review.html")
_PLACE = "/*DATA*/"
_ID_BYTES = 8
# What could end the element that the data stands in; inside JSON these are the same strings.
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided about a row; `caption` is the edited one."""

    accepted: bool
    caption: str | None = None


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The rows that stay, those rejected, and how many there are of each kind."""

    rows: list[Row]
    apart: list[Apart]
    counts: Counter[str]


def row_id(row: Row) -> str:
    """Return what names a row in a review: it stays the same when the data set is built again."""
    parts = (row.picture_id or row.picture, row.description, row.request, row.caption)
    text = json.dumps(parts, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=_ID_BYTES).hexdigest()


def review_page(name: str, rows: Sequence[Row], thumbnails: Mapping[str, str]) -> str:
    """Return the page; `thumbnails` are data URLs by the names of pictures."""
    shown = [
        {
            "id": row_id(row),
            "picture": row.picture,
            "description": row.description,
            "caption": row.caption,
            "request": row.request,
            "split": row.split,
        }
        for row in rows
    ]
    used = {row.picture for row in rows}
    small = {picture: url for picture, url in thumbnails.items() if picture in used}
    data = json.dumps({"form": FORM, "name": name, "rows": shown, "thumbnails": small})
    for character, escape in _ESCAPES.items():
        data = data.replace(character, escape)
    return _PAGE.read_text(encoding="utf-8").replace(_PLACE, data)


def read_decisions(path: Path) -> dict[str, Decision]:
    """Return the decisions of an export by the ids of rows. Raises `DataSetError`."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataSetError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:  # JSON's and Unicode's are both
        raise DataSetError(f"{path} is no export of a review: it is no JSON.") from error
    if not isinstance(value, dict) or value.get("form") != FORM:
        raise DataSetError(f"{path} is no export of a review.")
    decisions = value.get("decisions")
    if not isinstance(decisions, dict):
        raise DataSetError(f"{path} has no decisions.")
    return {id_: _decision(path, id_, one) for id_, one in decisions.items()}


def _decision(path: Path, id_: str, value: object) -> Decision:
    if isinstance(value, dict) and value.get("decision") in ("accept", "edit", "reject"):
        decision, caption = value["decision"], value.get("caption")
        if decision != "edit":
            return Decision(decision == "accept")
        if isinstance(caption, str) and caption.strip():
            # JSON may hold lone surrogates, which no file of ours may.
            return Decision(True, " ".join(caption.encode("utf-8", "replace").decode().split()))
    raise DataSetError(f"{path}: the decision about row {id_} is none.")


def reviewed(
    rows: Sequence[Row], decisions: Mapping[str, Decision], *, accepted_only: bool
) -> Reviewed:
    """Return the rows as they were decided on; without a decision they stay.

    With `accepted_only` only those that were accepted or edited stay.
    """
    kept: list[Row] = []
    apart: list[Apart] = []
    found: Counter[str] = Counter()
    for row in rows:
        decision = decisions.get(row_id(row))
        if decision is None:
            found["undecided"] += 1
            if not accepted_only:
                kept.append(row)
        elif not decision.accepted:
            found["rejected"] += 1
            apart.append(Apart("rejected", "", row.picture, row.description, row.caption))
        elif decision.caption is None or decision.caption == row.caption:
            found["accepted"] += 1
            kept.append(row)
        else:
            found["edited"] += 1
            writer = f"{row.writer}, edited" if row.writer else "edited"
            kept.append(replace(row, caption=decision.caption, writer=writer))
    found["unknown"] = len(decisions.keys() - {row_id(row) for row in rows})
    return Reviewed(kept, apart, found)
