"""A config that asks for more than there is says so, and does not wait for ever."""

import copy
from typing import Any

import pytest
import yaml
from ray.serve.schema import ServeDeploySchema

from caption_studio.deployments.one_machine.resources import missing
from tests.conftest import ROOT

SERVER = {"CPU": 64.0, "GPU": 2.0}


def shipped(name: str) -> dict[str, Any]:
    value: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / name).read_text())
    return value


def lack(value: dict[str, Any], **has: float) -> str | None:
    return missing(ServeDeploySchema.model_validate(value), has)


@pytest.mark.parametrize("name", ["demo.yaml", "cpu.yaml"])
def test_what_needs_no_gpu_fits_two_cores(name: str) -> None:
    assert lack(shipped(name), CPU=2.0) is None


def test_one_card_is_enough_for_the_config_of_one_card() -> None:
    assert lack(shipped("gpu-one.yaml"), CPU=8.0, GPU=1.0) is None
    assert lack(shipped("gpu-one.yaml"), CPU=8.0) == "It asks for 1 GPU, and has 0."


def test_two_cards_are_asked_for_by_two() -> None:
    assert lack(shipped("gpu.yaml"), **SERVER) is None
    assert lack(shipped("gpu.yaml"), CPU=64.0, GPU=1.0) == "It asks for 2 GPUs, and has 1."


def test_processors_count_too() -> None:
    assert lack(shipped("gpu.yaml"), CPU=8.0, GPU=2.0) == "It asks for 10 CPUs, and has 8."


def test_of_what_scales_only_the_fewest_replicas_count() -> None:
    value = shipped("cluster.yaml")
    assert lack(value, CPU=4.0) is None
    busy = copy.deepcopy(value)
    busy["applications"][0]["deployments"][1]["autoscaling_config"]["min_replicas"] = 1
    assert lack(busy, CPU=64.0) == "It asks for 1 GPU, and has 0."


def test_thirds_of_processors_add_up() -> None:
    value = shipped("demo.yaml")
    for deployment, cpus in zip(
        value["applications"][0]["deployments"], (0.4, 0.6, 0.2), strict=True
    ):
        deployment["ray_actor_options"] = {"num_cpus": cpus}
        deployment["num_replicas"] = 3 if cpus == 0.4 else 1
    assert lack(value, CPU=2.0) is None
