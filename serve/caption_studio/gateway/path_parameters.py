"""`{name:id}` in a route's path: an id that may hold slashes, as a hub's ids do."""

from starlette.convertors import StringConvertor, register_url_convertor


class _IdConvertor(StringConvertor):
    """Matches the rest of the path, unless it is empty or has a `..` segment."""

    regex = r"(?!(?:.*/)?\.\.(?:/|$)).+"


def register() -> None:
    """Let routes use it; Starlette keeps its convertors in one table per process."""
    register_url_convertor("id", _IdConvertor())
