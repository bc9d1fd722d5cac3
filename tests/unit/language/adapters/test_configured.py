import pytest

from caption_studio.errors import ModelNotFound
from caption_studio.language.adapters.configured import ConfiguredAdapters, no_such_model
from caption_studio.records import Adapter
from caption_studio.settings import AdapterSettings, LanguageSettings

pytestmark = pytest.mark.anyio


async def test_the_settings_adapters_are_found_by_id_and_listed_in_order() -> None:
    settings = LanguageSettings(
        adapters=(
            AdapterSettings(id="b", source="org/b", revision="r", any_base=True),
            AdapterSettings(id="a", source="embedded:x"),
        )
    )
    adapters = ConfiguredAdapters(settings)
    assert [adapter.id for adapter in adapters.listed()] == ["b", "a"]
    assert await adapters.resolve("b") == Adapter("b", "org/b", "r", any_base=True, configured=True)


async def test_the_base_model_is_known_and_is_no_adapter() -> None:
    assert await ConfiguredAdapters(LanguageSettings()).resolve("falcon-demo") is None


async def test_nobody_else_is_known() -> None:
    with pytest.raises(ModelNotFound) as refused:
        await ConfiguredAdapters(LanguageSettings()).resolve("nobody")
    assert refused.value.param == "model"


@pytest.mark.parametrize(
    ("known", "told"),
    [(["falcon-demo", "caption-demo"], "There are: falcon-demo, caption-demo."), ([], "none.")],
)
def test_the_error_for_an_unknown_id_names_those_that_there_are(
    known: list[str], told: str
) -> None:
    message = str(no_such_model("nobody", known))
    assert message.startswith("There is no model 'nobody'. ")
    assert message.endswith(told)
