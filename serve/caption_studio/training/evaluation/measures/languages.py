"""A request → the language asked for; a text → whether it is in a language; pure.

By script where one tells the language, else by function words. Left out are languages that a
short text does not tell reliably by either: those that share a script (Russian and Ukrainian;
Arabic, Persian and Urdu; Hindi and its neighbours) and those with Latin letters that are not below.
"""

import re
from collections import Counter

import regex

from caption_studio.training.evaluation.measures.prose import prose
from caption_studio.voices.keeping.folding import keys

_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}]")
_SCRIPTS = {
    "Bengali": regex.compile(r"\p{Bengali}"),
    "Chinese": regex.compile(r"\p{Han}"),
    "Greek": regex.compile(r"\p{Greek}"),
    "Hebrew": regex.compile(r"\p{Hebrew}"),
    "Japanese": regex.compile(r"[\p{Hiragana}\p{Katakana}\p{Han}]"),
    "Korean": regex.compile(r"\p{Hangul}"),
    "Tamil": regex.compile(r"\p{Tamil}"),
    "Thai": regex.compile(r"\p{Thai}"),
}
_LETTER = regex.compile(r"\p{L}")
_LATIN = regex.compile(r"\p{Latin}")

# Function words, without accents, as `keys` returns them.
_FUNCTION_WORDS = {
    "English": "the and of a an is are in on with for to this that my our your you we it its at "
    "what who where from just all so not have has be by under over here there their every",
    "German": "der die das und ein eine einen einem einer ist sind im in am auf mit fur von zu "
    "dem den des nicht wir ich du sie es unser unsere mein meine was wer wo so auch bei wie zum "
    "zur unter uber hier heute",
    "French": "le la les l un une des du de et est sont dans sur avec pour ce cette ces mon ma mes "
    "notre nos votre vous nous je il elle qui que quoi ou au aux en d sous plus pas tout comme",
    "Spanish": "el la los las un una unos unas y de del es son en con para por que este esta estos "
    "mi mis nuestro nuestra tu su se lo al como mas muy hoy aqui bajo donde quien no",
    "Italian": "il lo la i gli le un una uno e di del della dei delle che con per nel nella sul "
    "sulla sono mio mia nostro nostra questo questa si non piu come sotto oggi qui chi dove ed al",
    "Portuguese": "o a os as um uma uns umas e de do da dos das em no na nos nas com para por que "
    "este esta meu minha nosso nossa se nao mais muito como hoje aqui sob onde quem ao sao",
    "Dutch": "de het een en van is zijn in op met voor te dit dat deze mijn onze ons je jij wij "
    "niet er aan bij naar wat wie waar ook nog uit onder over hier vandaag",
}
_MARKS = {
    "German": re.compile("[\u00df\u00e4\u00f6\u00fc]"),
    "Spanish": re.compile("[\u00a1\u00bf\u00f1]"),
    "Portuguese": re.compile("[\u00e3\u00f5]"),
    "French": re.compile("[\u0153\u00ea]|\u00e0 "),
}
_WORDS = {language: frozenset(words.split()) for language, words in _FUNCTION_WORDS.items()}

TOLD = frozenset((*_SCRIPTS, *_WORDS))
"""The languages that a text can be told to be in, by their English names."""

_IN_LANGUAGE = re.compile(
    rf"\b(?:in|into) (?:(?:plain|simple|british|american|brazilian|simplified|traditional) )?"
    rf"({'|'.join(sorted(name.lower() for name in TOLD))})"
    r"(?= please|,| and\b| but\b| with|[.!;?]|$)"
)
_BY_ITSELF = {
    "auf deutsch": "German",
    "en fran\u00e7ais": "French",
    "en espa\u00f1ol": "Spanish",
    "in italiano": "Italian",
    "em portugu\u00eas": "Portuguese",
    "in het nederlands": "Dutch",
}
_REFUSED = re.compile(r"(?:\bnot|n't|\bnever)\s+(?:\w+ ){0,2}$")


def asked_language(request: str) -> str:
    """Return the language that a request in small letters asks for; empty if none, or not `TOLD`.

    Of several none is returned.
    """
    found = {m[1].capitalize() for m in _IN_LANGUAGE.finditer(request) if not _refused(request, m)}
    found |= {name for words, name in _BY_ITSELF.items() if words in request}
    return found.pop() if len(found) == 1 else ""


def _refused(request: str, found: re.Match[str]) -> bool:
    return _REFUSED.search(request[: found.start()]) is not None


def is_in(caption: str, language: str) -> bool | None:
    """Tell whether a caption's prose is in one of the languages of `TOLD`; None if it is not told.

    That is so of a text with few function words, such as "Lisbon, 2026", and of hashtags alone. A
    caption without a letter is in no language.
    """
    text = prose(caption)
    letters = len(_LETTER.findall(text))
    if not letters:
        return None if _LETTER.search(caption) else False
    if language in _SCRIPTS:
        share = len(_SCRIPTS[language].findall(text)) / letters
        return share > 0.5 and bool(_KANA.search(text)) is (language == "Japanese")
    if len(_LATIN.findall(text)) < letters / 2:
        return False
    hits = Counter({name: _hits(text, name) for name in _WORDS})
    mine = hits.pop(language)
    rival = max(hits.values())
    if mine > rival:
        return True
    return False if rival > mine and rival >= 2 else None


def _hits(text: str, language: str) -> int:
    mark = _MARKS.get(language)
    marks = 1 if mark is not None and mark.search(text.lower()) else 0
    return sum(word in _WORDS[language] for word in keys(text)) + marks
