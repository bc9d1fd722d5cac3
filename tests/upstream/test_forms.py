"""The checks fail where upstream has moved what they look for."""

import pytest

from tests.upstream.forms import begins_with, found, has_attributes, says, takes


class Base:
    annotated: int

    def __init__(self) -> None:
        self.first, self.second = 1, 2


class Upstream(Base):
    @property
    def computed(self) -> int:
        return self.first

    def call(self, one: int, *, other: int = 0) -> int:
        return one + other


HERE = f"{__name__}.Upstream"


def test_what_is_there_is_found() -> None:
    assert found(HERE).__name__ == "Upstream"
    has_attributes(HERE, "annotated", "first", "second", "computed", "call")
    takes(f"{HERE}.call", "other")
    begins_with(f"{HERE}.call", "self", "one")
    says(HERE, "return one + other")


@pytest.mark.parametrize("path", ["no_such_library.x", "json.no_such", "json.decoder.No.such"])
def test_what_has_moved_is_not_found(path: str) -> None:
    with pytest.raises(AssertionError):
        found(path)


def test_another_form_fails() -> None:
    with pytest.raises(AssertionError, match="third"):
        has_attributes(HERE, "first", "third")
    with pytest.raises(AssertionError, match="another"):
        takes(f"{HERE}.call", "another")
    with pytest.raises(AssertionError):
        begins_with(f"{HERE}.call", "self", "other")
    with pytest.raises(AssertionError):
        says(HERE, "return one - other")
