"""A caption and an instruction → whether it obeys; pure."""

from caption_studio.hashtags import find_hashtags
from caption_studio.training.evaluation.measures.instructions import Instruction, asked
from caption_studio.training.evaluation.measures.languages import is_in
from caption_studio.training.evaluation.measures.prose import emoji_count, prose, prose_words
from caption_studio.voices.keeping.checks import LENGTHS
from caption_studio.voices.keeping.emoji import has_emoji
from caption_studio.voices.keeping.folding import keys

_QUESTION_MARKS = "?\uff1f\u061f"
_CLOSING = " \t\"'\u201d\u2019)\u00bb*"


def obeyed(caption: str, request: str) -> dict[str, bool]:
    """Tell for each kind of instruction in the request whether the caption obeys it.

    Left out is what this caption does not tell, such as its language by two words.
    """
    found: dict[str, bool] = {}
    for instruction in asked(request):
        if (held := obeys(caption, instruction)) is not None:
            found[instruction.kind] = found.get(instruction.kind, True) and held
    return found


def obeys(caption: str, instruction: Instruction) -> bool | None:
    """Tell whether a caption obeys; an empty one obeys nothing. None: it does not tell."""
    if not caption.strip():
        return False
    match instruction.kind:
        case "no_hashtags":
            return has_no_hashtags(caption)
        case "no_emoji":
            return has_no_emoji(caption)
        case "short":
            return is_short(caption)
        case "question":
            return is_question(caption)
        case "alt_text":
            return is_alt_text(caption)
        case "language":
            return is_in(caption, instruction.text)
        case "mention":
            return mentions(caption, instruction.text)
        case "no_mention" | "without_word":
            return not mentions(caption, instruction.text)
    return _holds_amount(caption, instruction)


def has_no_hashtags(caption: str) -> bool:
    """Tell whether there is no hashtag."""
    return not find_hashtags(caption)


def has_no_emoji(caption: str) -> bool:
    """Tell whether there is no emoji."""
    return not has_emoji(caption)


def is_short(caption: str, pictures: int = 1) -> bool:
    """Tell whether a caption of so many pictures is no longer than the service's "short" allows."""
    return 0 < len(caption) <= LENGTHS["short"] * pictures


def is_question(caption: str) -> bool:
    """Tell whether the prose ends with a question."""
    return prose(caption).rstrip(_CLOSING).endswith(tuple(_QUESTION_MARKS))


def is_alt_text(caption: str) -> bool:
    """Tell whether it is sober: no hashtag, no emoji, no exclamation and no question."""
    loud = any(mark in caption for mark in ("!", "\uff01", *_QUESTION_MARKS))
    return has_no_hashtags(caption) and has_no_emoji(caption) and not loud


def mentions(caption: str, name: str) -> bool:
    """Tell whether the words of a name stand in the caption one after another, in any case."""
    said, wanted = keys(caption), keys(name)
    places = range(len(said) - len(wanted) + 1)
    return bool(wanted) and any(said[place : place + len(wanted)] == wanted for place in places)


def _holds_amount(caption: str, instruction: Instruction) -> bool:
    unit, _, bound = instruction.kind.partition("_")
    if unit == "hashtags":
        number = len(find_hashtags(caption))
    elif unit == "emoji":
        number = emoji_count(caption)
    else:
        number = prose_words(caption) if unit == "words" else len(caption)
    if bound == "exactly":
        return number == instruction.number
    return number <= instruction.number if bound == "at_most" else number >= instruction.number
