"""A built data set → its card: what it was made of, by whom, at what cost. Pure."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from caption_studio.training.dataset.items import Apart
from caption_studio.training.dataset.teaching.prices import Prices, Spent
from caption_studio.training.rows import SPLITS, Row, Split

MAX_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Making:
    """How a data set was made, as its card tells.

    `teacher` has the parameters of its calls, empty where all captions were given; `template` is
    its prompt. `command` is the command line.
    """

    sources: Sequence[str]
    describer: str
    teacher: Mapping[str, object]
    template: str
    near_bits: int
    licence: str
    command: str
    made_on: date


def counts(rows: Sequence[Row]) -> dict[Split, tuple[int, int]]:
    """Return for each split its rows and its pictures."""
    found: dict[Split, tuple[int, int]] = {}
    for split in SPLITS:
        of_split = [row for row in rows if row.split == split]
        found[split] = (len(of_split), len({row.key for row in of_split}))
    return found


def card(
    name: str,
    rows: Sequence[Row],
    apart: Sequence[Apart],
    making: Making,
    spent: Spent,
    prices: Prices,
) -> str:
    """Return the card as Markdown."""
    pictures = len({row.key for row in rows})
    parts = [
        f"---\nlicense: {json.dumps(making.licence or 'unknown')}\n---\n\n# {name}",
        f"{len(rows)} captions of {pictures} pictures, made on {making.made_on.isoformat()} by "
        "`caption-studio dataset build`. Each row has a description, a caption written for it, and "
        "the split of its picture.",
        _section("Splits", _table(("split", "rows", "pictures"), _split_rows(rows))),
        _section("Sources", "\n".join(f"- {_code(source)}" for source in making.sources)),
        _section("How it was made", _made(making, spent, prices)),
        _section("Set apart", _apart(apart)),
        _section("Licence", making.licence or "Not stated: pictures and captions may have owners."),
        _section("Examples", _examples(rows)),
        _section("Command", _block(making.command)),
    ]
    return "\n\n".join(parts) + "\n"


def _split_rows(rows: Sequence[Row]) -> list[tuple[object, ...]]:
    return [(split, *numbers) for split, numbers in counts(rows).items()]


def _made(making: Making, spent: Spent, prices: Prices) -> str:
    lines = [f"- descriptions: {making.describer or 'given with the sources'}"]
    if not making.teacher:
        lines.append("- captions: given with the sources")
    else:
        told = [f"{name} {_code(str(value))}" for name, value in making.teacher.items()]
        lines.append(f"- captions: by a teacher, {', '.join(told)}")
        lines.append(f"- answers: {spent.answers}, {prices.told(spent)}")
        if spent.uncounted:
            lines.append(f"- {spent.uncounted} answers did not say what they took")
    lines.append(
        "- near-duplicate pictures: alike in colour, and difference hashes at most "
        f"{making.near_bits} of 64 bits apart"
    )
    if not making.teacher:
        return "\n".join(lines)
    prompt = _block(making.template) if making.template else "The picture alone, without a text."
    return "\n".join(lines) + f"\n\nThe teacher's prompt:\n\n{prompt}"


def _apart(apart: Sequence[Apart]) -> str:
    if not apart:
        return "Nothing."
    by_reason = Counter(one.reason for one in apart)
    return _table(("reason", "number"), [(reason, n) for reason, n in by_reason.most_common()])


def _examples(rows: Sequence[Row]) -> str:
    first = {row.key: row for row in reversed(rows)}
    shown = list(reversed(first.values()))[:MAX_EXAMPLES]
    return "\n".join(f"- {_code(row.description)}: {_code(row.caption)}" for row in shown)


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}"


def _table(head: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in (head, rule, *lines))


def _code(text: str) -> str:
    """Return text as Markdown that shows it as it is (CommonMark, section 6.1)."""
    fence = "`" * (1 + _longest_ticks(text))
    return f"{fence} {text} {fence}" if "`" in text else f"`{text}`"


def _block(text: str) -> str:
    fence = "`" * max(3, 1 + _longest_ticks(text))
    return f"{fence}text\n{text}\n{fence}"


def _longest_ticks(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
