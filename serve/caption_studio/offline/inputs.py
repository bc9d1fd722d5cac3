"""INPUT of the command line → the pictures that are asked for, each once, in their order."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from caption_studio.offline.messages import Asked
from caption_studio.training.dataset.items import Item
from caption_studio.training.dataset.sources import find
from caption_studio.training.dataset.tables import KINDS, Columns, read_pictures

PICTURE_COLUMN = "picture"
PLACES = ("http", "https", "s3", "gs")
"""The schemes of addresses that are taken. Others that fsspec knows could lead past the guard of
URLs, as `simplecache::http://` would."""

_NO_PICTURE = "the row names no picture"
_NO_PLACE = "only files and addresses of http, https, s3 and gs are taken"


def pictures_in(source: str, *, column: str | None, models: Sequence[str]) -> list[Asked]:
    """Return the pictures of a table, list, folder, pattern, bucket, or the one that is named.

    Raises `DataSetError`, a `ValueError`, if it cannot be read or has no picture.
    """
    if not _is_taken(source):
        raise ValueError(f"{source}: {_NO_PLACE}")
    is_table = "://" not in source and source.lower().endswith(KINDS)
    if column is not None and not is_table:
        raise ValueError(f"--picture-column needs a table: {', '.join(KINDS)}")
    named = {item.picture: item for item in _items(source, column, is_table=is_table)}
    return [
        Asked(name, _address(name), tuple(models), item.problem or _problem(name))
        for name, item in named.items()
    ]


def _items(source: str, column: str | None, *, is_table: bool) -> Iterator[Item]:
    if not is_table:
        yield from find([source])
        return
    columns = Columns(picture=column or PICTURE_COLUMN)
    for number, item in enumerate(read_pictures(Path(source), columns), start=1):
        if item.picture:
            yield item
        else:  # it still has its row in the output
            yield Item(f"{source}, row {number}", problem=item.problem or _NO_PICTURE)


def _is_taken(address: str) -> bool:
    scheme, is_address, _ = address.partition("://")
    return not is_address or (scheme.lower() in PLACES and "::" not in address)


def _problem(name: str) -> str:
    return "" if _is_taken(name) else _NO_PLACE


def _address(name: str) -> str:
    """Return the place that every process of this machine finds it at."""
    return name if "://" in name else os.path.abspath(name)
