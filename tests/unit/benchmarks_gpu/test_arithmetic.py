"""What results cost at the least, against figures worked out by hand elsewhere (H100)."""

import pytest

from benchmarks.describer.models import git_large_config
from benchmarks.gpu import arithmetic
from benchmarks.gpu.arithmetic import Work
from benchmarks.gpu.limits import Card
from benchmarks.gpu.scale import falcon_7b_config

H100 = Card("H100", 80 * 10**9, copied_bytes_per_s=3.35e12, operations_per_s=989e12)


def test_a_picture() -> None:
    work = arithmetic.picture(git_large_config(), text_tokens=12)
    assert work.operations == pytest.approx(187e9, rel=0.02)
    assert 1 / H100.seconds(work) == pytest.approx(5280, rel=0.02)


def test_falcon() -> None:
    config = falcon_7b_config()
    assert arithmetic.falcon_parameters(config) == pytest.approx(6.92e9, rel=0.002)
    lone = arithmetic.lone_step(config, "bfloat16")
    assert lone.bytes_ == pytest.approx(13.84e9, rel=0.002)
    assert 1e3 * H100.seconds(lone) == pytest.approx(4.13, rel=0.01)
    assert H100.seconds(arithmetic.lone_step(config, "fp8")) < 0.51 * H100.seconds(lone)
    request = arithmetic.request(config, prompt_tokens=32, answer_tokens=25)
    assert 1 / H100.seconds(request) == pytest.approx(1284, rel=0.03)


def test_the_slower_of_moving_and_computing_is_the_limit() -> None:
    assert H100.seconds(Work(operations=989e12, bytes_=1)) == pytest.approx(1)
    assert H100.seconds(Work(operations=1, bytes_=6.7e12)) == pytest.approx(2)
    assert H100.seconds(Work(1e12, 1e9) + Work(2e12, 2e9)) == pytest.approx(3 / 989)
