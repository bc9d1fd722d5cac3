import pickle

import pytest

from caption_studio import errors
from caption_studio.errors import CaptionStudioError

CLASSES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, CaptionStudioError)
]


@pytest.mark.parametrize("cls", CLASSES)
def test_every_class_is_drawn_in_the_docstring_and_complete(cls: type[CaptionStudioError]) -> None:
    assert cls.__name__ in (errors.__doc__ or "")
    assert cls.__doc__
    assert 400 <= cls.status < 600
    assert cls.type == ("invalid_request_error" if _is_request_error(cls) else "server_error")


@pytest.mark.parametrize("cls", CLASSES)
def test_errors_cross_processes_whole(cls: type[CaptionStudioError]) -> None:
    copy = pickle.loads(pickle.dumps(cls("m", param="p", code="c", retry_after_s=3)))
    assert type(copy) is cls
    assert (copy.message, copy.param, copy.code, copy.retry_after_s) == ("m", "p", "c", 3)
    assert str(copy) == "m"


def test_no_class_is_missing_from_the_package() -> None:
    assert {cls.__name__ for cls in _with_subclasses(CaptionStudioError)} <= set(errors.__all__)


def test_a_code_of_one_error_is_not_that_of_its_class() -> None:
    errors.InvalidValue("m", code="other")
    assert errors.InvalidValue("m").code == "invalid_value"


def _with_subclasses(cls: type[CaptionStudioError]) -> set[type[CaptionStudioError]]:
    below = (_with_subclasses(child) for child in cls.__subclasses__())
    ours = {cls} if cls.__module__.startswith(errors.__name__) else set()
    return ours.union(*below)


def _is_request_error(cls: type[CaptionStudioError]) -> bool:
    return issubclass(cls, errors.RequestError)
