from pathlib import Path

import pytest

from benchmarks.scenario import SCENARIOS, Replay, read_scenario

SHIPPED = sorted(path.stem for path in SCENARIOS.glob("*.yaml"))


def test_there_are_scenarios() -> None:
    assert {"caption-closed", "caption-poisson", "caption-sweep"} <= set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_scenario_is_read_by_its_name(name: str) -> None:
    assert read_scenario(name).name == name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x\nrequests: {text: {}}\nduration: 3\n", "duration"),
        ("name: x\nrequests: {}\n", "pictures, text or both"),
        ("name: x\nrequests: {text: {min_words: 9, max_words: 3}}\n", "min_words"),
        ("name: x\nrequests: {text: {}}\nload: {kind: poisson}\n", "rate_per_s"),
        ("name: x\nrequests: {text: {}}\nload: {kind: wavy}\n", "wavy"),
        ("name: x\nrequests: {text: {}}\nload: {kind: poisson, rate_per_s: .inf}\n", "finite"),
        ("name: x\nrequests: {text: {}}\nsweep: {from_per_s: 1, max_per_s: 2}\n", "kind"),
        (
            "name: x\nrequests: {text: {}}\nsweep: {kind: rate, from_per_s: 1, max_per_s: 2}\n",
            "needs limits",
        ),
        (
            "name: x\nrequests: {endpoint: completions, pictures: {per_request: 2}}\n",
            "one picture",
        ),
        ("name: [\n", "not YAML"),
    ],
)
def test_what_is_no_scenario_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        read_scenario(str(path))


def test_a_trace_lies_beside_its_scenario(tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text("name: x\nrequests: {text: {}}\nload: {kind: replay, trace: t.txt}\n")
    load = read_scenario(str(path)).load
    assert isinstance(load, Replay)
    assert load.trace == tmp_path / "t.txt"
