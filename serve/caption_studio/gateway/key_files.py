"""Settings and key files → the keyrings of callers and of administrators."""

import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from caption_studio.gateway.keys import (
    ApiKey,
    Keyring,
    check_distinct,
    configured_keys,
    parse_key_file,
)
from caption_studio.settings import GatewaySettings

MAX_FILE_BYTES = 1024**2

KeyFile = Literal["api_keys_file", "admin_keys_file"]
"""A key file, by the name of its setting."""

Content = bytes | str
"""A file's content, or (str) why it cannot be read."""


@dataclass(frozen=True, slots=True)
class Keyrings:
    """The API keys and the admin keys. No key is in both, no name occurs twice."""

    api: Keyring
    admin: Keyring


def load_keyrings(settings: GatewaySettings) -> Keyrings:
    """Return the keys of the settings and of their files, as they are now.

    Raises:
        ValueError: a file cannot be read, has no key or a malformed line; a key occurs twice.
    """
    paths = key_file_paths(settings)
    keys = {file: parse_content(file, path, read_file(path)) for file, path in paths.items()}
    return make_keyrings(settings, keys)


def key_file_paths(settings: GatewaySettings) -> dict[KeyFile, Path]:
    """Return the files that the settings name."""
    paths: dict[KeyFile, Path | None] = {
        "api_keys_file": settings.api_keys_file,
        "admin_keys_file": settings.admin_keys_file,
    }
    return {file: path for file, path in paths.items() if path is not None}


def make_keyrings(
    settings: GatewaySettings, of_files: Mapping[KeyFile, Sequence[ApiKey]]
) -> Keyrings:
    """Return the keys of the settings together with those of the files.

    Raises `ValueError` if a key or a name occurs twice.
    """
    api = [*configured_keys(settings.api_keys), *of_files.get("api_keys_file", ())]
    admin = [*configured_keys(settings.admin_keys), *of_files.get("admin_keys_file", ())]
    rings = Keyrings(Keyring(api), Keyring(admin))
    if not {key.digest for key in api}.isdisjoint(key.digest for key in admin):
        raise ValueError("an admin key must not be an API key too")
    check_distinct([*api, *admin])
    return rings


def read_file(path: Path) -> Content:
    """Return a key file's content, or why it cannot be read. Blocks."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # reading a pipe would wait for its writer
            return "is no file"
        if status.st_size > MAX_FILE_BYTES:
            return f"is larger than {MAX_FILE_BYTES} bytes"
        return path.read_bytes()
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def parse_content(file: KeyFile, path: Path, content: Content) -> tuple[ApiKey, ...]:
    """Return the keys in what `read_file` returned.

    Raises `ValueError`, which names the file and never shows a key.
    """
    if isinstance(content, str):
        raise ValueError(f"{path} {content}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text in UTF-8") from None  # its cause shows the content
    try:
        return parse_key_file(text, with_limits=file == "api_keys_file")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
