"""What a gateway tells of its places and bytes."""

from caption_studio.gateway.byte_budget import ByteBudget
from caption_studio.gateway.concurrency_limit import ConcurrencyLimit
from caption_studio.gateway.in_use import tell_in_use
from caption_studio.gateway.places import Places
from caption_studio.observability.work import BYTES_SHARE, FULL, IN_FLIGHT, PLACES, Work
from caption_studio.settings import GatewaySettings


def test_places_and_bytes_are_told_as_they_are_now() -> None:
    settings = GatewaySettings(max_in_flight=4)
    places = Places(ConcurrencyLimit(2, 4, 10.0), lambda: 0.0)
    budget = ByteBudget(settings.max_body_bytes_in_flight)
    work = Work()
    tell_in_use(work, places, budget, settings)
    assert in_use(work) == {IN_FLIGHT: 0, PLACES: 4, FULL: 0, BYTES_SHARE: 0}
    for owner in "abcd":
        places.enter(owner)
    budget.take("a", settings.max_body_bytes_in_flight // 4)
    assert in_use(work) == {IN_FLIGHT: 4, PLACES: 4, FULL: 1, BYTES_SHARE: 0.25}


def in_use(work: Work) -> dict[str, float]:
    return {name: value for name, value in work.counters().items() if "cpu" not in name}
