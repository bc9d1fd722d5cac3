"""`caption-studio adapters | voices | aliases`: change them on a running service."""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import yaml

from caption_studio.client.service import can_be_sent, client_of, service_url, told

ADMIN_KEY_VARIABLE = "CAPTION_STUDIO_ADMIN_KEY"
TIMEOUT_S = 90.0
"""An adapter is fetched, checked and loaded before it is accepted."""

FAILED, MISUSED = 1, 2
CHANGES = ("add", "set")


class _Failed(Exception):
    """A failure, as a sentence for the user."""


def administer(arguments: argparse.Namespace) -> int:
    """Do what the command says; return 0, 1 if the service refuses, 2 for a misuse."""
    try:
        url = service_url(arguments.url)
        key = arguments.admin_key or os.environ.get(ADMIN_KEY_VARIABLE)
        if key is not None and not can_be_sent(key):
            raise ValueError("the administrator's key holds other characters than visible ASCII")
        body = _body(arguments)
    except (ValueError, OSError, yaml.YAMLError) as error:
        print(f"caption-studio: {error}", file=sys.stderr)
        return MISUSED
    path = f"/v1/admin/{arguments.what}"
    try:
        with client_of(url, key, TIMEOUT_S) as http:
            if arguments.do == "list":
                _show(_asked(http, "GET", path)["data"], as_json=arguments.json)
            elif arguments.do in CHANGES:
                _show([_asked(http, "POST", path, body)], as_json=arguments.json)
            else:
                _asked(http, "DELETE", f"{path}/{quote(arguments.id, safe='')}")
    except _Failed as error:
        print(f"caption-studio: {error}", file=sys.stderr)
        return FAILED
    return 0


def _body(arguments: argparse.Namespace) -> Any:
    if arguments.do not in CHANGES:
        return None
    if arguments.what == "aliases":
        targets = [{"model": model, "weight": weight} for model, weight in arguments.targets]
        return {"id": arguments.id, "targets": targets, "description": arguments.description}
    if arguments.what == "voices":
        value = yaml.safe_load(
            sys.stdin.read() if str(arguments.file) == "-" else Path(arguments.file).read_text()
        )
        if not isinstance(value, Mapping):
            raise ValueError(f"{arguments.file} holds no voice: id, adapter and so on")
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:  # YAML reads 2026-01-01 as a date
            raise ValueError(f"{arguments.file} cannot be sent as JSON: {error}") from None
        return value
    body = {"id": arguments.id, "source": arguments.source, "any_base": arguments.any_base}
    return body if arguments.revision is None else {**body, "revision": arguments.revision}


def _asked(http: httpx.Client, method: str, path: str, body: Any = None) -> Any:
    try:
        answer = http.request(method, path, json=body)
    except httpx.ConnectError as error:
        raise _Failed(f"no service answers at {http.base_url}") from error
    except httpx.HTTPError as error:
        raise _Failed(f"{http.base_url} gave no answer: {type(error).__name__}") from error
    try:
        value = answer.json()
    except ValueError as error:
        raise _Failed(f"{http.base_url} is no captioning service") from error
    if answer.is_success:
        return value
    message, _ = told(answer)
    if answer.status_code == 401:
        message += f" Give an administrator's key with --admin-key or {ADMIN_KEY_VARIABLE}."
    if answer.status_code == 404 and method != "DELETE":
        message = "this service has no administrators: gateway.admin_keys sets their keys"
    raise _Failed(message)


def _show(cards: list[dict[str, Any]], *, as_json: bool) -> None:
    for card in cards:
        if as_json:
            print(json.dumps(card, ensure_ascii=False))
        else:
            about = card.get("description") or card.get("source") or ""
            kind = "configured" if card["configured"] else "added"
            print("\t".join((card["id"], _writers(card), kind, about)).rstrip())


def _writers(card: dict[str, Any]) -> str:
    """Return who writes: a voice's adapter, or an alias's models as the command takes them."""
    targets = (f"{one['model']}={one['weight']:g}" for one in card.get("targets", ()))
    return str(card.get("adapter", " ".join(targets)))
