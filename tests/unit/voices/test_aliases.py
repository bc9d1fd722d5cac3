"""The choice among an alias's models, and the aliases of the settings."""

from collections import Counter

import pytest

from caption_studio.errors import ModelNotFound
from caption_studio.records import Alias, Target
from caption_studio.settings import AliasSettings, Settings, TargetSettings
from caption_studio.voices.aliases import ConfiguredAliases, answering, ranked
from tests.fakes import FakeRegistry, FakeVoices

USERS = [f"user {number}" for number in range(10_000)]
PINNED = "ooooooooonoooooooononoooooooooooooonoooo"
"""If it changes, a new version of the service moves callers who should stay where they are."""


def alias(id: str = "caption", /, **weights: float) -> Alias:
    return Alias(id, tuple(Target(model, weight) for model, weight in weights.items()))


def choices(of: Alias) -> dict[str, str]:
    return {who: ranked(of, who)[0] for who in USERS}


def shares(of: Alias) -> dict[str, float]:
    return {model: n / len(USERS) for model, n in Counter(choices(of).values()).items()}


def moves(before: Alias, after: Alias) -> Counter[tuple[str, str]]:
    """Count those who are answered by another model, by the model before and after."""
    old, new = choices(before), choices(after)
    return Counter((old[who], new[who]) for who in USERS if old[who] != new[who])


@pytest.mark.parametrize(
    "weights",
    [
        {"old": 90, "new": 10},
        {"old": 0.9, "new": 0.1},
        {"a": 1, "b": 1},
        {"a": 5, "b": 3, "c": 2},
        {"a": 999, "b": 1},
    ],
)
def test_each_model_gets_its_share(weights: dict[str, float]) -> None:
    found, total = shares(alias(**weights)), sum(weights.values())
    for model, weight in weights.items():
        share = weight / total
        # Four standard deviations of a share of 10,000.
        tolerance = 4 * (share * (1 - share) / len(USERS)) ** 0.5
        assert found.get(model, 0.0) == pytest.approx(share, abs=tolerance)


def test_growing_moves_only_those_who_must_and_taking_back_moves_the_same() -> None:
    begun, grown = alias(old=90, new=10), alias(old=80, new=20)
    moved = moves(begun, grown)
    assert moved.keys() == {("old", "new")}
    assert moved["old", "new"] / len(USERS) == pytest.approx(0.1, abs=0.012)
    assert moves(grown, begun) == Counter({("new", "old"): moved["old", "new"]})
    assert moves(alias(old=1), begun).keys() == {("old", "new")}
    assert moves(grown, alias(new=1)).keys() == {("old", "new")}


def test_a_model_that_comes_or_goes_moves_nobody_between_the_others() -> None:
    two, three = alias(a=2, b=1), alias(a=2, b=1, c=1)
    assert moves(two, three).keys() == {("a", "c"), ("b", "c")}
    assert moves(three, two).keys() == {("c", "a"), ("c", "b")}


def test_order_and_scale_of_the_weights_do_not_matter() -> None:
    assert not moves(alias(a=9, b=1), alias(b=10, a=90))


def test_two_aliases_choose_independently() -> None:
    first, second = choices(alias("x", a=1, b=1)), choices(alias("y", a=1, b=1))
    same = sum(first[who] == second[who] for who in USERS) / len(USERS)
    assert same == pytest.approx(0.5, abs=0.03)


def test_every_process_of_every_version_chooses_the_same() -> None:
    answers = "".join(ranked(alias(o=9, n=1), f"user {number}")[0] for number in range(40))
    assert answers == PINNED


@pytest.mark.parametrize("who", ["", "\0", "é 🎈", "x" * 100_000])
def test_anybody_gets_an_answer(who: str) -> None:
    tiny = alias(a=1e-300, b=1e-300)
    assert set(ranked(tiny, who)) == {"a", "b"}


@pytest.mark.anyio
async def test_a_model_that_is_gone_leaves_its_callers_to_the_others() -> None:
    voices = FakeVoices(FakeRegistry())
    named = Alias("x", (Target("caption-demo", 1.0), Target("gone", 1.0)))
    answers = {await answering(named, who, voices) for who in USERS[:50]}
    assert answers == {"caption-demo"}
    with pytest.raises(ModelNotFound, match="All models of the alias 'y' are gone"):
        await answering(Alias("y", (Target("gone", 1.0),)), "me", voices)


@pytest.mark.anyio
async def test_the_settings_aliases_are_found_and_told_to_who_asks_for_another() -> None:
    target = TargetSettings(model="caption-demo", weight=1)
    settings = Settings(aliases=(AliasSettings(id="caption", targets=(target,)),))
    aliases = ConfiguredAliases(settings, FakeVoices(FakeRegistry()))
    found = await aliases.find("caption")
    assert found == Alias("caption", (Target("caption-demo", 1.0),), configured=True)
    assert await aliases.find("caption-demo") is None
    assert aliases.listed() == (found,)
    with pytest.raises(ModelNotFound, match=r"falcon-demo, .*caption-demo-plain, caption\.$"):
        await aliases.find("nobody")
