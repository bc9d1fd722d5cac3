"""Settings and key files → the keyrings of callers and of administrators."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from caption_studio.gateway.keys import (
    ApiKey,
    Keyring,
    check_distinct,
    configured_keys,
    parse_key_file,
)
from caption_studio.settings import GatewaySettings


@dataclass(frozen=True, slots=True)
class Keyrings:
    """Who may ask, and who may administer. No key is in both, no name is there twice."""

    api: Keyring
    admin: Keyring


def load_keyrings(settings: GatewaySettings) -> Keyrings:
    """Return the keys of the settings and of their files.

    Raises:
        ValueError: a file cannot be read, holds no key or a malformed line; a key is there twice.
    """
    api = _read(settings.api_keys_file, with_limits=True)
    admin = _read(settings.admin_keys_file, with_limits=False)
    return make_keyrings(settings, api, admin)


def make_keyrings(
    settings: GatewaySettings, api: Sequence[ApiKey], admin: Sequence[ApiKey]
) -> Keyrings:
    """Return the keys of the settings together with those of the files.

    Raises `ValueError` if a key or a name is there twice.
    """
    rings = Keyrings(
        Keyring([*configured_keys(settings.api_keys), *api]),
        Keyring([*configured_keys(settings.admin_keys), *admin]),
    )
    if {key.digest for key in rings.api.keys} & {key.digest for key in rings.admin.keys}:
        raise ValueError("an admin key must not be an API key too")
    check_distinct([*rings.api.keys, *rings.admin.keys])
    return rings


def _read(path: Path | None, *, with_limits: bool) -> tuple[ApiKey, ...]:
    if path is None:
        return ()
    try:
        return parse_key_file(path.read_text(encoding="utf-8-sig"), with_limits=with_limits)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text in UTF-8") from None  # its cause shows what it holds
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
