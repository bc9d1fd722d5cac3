"""What a run takes is told in tokens, machine hours and money."""

from caption_studio.offline.messages import Done
from caption_studio.offline.spent import Spent

DONE = Done("a.png", (), tokens_in=700, tokens_out=30)


class Clock:
    """Seconds that pass only when they are added."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_without_a_price_it_is_tokens() -> None:
    spent = Spent()
    for _ in range(3):
        spent.add(DONE)
    assert spent.told(10) == "2,100 tokens in, 90 out"


def test_machines_count_from_when_they_are_known_until_others_take_their_place() -> None:
    clock = Clock()
    spent = Spent(clock=clock)
    clock.now_s += 3600
    spent.run_on({"CPU": 8.0, "GPU": 2.0, "memory": 1e9})
    clock.now_s += 1800
    spent.run_on({"CPU": 4.0})
    clock.now_s += 900
    assert spent.told(0) == "0 tokens in, 0 out, 5.000 CPU-hours, 1.000 GPU-hours"


def test_the_expected_cost_is_that_of_the_pace_since_the_first_picture() -> None:
    clock = Clock()
    spent = Spent(3.60, clock=clock)
    clock.now_s += 100  # the models start
    spent.add(DONE)
    assert spent.told(11) == "700 tokens in, 30 out, cost 0.1000"
    for _ in range(5):
        clock.now_s += 2
        spent.add(DONE)
    assert spent.told(11) == "4,200 tokens in, 180 out, cost 0.1100 of about 0.1200"
    for _ in range(5):
        clock.now_s += 2
        spent.add(DONE)
    assert spent.told(11) == "7,700 tokens in, 330 out, cost 0.1200"


def test_a_price_of_nothing_is_a_price() -> None:
    assert Spent(0.0).told(5) == "0 tokens in, 0 out, cost 0.0000"
