"""Keys: the record of one, the ring that finds it, and the parser of a key file.

A key is kept and compared as its SHA-256 digest only. No file is read here: see
gateway.key_files.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast, get_args

from pydantic import SecretStr

from caption_studio.key_rules import check_key
from caption_studio.records import RequestClass

NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
LIMIT = re.compile(r"[1-9][0-9]{0,11}")
LIMITS = ("requests_per_minute", "tokens_per_minute")
CLASS = "class"
FIELDS = ("name", CLASS, *LIMITS)
"""What may stand after a caller's key; after an administrator's only a name."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key, with the name and limits from its line in the key file.

    `digest` is the SHA-256 of the key. A limit of None stands for the settings' limit, which may be
    none. Requests of a key of class `batch` come after those of all others.
    """

    digest: bytes
    name: str | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    request_class: RequestClass = "online"

    @property
    def fingerprint(self) -> str:
        """What logs call the key: the first 8 hexadecimal digits of its digest."""
        return self.digest.hex()[:8]


class Keyring:
    """Finds a key by its text.

    Raises `ValueError` if a key or a name occurs twice, as its limits would be ambiguous.
    """

    def __init__(self, keys: Iterable[ApiKey]) -> None:
        self.keys = tuple(keys)
        self._by_digest = {key.digest: key for key in self.keys}
        check_distinct(self.keys)

    def find(self, text: bytes) -> ApiKey | None:
        """Return the key with this text, None if there is none."""
        # The time of a look-up by digest does not reveal how close the text was.
        return self._by_digest.get(_digest(text))


def check_distinct(keys: Sequence[ApiKey]) -> None:
    """Raise `ValueError` if two of them are the same key or have the same name."""
    if len({key.digest for key in keys}) < len(keys):
        raise ValueError("a key is given twice")
    names = Counter(key.name for key in keys if key.name is not None)
    if twice := sorted(name for name, count in names.items() if count > 1):
        raise ValueError(f"two keys have the name {twice[0]}")


def configured_keys(keys: Iterable[SecretStr]) -> tuple[ApiKey, ...]:
    """Return the keys of the settings' own lists: they have no name and no limits."""
    return tuple(ApiKey(_digest(key.get_secret_value().encode())) for key in keys)


def parse_key_file(text: str, *, with_limits: bool = True) -> tuple[ApiKey, ...]:
    """Read one key per line: `KEY [name=NAME] [class=CLASS] [requests_per_minute=N] …`.

    Blank lines, and lines that begin with `#`, are skipped. Without `with_limits` a line may give
    a name only. Raises `ValueError`, which names the line and never shows the key.
    """
    allowed = FIELDS if with_limits else ("name",)
    keys: list[ApiKey] = []
    seen: set[bytes | str | None] = set()
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            key = _parse_line(words, allowed)
            if key.digest in seen:
                raise ValueError("this key stands in an earlier line too")
            if key.name in seen:
                raise ValueError(f"the name {key.name} stands in an earlier line too")
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None  # its context may show the key
        keys.append(key)
        seen |= {key.digest, key.name} - {None}
    if not keys:
        raise ValueError("there is no key in it")
    return tuple(keys)


def _parse_line(words: Sequence[str], allowed: Sequence[str]) -> ApiKey:
    key, *rest = words
    if key.partition("=")[0] in FIELDS:
        raise ValueError("the key must come first")
    check_key(key)
    fields: dict[str, str] = {}
    for word in rest:
        field, equals, value = word.partition("=")
        if not equals or field not in allowed:
            raise ValueError(f"after the key only {', '.join(f'{n}=…' for n in allowed)} may stand")
        if field in fields:
            raise ValueError(f"{field} is given twice")
        if not _is_wanted(field, value):
            raise ValueError(_wanted(field))
        fields[field] = value
    limits = {name: int(fields[name]) for name in LIMITS if name in fields}
    request_class = cast(RequestClass, fields.get(CLASS, "online"))
    return ApiKey(
        _digest(key.encode()), name=fields.get("name"), request_class=request_class, **limits
    )


def _is_wanted(field: str, value: str) -> bool:
    if field == CLASS:
        return value in get_args(RequestClass)
    return (NAME if field == "name" else LIMIT).fullmatch(value) is not None


def _wanted(field: str) -> str:
    if field == "name":
        return "a name is 1 to 64 letters, digits, dots, underscores and hyphens"
    if field == CLASS:
        return f"a class is {' or '.join(get_args(RequestClass))}"
    return f"{field} must be a positive whole number"


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()
