import pytest
from pydantic import ValidationError

from caption_studio.settings import Settings


def test_the_defaults_are_the_demo() -> None:
    settings = Settings.load()
    assert settings.model_ids == ("falcon-demo", "caption-demo", "caption-demo-plain")
    assert settings.default_caption_model == "caption-demo"


def test_the_environment_is_above_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPTION_STUDIO_VISION__MAX_BATCH_SIZE", "3")
    settings = Settings.load({"vision": {"max_batch_size": 5, "threads": 2}})
    assert (settings.vision.max_batch_size, settings.vision.threads) == (3, 2)


def test_an_unknown_setting_is_an_error_not_a_default() -> None:
    with pytest.raises(ValidationError):
        Settings.load({"vision": {"max_batch": 5}})


def test_ids_are_unique() -> None:
    with pytest.raises(ValidationError, match="must differ"):
        Settings.load({"language": {"id": "caption-demo"}})


def test_without_adapters_the_base_model_captions() -> None:
    assert Settings.load({"language": {"adapters": []}}).default_caption_model == "falcon-demo"


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings.load().vision.threads = 3  # type: ignore[misc]
