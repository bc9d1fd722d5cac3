"""How many workers of which size a config file and the machines give."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from caption_studio.deployments.one_machine.config_file import StartFailed, read
from caption_studio.offline.plan import Plan, plan

DEPLOY = Path(__file__).parents[3] / "deploy"
H100S = {"CPU": 200.0, "GPU": 8.0}


def planned(name: str, has: Mapping[str, float], models: int = 1) -> Plan:
    config, (settings,) = read(DEPLOY / f"{name}.yaml")
    return plan(config.applications[0], settings, has, models=models)


def sizes(plan: Plan) -> tuple[int, int, int]:
    return plan.decoders.most, plan.describers.most, plan.captioners.most


@pytest.mark.parametrize(
    ("name", "has", "expected"),
    [
        ("demo", {"CPU": 2.0}, (1, 1, 1)),
        ("demo", {"CPU": 64.0}, (1, 1, 1)),  # the file says one of each
        ("gpu-one", {"CPU": 16.0, "GPU": 1.0}, (4, 1, 1)),
        ("gpu-one", {"CPU": 5.0, "GPU": 1.0}, (2, 1, 1)),
        ("cluster", {"CPU": 32.0, "GPU": 2.0}, (14, 1, 1)),
        ("cluster", H100S, (50, 2, 6)),
        ("cluster", {"CPU": 400.0, "GPU": 40.0}, (50, 4, 15)),
    ],
)
def test_pools_have_the_services_proportions(
    name: str, has: Mapping[str, float], expected: tuple[int, int, int]
) -> None:
    assert sizes(planned(name, has)) == expected


@pytest.mark.parametrize(
    ("name", "has"),
    [
        ("demo", {"CPU": 1.0}),
        ("gpu-one", {"CPU": 16.0}),
        ("gpu-one", {"CPU": 3.0, "GPU": 1.0}),
        ("cluster", {"CPU": 64.0, "GPU": 1.0}),
    ],
)
def test_what_does_not_fit_is_told(name: str, has: Mapping[str, float]) -> None:
    with pytest.raises(StartFailed, match="The machines are too small for the config file"):
        planned(name, has)


def test_workers_ask_for_what_the_deployments_do() -> None:
    pools = planned("cpu", {"CPU": 8.0})
    assert pools.describers.options == {"num_cpus": 0.5}
    assert pools.captioners.options == {
        "num_cpus": 0.5,
        "runtime_env": {"env_vars": {"OMP_NUM_THREADS": "2"}},
    }
    assert planned("gpu-one", H100S).describers.options == {"num_cpus": 1, "num_gpus": 0.2}
    assert planned("demo", {"CPU": 2.0}).describers.options == {"num_cpus": 0.5}


def test_engines_have_more_pictures_than_their_batches_hold() -> None:
    pools = planned("demo", {"CPU": 2.0})
    assert pools.describers.calls * 16 == 96  # of batches of 64
    assert pools.captioners.calls * 16 == 192  # of 128 sequences
    assert planned("demo", {"CPU": 2.0}, models=4).captioners.calls * 16 * 4 == 192


def test_batches_ahead_follow_the_largest_pool() -> None:
    assert planned("demo", {"CPU": 2.0}).batches_ahead == 6
    assert planned("cluster", H100S).batches_ahead == 6 * 24 / 2
