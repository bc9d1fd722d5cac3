"""Key files that change while the service runs."""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

from caption_studio.gateway import followed_keys
from caption_studio.gateway.followed_keys import FollowedKeys
from caption_studio.gateway.keys import Keyring
from caption_studio.observability.metrics import Metrics
from caption_studio.settings import GatewaySettings

A, B, C = "a-key-0123456789", "b-key-0123456789", "c-key-0123456789"


class Files:
    """Two key files, those who follow them, and what these tell."""

    def __init__(self, folder: Path) -> None:
        self.api, self.admin = folder / "api", folder / "admin"
        self.api.write_text(f"{A} name=first\n")
        self.admin.write_text(f"{C}\n")
        self._metrics = Metrics()
        values: dict[str, Any] = {"api_keys_file": self.api, "admin_keys_file": self.admin}
        self.keys = FollowedKeys(GatewaySettings(**values), self._metrics)

    def settle(self) -> None:
        """Poll until a change counts."""
        self.keys.poll()
        self.keys.poll()

    def known(self) -> tuple[str, str]:
        """Return which keys are callers', and which administrators'."""
        return _known(self.keys.rings.api), _known(self.keys.rings.admin)

    def refused(self) -> set[str]:
        text = generate_latest(self._metrics.registry).decode()
        line = 'caption_studio_key_file_refused{{setting="{}"}} 1.0'
        return {s for s in ("api_keys_file", "admin_keys_file") if line.format(s) in text}


def _known(ring: Keyring) -> str:
    return "".join(key[0] for key in (A, B, C) if ring.find(key.encode()) is not None)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_a_removed_key_opens_nothing_and_an_added_one_opens(files: Files) -> None:
    assert files.known() == ("a", "c")
    files.api.write_text(f"{B}\n")
    files.settle()
    assert files.known() == ("b", "c")
    files.admin.write_text(f"{A}\n")
    files.settle()
    assert files.known() == ("b", "a")
    assert files.refused() == set()


def test_limits_and_names_follow_too(files: Files) -> None:
    files.api.write_text(f"{A} name=second requests_per_minute=7\n")
    files.settle()
    key = files.keys.rings.api.find(A.encode())
    assert key is not None
    assert (key.name, key.requests_per_minute) == ("second", 7)


def test_a_file_that_is_being_written_does_not_count_yet(files: Files) -> None:
    files.api.write_text(f"{A}\n{B[:-1]}")
    files.keys.poll()
    files.api.write_text(f"{A}\n{B}\n")
    files.keys.poll()
    assert files.known() == ("a", "c")
    files.keys.poll()
    assert files.known() == ("ab", "c")


def test_a_swapped_link_counts_though_neither_file_was_written(tmp_path: Path) -> None:
    """As Kubernetes changes a Secret."""
    for name, key in (("old", A), ("new", B)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "keys").write_text(key)
        os.utime(tmp_path / name / "keys", (0, 0))
    (tmp_path / "data").symlink_to("old")
    settings: dict[str, Any] = {"api_keys_file": tmp_path / "data" / "keys"}
    keys = FollowedKeys(GatewaySettings(**settings), Metrics())
    (tmp_path / "next").symlink_to("new")
    (tmp_path / "next").replace(tmp_path / "data")
    keys.poll()
    keys.poll()
    assert _known(keys.rings.api) == "b"


BREAKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "gone": (lambda path: path.unlink(), "cannot be read: No such file"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "is no file"),
    "a pipe": (lambda path: (path.unlink(), os.mkfifo(path)), "is no file"),
    "empty": (lambda path: path.write_text(""), "no key in it"),
    "blank": (lambda path: path.write_text(" \n\n"), "no key in it"),
    "comments": (lambda path: path.write_text(f"# {A}\n"), "no key in it"),
    "a short key": (lambda path: path.write_text(f"{B}\nshort\n"), "line 2: a key must have"),
    "half a line": (lambda path: path.write_text(f"{B} name=\n"), "line 1: a name is"),
    "no text": (lambda path: path.write_bytes(b"\xff" * 32), "no text in UTF-8"),
    "too much": (lambda path: path.write_text(f"{B}\n" + "#" * 2**20), "is larger than"),
}


@pytest.mark.parametrize("kind", BREAKS)
@pytest.mark.parametrize("which", ["api", "admin"])
def test_a_file_that_broke_changes_nothing_and_is_told_once(
    files: Files, which: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    break_file, reason = BREAKS[kind]
    path = getattr(files, which)
    kept = path.read_text()
    break_file(path)
    files.settle()
    files.settle()
    assert files.known() == ("a", "c")
    assert files.refused() == {f"{which}_keys_file"}
    (record,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert reason in record.__dict__["reason"]
    assert str(path) in record.__dict__["reason"]
    assert B not in str(record.__dict__)

    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    path.write_text(kept)
    files.settle()
    assert files.refused() == set()


def test_while_one_file_is_broken_the_other_is_followed(files: Files) -> None:
    files.admin.write_text("")
    files.settle()
    files.api.write_text(f"{B}\n")
    files.settle()
    assert files.known() == ("b", "c")
    assert files.refused() == {"admin_keys_file"}


def test_a_key_cannot_become_an_administrator_s_too(files: Files) -> None:
    files.admin.write_text(f"{A}\n{C}\n")
    files.settle()
    assert files.known() == ("a", "c")
    assert files.refused() == {"admin_keys_file"}
    # It moves over when the other file lets go of it.
    files.api.write_text(f"{B}\n")
    files.settle()
    assert files.known() == ("b", "ac")
    assert files.refused() == set()


def test_an_administrator_s_key_cannot_become_a_caller_s_too(files: Files) -> None:
    files.api.write_text(f"{B}\n{C}\n")
    files.settle()
    assert files.known() == ("a", "c")
    assert files.refused() == {"api_keys_file"}


def test_keys_of_the_settings_stay(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(A)
    settings: dict[str, Any] = {"api_keys": [B], "api_keys_file": path}
    keys = FollowedKeys(GatewaySettings(**settings), Metrics())
    path.write_text(C)
    keys.poll()
    keys.poll()
    assert _known(keys.rings.api) == "bc"


@pytest.mark.anyio
async def test_files_are_polled_while_the_service_runs(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followed_keys, "POLL_S", 0.001)
    async with asyncio.timeout(30), files.keys.following():
        files.api.write_text(f"{B}\n")
        while files.known() != ("b", "c"):  # noqa: ASYNC110 - a thread changes it
            await asyncio.sleep(0.001)


@pytest.mark.anyio
async def test_polling_goes_on_after_a_poll_that_failed(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followed_keys, "POLL_S", 0.001)
    polls: list[str] = []

    def poll() -> None:
        polls.append("one")
        raise RuntimeError("of a kind nobody thought of")

    monkeypatch.setattr(files.keys, "poll", poll)
    async with asyncio.timeout(30), files.keys.following():
        while len(polls) < 3:  # noqa: ASYNC110 - a thread changes it
            await asyncio.sleep(0.001)
