"""After all hostile suites (files are run in order of their names): nobody died of it."""

import pytest

from tests.conftest import Service
from tests.contract.processes import Snapshot, snapshot

pytestmark = pytest.mark.service

MAX_GROWTH_BYTES = 100_000_000


def test_no_process_has_restarted(service: Service, unharmed: Snapshot) -> None:
    now = snapshot(service.pid)
    gone = [name for process, name in unharmed.names.items() if process not in now.names]
    assert gone == []


def test_memory_has_hardly_grown(
    service: Service, unharmed: Snapshot, figures: dict[str, object]
) -> None:
    grown_bytes = snapshot(service.pid).grown_bytes(unharmed)
    most = sorted(grown_bytes.items(), key=lambda item: -item[1])[:5]
    total_bytes = sum(grown_bytes.values())
    figures["memory grown over the hostile suites"] = f"{total_bytes / 1e6:.0f} MB"
    figures["of which"] = ", ".join(f"{name}: {grown / 1e6:.0f} MB" for name, grown in most)
    assert total_bytes < MAX_GROWTH_BYTES
