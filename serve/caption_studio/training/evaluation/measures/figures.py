"""A request in small letters → the same with figures for numbers of several words; pure.

"twenty-five", "one hundred and ten" and "1,000" become 25, 110 and 1000. Words such as "two" stay
words, for "one" is no number in every place.
"""

import re

_BELOW_20 = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
POWERS = {"hundred": 100, "thousand": 1000}
NUMBER_WORDS = {word: n for n, word in enumerate(_BELOW_20.split())} | {
    word: 10 * n for n, word in enumerate(_TENS.split(), start=2)
}
"""Values of the words for numbers below a hundred."""

_DIGIT = rf"(?:{'|'.join(_BELOW_20.split()[1:10])})"
_TEN = rf"(?:{'|'.join(_TENS.split())})"
_SMALL = rf"(?:{_TEN}(?:[- ]{_DIGIT})?|{'|'.join(_BELOW_20.split()[1:])})(?!\w)"
_AND = r"(?: and |[- ])"
_MANY = rf"(?:{_SMALL}|a|\d{{1,3}})[- ]"
_HUNDREDS = rf"{_MANY}hundred(?:{_AND}{_SMALL})?"
_THOUSANDS = rf"{_MANY}thousand(?:{_AND}(?:{_HUNDREDS}|{_SMALL}))?"
_IN_WORDS = re.compile(rf"\b(?:{_THOUSANDS}|{_HUNDREDS}|{_TEN}[- ]{_DIGIT})\b")
_GROUPED = re.compile(r"(?<![\w.,'])\d{1,3}(?:([,' ])\d{3})(?:\1\d{3})*(?![\d']|[.,]\d)")


def with_figures(request: str) -> str:
    """Return the request with figures."""
    request = _GROUPED.sub(lambda found: re.sub(r"\D", "", found[0]), request)
    return _IN_WORDS.sub(lambda found: str(_value(found[0])), request)


def _value(words: str) -> int:
    whole = part = 0
    for word in re.findall(r"\w+", words):
        if word == "a":
            part = 1
        elif word == "thousand":
            whole, part = whole + part * POWERS[word], 0
        elif word == "hundred":
            part = part * POWERS[word]
        else:
            part += int(word) if word.isdecimal() else NUMBER_WORDS.get(word, 0)
    return whole + part
