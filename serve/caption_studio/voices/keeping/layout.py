"""A caption → its sentence and its hashtags, cut to a number of hashtags and to limits; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from caption_studio.hashtags import (
    SEPARATORS,
    SIGNS,
    Hashtag,
    end_without_hashtags,
    find_hashtags,
)
from caption_studio.voices.keeping.counting import Limit, fits
from caption_studio.voices.keeping.cut import cut, without_leading_words
from caption_studio.voices.keeping.made_hashtags import same_hashtag


@dataclass(frozen=True, slots=True)
class Layout:
    """A caption taken apart: `tags` stand at its end, with their signs, `joint` before them."""

    body: str
    joint: str
    tags: tuple[str, ...]
    rest: str

    @property
    def text(self) -> str:
        """The caption put together."""
        if not self.tags:
            return (self.body + self.rest).strip()
        return (self.body + self.joint * bool(self.body) + " ".join(self.tags) + self.rest).strip()


def choose(found: list[Hashtag], exact: int | None, most: int | None) -> list[Hashtag]:
    """Return the hashtags that stay: the first ones, each once if their number is given."""
    if exact is None:
        return found if most is None else found[:most]
    first: dict[str, Hashtag] = {}
    for tag in found:
        first.setdefault(same_hashtag(tag.word), tag)
    number = exact if most is None else min(exact, most)
    return list(first.values())[:number]


def laid_out(text: str, staying: list[Hashtag]) -> Layout:
    """Take a caption apart; a hashtag that does not stay is a word in the sentence, or is gone."""
    found = find_hashtags(text)
    end = end_without_hashtags(text, found)
    starts = {tag.start for tag in staying}
    begin = _sentence_end(text, end.start, [tag for tag in found if tag.start not in starts])
    going = [tag for tag in found if tag.start < begin and tag.start not in starts]
    body = _unsigned(text[:begin], going)
    kept = body.rstrip(SEPARATORS) if begin < len(text) else body
    tags = tuple(text[t.start : t.end] for t in found if t.start >= begin and t.start in starts)
    joint = body[len(kept) :]
    joint = joint if joint.strip(",、") else " "
    return Layout(kept, joint, tags, end.rest)


def _sentence_end(text: str, end: int, going: Sequence[Hashtag]) -> int:
    """Return where the sentence ends: after a hashtag that it needs, as in "what a #view"."""
    first = next((tag for tag in going if tag.start >= end), None)
    if first is None or text[end : first.start].strip():
        return end
    before = text[:end].rstrip()
    return first.end if without_leading_words(before) != before else end


def with_more(layout: Layout, words: Iterator[str], have: list[Hashtag], missing: int) -> Layout:
    """Return the layout with so many more hashtags, if there are words for them."""
    seen = {same_hashtag(tag.word) for tag in have}
    more: list[str] = []
    while len(more) < missing and (word := next(words, None)) is not None:
        if same_hashtag(word) not in seen:
            seen.add(same_hashtag(word))
            more.append(f"#{word}")
    if not more:
        return layout
    if layout.tags:
        return Layout(layout.body, layout.joint, (*layout.tags, *more), layout.rest)
    return Layout((layout.body + layout.rest).rstrip(), " ", tuple(more), "")


def cut_sentence(layout: Layout, asked: Sequence[str], limits: Sequence[Limit]) -> Layout:
    """Cut the sentence so that the hashtags asked for fit; they all go to the end.

    Of hashtags that do not even fit alone the first ones stay.
    """
    tags = _fitting(asked, "", limits)
    end = " " * bool(tags) + " ".join(tags)
    body = _unsigned(layout.body, find_hashtags(layout.body))
    return Layout(cut(body, [limit.less(end) for limit in limits]), " ", tuple(tags), "")


def cut_end(layout: Layout, limits: Sequence[Limit]) -> Layout:
    """Cut from the end: first what follows the hashtags, then these, then the sentence."""
    if not fits(layout.body, limits):
        return Layout(cut(layout.body, limits), layout.joint, (), "")
    tags = _fitting(layout.tags, layout.body + layout.joint * bool(layout.body), limits)
    body = layout.body if tags or not layout.tags else without_leading_words(layout.body)
    return Layout(body, layout.joint, tuple(tags), "")


def _fitting(tags: Sequence[str], before: str, limits: Sequence[Limit]) -> list[str]:
    """Return the first of the tags that fit after `before`."""
    fitting: list[str] = []
    rooms = [limit.less(before) for limit in limits]
    for tag in tags:
        needed = " " * bool(fitting) + tag
        if not fits(needed, rooms):
            break
        fitting.append(tag)
        rooms = [room.less(needed) for room in rooms]
    return fitting


def _unsigned(text: str, tags: Sequence[Hashtag]) -> str:
    """Return the text with each of the hashtags as a word."""
    pieces, position = [], 0
    for tag in tags:
        apart = " " if text[tag.end : tag.end + 1] in tuple(SIGNS) else ""
        pieces += [text[position : tag.start], text[tag.start + 1 : tag.end], apart]
        position = tag.end
    return "".join(pieces) + text[position:]
