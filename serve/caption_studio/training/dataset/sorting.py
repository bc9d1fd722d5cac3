"""Pieces, each with its answers → the rows of the data set, and what is set apart. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from caption_studio.training.dataset.duplicates import KnownCaptions
from caption_studio.training.dataset.items import Apart, Piece, Reason
from caption_studio.training.dataset.set_apart import Judge, Judged, is_refusal
from caption_studio.training.dataset.splits import split_by_picture
from caption_studio.training.rows import Row, Split


@dataclass(frozen=True, slots=True)
class Sorted:
    """A data set's rows, and all else, each in the order of the sources."""

    rows: list[Row]
    apart: list[Apart]


def sort_out(
    pieces: Sequence[Piece], *, template: str, writer: str, shares: Mapping[Split, float]
) -> Sorted:
    """Return the rows and what is set apart.

    `template` is the teacher's prompt, `writer` its name. A caption that was given is kept as it
    is, unless it is a refusal that somebody's teacher wrote, or repeated.
    """
    judge, known = Judge(template), KnownCaptions()
    rows: list[Row] = []
    apart: list[Apart] = []
    for piece in pieces:
        if piece.apart is not None:
            apart.append(piece.apart)
            continue
        if given := piece.item.caption:
            judged = [Judged(given, "refusal" if is_refusal(given) else None)]
        else:
            judged = [judge.judge(answer) for answer in piece.answers]
        for one in judged:
            reason, detail = one.reason, one.detail
            row = _row(piece, one.caption, "" if given else writer)
            if reason is None and (before := known.repeated(row.caption, row.key, row.request)):
                reason, detail = "repeated caption", before
            if reason is None:
                rows.append(row)
            else:
                apart.append(_apart(row, reason, detail))
    return Sorted(split_by_picture(rows, shares), apart)


def _row(piece: Piece, caption: str, writer: str) -> Row:
    item = piece.item
    return Row(
        piece.description,
        caption,
        picture=item.picture,
        picture_id=piece.picture_id,
        request=item.request if item.caption else "",
        writer=writer,
        facts=item.facts,
    )


def _apart(row: Row, reason: Reason, detail: str) -> Apart:
    return Apart(reason, detail, row.picture, row.description, row.caption)
