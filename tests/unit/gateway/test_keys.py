"""Keys: what may be one, what a key file says, and which key a request has."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from caption_studio.gateway.key_files import load_keyrings
from caption_studio.gateway.keys import ApiKey, Keyring, parse_key_file
from caption_studio.settings import GatewaySettings, Settings

FIRST, SECOND, THIRD = "first-0123456789", "second-0123456789", "third-0123456789"


def digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def settings(**values: Any) -> GatewaySettings:
    return GatewaySettings(**values)


def test_a_line_may_give_a_name_and_limits() -> None:
    text = f"""# the shops

{FIRST} name=bakery class=batch requests_per_minute=600 tokens_per_minute=100000
  {SECOND}\ttokens_per_minute=5
{THIRD}\r
"""
    assert parse_key_file(text) == (
        ApiKey(digest(FIRST), "bakery", 600, 100_000, "batch"),
        ApiKey(digest(SECOND), None, None, 5),
        ApiKey(digest(THIRD)),
    )


def test_a_key_is_found_by_its_text_only() -> None:
    first, second = parse_key_file(f"{FIRST} name=a\n{SECOND}")
    ring = Keyring([first, second])
    assert ring.find(FIRST.encode()) is first
    assert ring.find(SECOND.encode()) is second
    for wrong in ("", " ", FIRST[:-1], FIRST + "x", FIRST.upper(), first.fingerprint, "a"):
        assert ring.find(wrong.encode()) is None


def test_a_fingerprint_is_the_beginning_of_the_digest() -> None:
    (key,) = parse_key_file(FIRST)
    assert key.fingerprint == hashlib.sha256(FIRST.encode()).hexdigest()[:8]


BAD_LINES = {
    "short": "at least 16 characters, this one has 5",
    "kein-schlüssel-für-uns": "visible ASCII",
    "\ufeffbom-in-the-middle-of": "visible ASCII",
    f"{SECOND} bakery": "only name=…, class=…, requests_per_minute=…, tokens",
    f"{SECOND} {THIRD}": "only name=…",
    f"{SECOND} # a comment": "only name=…",
    f"{SECOND} color=red": "only name=…",
    f"{SECOND} name=": "a name is",
    f"{SECOND} name=a/b": "a name is",
    f"{SECOND} name={'a' * 65}": "a name is",
    f"{SECOND} name=a name=a": "name is given twice",
    f"{SECOND} name=first": "the name first stands in an earlier line",
    f"{SECOND} requests_per_minute=0": "requests_per_minute must be a positive whole number",
    f"{SECOND} requests_per_minute=1.5": "positive whole number",
    f"{SECOND} tokens_per_minute=-1": "positive whole number",
    f"{SECOND} tokens_per_minute=1_000": "positive whole number",
    f"{SECOND} class=fast": "a class is online or batch",
    f"{SECOND} class=": "a class is",
    "class=batch name=bakery": "the key must come first",
    "name=a-bakery-without-a-key": "the key must come first",
    "requests_per_minute=600 name=bakery": "the key must come first",
    FIRST: "stands in an earlier line",
}


@pytest.mark.parametrize("line", BAD_LINES)
def test_a_bad_line_is_told_by_its_number_and_never_shown(line: str) -> None:
    with pytest.raises(ValueError, match=BAD_LINES[line]) as caught:
        parse_key_file(f"{FIRST} name=first\n\n{line}\n")
    assert str(caught.value).startswith("line 3: ")
    assert line not in str(caught.value)
    assert caught.value.__suppress_context__  # a traceback shows no key either


@pytest.mark.parametrize("text", ["", "\n \n", "# nobody\n"])
def test_a_file_without_a_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no key in it"):
        parse_key_file(text)


BAD_KEYS = [
    "",
    " ",
    "\t\n",
    " " * 16,
    "\u200b" * 16,
    "fifteen-letters",
    f"{FIRST}\n",
    "a key of 16 or so",
]


@pytest.mark.parametrize("field", ["api_keys", "admin_keys"])
@pytest.mark.parametrize("key", BAD_KEYS)
def test_an_empty_blank_or_short_key_in_the_settings_ends_the_start(field: str, key: str) -> None:
    with pytest.raises(ValidationError, match="a key must") as caught:
        Settings.load({"gateway": {field: [FIRST, key]}})
    assert FIRST not in str(caught.value)
    assert len(key) < 3 or key not in str(caught.value)


@pytest.mark.parametrize(
    "value", ["", '[""]', '["   "]', "[null]", '["short"]', '"short"', "short"]
)
def test_an_empty_blank_or_short_key_in_a_variable_ends_the_start(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for field in ("API_KEYS", "ADMIN_KEYS"):
        with monkeypatch.context() as patch:
            patch.setenv(f"CAPTION_STUDIO_GATEWAY__{field}", value)
            with pytest.raises(ValueError, match="gateway") as caught:
                Settings.load({"gateway": {field.lower(): [FIRST]}})
            assert "short" not in str(caught.value)


def test_an_unset_name_of_a_key_file_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPTION_STUDIO_GATEWAY__API_KEYS_FILE", "")
    with pytest.raises(ValidationError, match="an empty name is no file"):
        Settings.load()


def test_keys_come_from_settings_and_files(tmp_path: Path) -> None:
    api, admin = tmp_path / "api", tmp_path / "admin"
    api.write_text(f"\ufeff{SECOND} name=bakery\n")
    admin.write_text(f"{THIRD} name=chef\n")
    rings = load_keyrings(settings(api_keys=[FIRST], api_keys_file=api, admin_keys_file=admin))
    assert rings.api.keys == (ApiKey(digest(FIRST)), ApiKey(digest(SECOND), "bakery"))
    assert rings.admin.keys == (ApiKey(digest(THIRD), "chef"),)


@pytest.mark.parametrize("field", ["api_keys_file", "admin_keys_file"])
def test_a_key_file_that_cannot_be_used_ends_the_start(field: str, tmp_path: Path) -> None:
    for path, reason in (
        (tmp_path / "absent", "absent cannot be read: No such file or directory"),
        (tmp_path, "is no file"),
    ):
        with pytest.raises(ValueError, match=reason):
            load_keyrings(settings(**{field: path}))
    path = tmp_path / "keys"
    for content, reason in ((b"", "no key in it"), (b"short", "line 1"), (b"\xff" * 20, "UTF-8")):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=reason) as caught:
            load_keyrings(settings(**{field: path}))
        assert str(path) in str(caught.value)


def test_an_administrator_s_key_has_a_name_and_no_limits(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"{FIRST} requests_per_minute=5\n")
    with pytest.raises(ValueError, match="after the key only name=… may stand"):
        load_keyrings(settings(admin_keys_file=path))


def test_no_key_and_no_name_is_there_twice(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text(f"{FIRST} name=same\n")
    two.write_text(f"{SECOND} name=same\n")
    for values, reason in (
        ({"api_keys": [FIRST, FIRST]}, "a key is given twice"),
        ({"api_keys": [FIRST], "api_keys_file": one}, "a key is given twice"),
        ({"admin_keys": [FIRST], "admin_keys_file": one}, "a key is given twice"),
        ({"admin_keys": [FIRST], "api_keys": [FIRST]}, "must not be an API key too"),
        ({"admin_keys": [FIRST], "api_keys_file": one}, "must not be an API key too"),
        ({"admin_keys_file": two, "api_keys_file": one}, "two keys have the name same"),
    ):
        with pytest.raises(ValueError, match=reason):
            load_keyrings(settings(**values))


def test_keys_are_not_shown_with_the_settings() -> None:
    assert FIRST not in repr(settings(api_keys=[FIRST], admin_keys=[FIRST]))
