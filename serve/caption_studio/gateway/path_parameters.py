"""`{name:id}` in a route's path: an id that may hold slashes, as a hub's ids do."""

from starlette.convertors import StringConvertor, register_url_convertor


class _IdConvertor(StringConvertor):
    """Takes all that follows, but not nothing, and no step up: `..` stands in no id."""

    regex = r"(?!(?:.*/)?\.\.(?:/|$)).+"


def register() -> None:
    """Let routes use it. Starlette keeps its convertors in one table for the process."""
    register_url_convertor("id", _IdConvertor())
