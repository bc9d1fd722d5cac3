from caption_studio.language.adapters import numbered
from caption_studio.settings import EMBEDDED_MODELS_DIR, AdapterSettings


def test_adapters_are_numbered_from_one_and_located() -> None:
    adapters = numbered(
        [AdapterSettings(id="a", source="embedded:x"), AdapterSettings(id="b", source="org/b")]
    )
    assert [(a.id, a.number) for a in adapters.values()] == [("a", 1), ("b", 2)]
    assert adapters["a"].location == str(EMBEDDED_MODELS_DIR / "x")
    assert adapters["b"].location == "org/b"
