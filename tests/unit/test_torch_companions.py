import importlib.util
import sys

import pytest

from caption_studio import model_libraries, torch_companions


@pytest.mark.parametrize(
    ("versions", "unfit"),
    [
        ({}, []),
        ({"torch": "2.13.0+cpu"}, []),
        ({"torch": "2.13.0+cpu", "torchvision": "0.28.0+cpu"}, []),
        ({"torch": "2.13.0+cpu", "torchvision": "0.28.0"}, ["torchvision"]),
        ({"torch": "2.13.0+cpu", "torchaudio": "2.11.0+cu130"}, ["torchaudio"]),
        ({"torch": "2.13.0", "torchvision": "0.28.0", "torchcodec": "0.17.0"}, []),
    ],
)
def test_companions_of_another_build_are_named(versions: dict[str, str], unfit: list[str]) -> None:
    assert torch_companions.unfit(versions) == unfit


def test_what_is_hidden_is_as_if_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_companions, "COMPANIONS", ("calendar_of_tests",))
    versions = {"torch": "2.13.0+cpu", "calendar_of_tests": "1"}
    monkeypatch.setattr(model_libraries, "version", versions.__getitem__)
    monkeypatch.delitem(sys.modules, "calendar_of_tests", raising=False)
    torch_companions.hide_unfit()
    try:
        assert importlib.util.find_spec("calendar_of_tests") is None
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("calendar_of_tests")
    finally:
        del sys.modules["calendar_of_tests"]


def test_what_was_imported_already_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_companions, "COMPANIONS", ("importlib",))
    monkeypatch.setattr(model_libraries, "version", {"torch": "2+cpu", "importlib": "1"}.get)
    torch_companions.hide_unfit()
    assert sys.modules["importlib"] is importlib
