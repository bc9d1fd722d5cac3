"""The settings' own declarations → their reference, a page of Markdown.

`python -m caption_studio.settings.reference` prints it; `make docs/settings.md` writes it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from caption_studio.settings.loading import Settings
from caption_studio.settings.section import Section

HEAD = """\
# Settings

<!-- Made from serve/caption_studio/settings by `make docs/settings.md`. Do not edit it. -->

Settings stand in the `args` of the application in a Serve config file:

```yaml
applications:
  - name: caption-studio
    import_path: caption_studio.deployments.app:build
    args:
      vision:
        max_batch_size: 32
```

Each can also be set by an environment variable, which comes before the file. Its name is
`CAPTION_STUDIO_`, then the names in capitals, joined by two underscores:
`CAPTION_STUDIO_VISION__MAX_BATCH_SIZE=32`. A list is given as JSON:
`CAPTION_STUDIO_IMAGES__ALLOWED_HOSTS='["images.internal:8080"]'`. The defaults are those of the
embedded models; the files of `deploy` set others for large ones. An unknown name or a bad value
ends the start with a message that names it. Replicas and resources of each stage are settings of
Ray Serve, and stand under `deployments` in the same file ([Scaling](scaling.md)).
"""

NAMES = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    Path: "path",
    SecretStr: "secret text",
}
UNITS = {"s": "seconds", "bytes": "bytes", "px": "pixels"}
BOUNDS = {"gt": "over", "ge": "at least", "lt": "under", "le": "at most"}
MIB = 1024**2


@dataclass(frozen=True)
class _Room:
    """Where a section stands: its path in a config file, and its defaults if it is one object."""

    path: str
    section: type[Section]
    defaults: Section | None


def page() -> str:
    """Return the whole reference, with a table for each section."""
    parts = [HEAD]
    for section, group in groupby(_rooms(), key=lambda room: room.section):
        parts.append(_part(section, list(group)))
    return "\n".join(parts)


def _rooms() -> Iterator[_Room]:
    for name, field in Settings.model_fields.items():
        yield from _rooms_of(name, field.annotation, field.default)


def _rooms_of(path: str, annotation: Any, default: object) -> Iterator[_Room]:
    """Yield the section of a field and the sections within it; none for a plain value."""
    inner = get_args(annotation)[0] if get_origin(annotation) is tuple else annotation
    if not (isinstance(inner, type) and issubclass(inner, Section)):
        return
    is_list = inner is not annotation
    defaults = default if isinstance(default, Section) else None
    room = _Room(f"{path}[]" if is_list else path, inner, defaults)
    yield room
    for name, field in inner.model_fields.items():
        value = getattr(defaults, name) if defaults else field.default
        yield from _rooms_of(f"{room.path}.{name}", field.annotation, value)


def _part(section: type[Section], rooms: Sequence[_Room]) -> str:
    lines = [
        f"## {', '.join(room.path for room in rooms)}",
        "",
        section.__doc__ or "",
        "",
        "| setting | type | default | limits | |",
        "|---|---|---|---|---|",
    ]
    for name, field in section.model_fields.items():
        cells = (
            f"`{name}`",
            _type(field.annotation) + _unit(name),
            _defaults(name, field, rooms),
            ", ".join(_limits(field.metadata, field.annotation)),
            field.description or "",
        )
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _type(annotation: Any) -> str:
    """Name a type in words, with the limits that stand within it."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return _either([f"`{value}`" for value in args])
    if origin is Annotated:
        limits = ", ".join(_limits(args[1:], args[0]))
        return f"{_type(args[0])} ({limits})" if limits else _type(args[0])
    if origin is tuple:
        return f"list of {_type(args[0])}"
    if origin in (Union, UnionType):
        return _either([_type(one) for one in args])
    if annotation is NoneType:
        return "null"
    return "entries, below" if issubclass(annotation, Section) else NAMES[annotation]


def _either(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last


def _unit(name: str) -> str:
    return next((f", in {UNITS[word]}" for word in name.split("_") if word in UNITS), "")


def _defaults(name: str, field: FieldInfo, rooms: Sequence[_Room]) -> str:
    """Return the default of a field in each of the places where its section stands."""
    values = [getattr(room.defaults, name) if room.defaults else field.default for room in rooms]
    shown = [_value(value, name) for value in values]
    return shown[0] if len(set(shown)) == 1 else ", ".join(shown)


def _value(value: object, name: str) -> str:
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, Section):
        return "as below"
    if value is None or isinstance(value, bool):
        return f"`{str(value).lower().replace('none', 'null')}`"
    if isinstance(value, tuple):
        return ", ".join(f"`{getattr(one, 'id', one)}`" for one in value) or "`[]`"
    if isinstance(value, int) and "bytes" in name.split("_") and value % MIB == 0:
        return f"`{value}` ({value // MIB} MiB)"
    return f"`{value}`" if value != "" else '`""`'


def _limits(metadata: Sequence[object], annotation: Any) -> Iterator[str]:
    """Yield the bounds that pydantic holds a value to."""
    counted = "entries" if get_origin(annotation) is tuple else "characters"
    rules = {
        name: value
        for rule in metadata
        for one in (rule.metadata if isinstance(rule, FieldInfo) else [rule])
        for name in (*BOUNDS, "min_length", "max_length", "pattern")
        if (value := getattr(one, name, None)) is not None
    }
    for name, words in BOUNDS.items():
        if name in rules:
            yield f"{words} {rules[name]:,}"
    if "max_length" in rules:
        least = f"{rules['min_length']} to " if "min_length" in rules else "at most "
        yield f"{least}{rules['max_length']} {counted}"
    if "pattern" in rules:
        yield f"matches `{rules['pattern']}`"


if __name__ == "__main__":
    print(page(), end="")
