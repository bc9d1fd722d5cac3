"""Fixtures of the hostile suites: the internet that a test plays, and what must stay unharmed."""

import random
import string
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import openai
import pytest
from anyio.from_thread import start_blocking_portal
from PIL import Image

from tests.conftest import ARGS, Service, running
from tests.contract.collector import Collector, collecting
from tests.contract.hostile import CHAT, COMPLETIONS, captioned, chat, data_url
from tests.contract.internet import StandIn
from tests.contract.processes import Snapshot, snapshot
from tests.unit.images.test_decode import encode
from tests.unit.images.test_fetch_tls import certified  # noqa: F401 - a fixture

FIGURES = pytest.StashKey[dict[str, object]]()
SMALL = chat(data_url(encode(Image.new("RGB", (8, 8), "red"))))
WARM_UP_REQUESTS = 64


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what the suites have counted and measured."""
    for name, value in config.stash.get(FIGURES, {}).items():
        terminalreporter.write_line(f"{name}: {value}")


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> dict[str, object]:
    """Give the names and values that are printed at the end of the run."""
    return pytestconfig.stash.setdefault(FIGURES, {})


@pytest.fixture(scope="package")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Service]:
    """Start the embedded demo once for the tests of this folder, and hold it to a clean end.

    It traces the requests of callers who do so, and no others.
    """
    args = {**ARGS, "tracing": {"otlp_endpoint": collector.url}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
        with running(tmp_path_factory.mktemp("service"), args) as service:
            yield service


@pytest.fixture(scope="package")
def http(service: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=60) as client:
        yield client


@pytest.fixture(scope="package")
def client(service: Service) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture(scope="package")
def stand_in(service: Service) -> Iterator[StandIn]:
    with start_blocking_portal() as portal:
        stand_in = StandIn(portal)
        with portal.wrap_async_context_manager(stand_in.answering(service.internet)):
            yield stand_in


@pytest.fixture
def internet(stand_in: StandIn) -> StandIn:
    """Give an internet of which nothing is known yet."""
    stand_in.renew()
    return stand_in


@pytest.fixture(scope="package")
def unharmed(service: Service, http: httpx.Client) -> Snapshot:
    """Give the processes before the first hostile case; what they grow by at first is theirs."""
    captioned(http.post(CHAT, json=chat(data_url(encode(Image.new("RGB", (4000, 4000)))))))
    captioned(http.post(CHAT, json=chat(data_url(encode(Image.new("L", (8, 8))) + bytes(3 << 20)))))
    with ThreadPoolExecutor(16) as pool:
        for answer in pool.map(lambda _: http.post(CHAT, json=SMALL), range(WARM_UP_REQUESTS)):
            captioned(answer)
    for body in prompts_of_all_lengths():
        answer = http.post(COMPLETIONS, json=body)
        assert answer.status_code == 200, answer.text
    return snapshot(service.pid)


def prompts_of_all_lengths() -> Iterator[dict[str, object]]:
    """Fill what vLLM keeps on a CPU, one request at a time.

    That is the KV cache, and for each layer the matrix products of the last 128 lengths:
    some 600 MB with an adapter, however many lengths follow.
    """
    letters = random.Random(0)
    for length in range(200, 950, 5):
        text = "".join(letters.choices(string.ascii_lowercase, k=length))
        yield {"model": "caption-demo", "prompt": text, "max_tokens": 1}


@pytest.fixture
def goes_on(unharmed: Snapshot, http: httpx.Client) -> Iterator[None]:
    """Ask for a caption after the test: whatever it did, others are served."""
    yield
    captioned(http.post(CHAT, json=SMALL))
