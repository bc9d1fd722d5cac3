"""SIGKILL to every gateway while they work on a batch: it goes on where it was."""

import json
import time
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.faults.conftest import GATEWAY, REPLICAS, Fleet, wait_until
from tests.faults.keys import HEADERS

pytestmark = pytest.mark.service

LINES = 800
URL = "/v1/completions"
BODY = {"model": "falcon-demo", "prompt": "A red", "max_tokens": 16, "ignore_eos": True}
GOES_ON_S = 180.0


def test_after_the_death_of_all_gateways_a_batch_goes_on(
    fleet: Fleet, table: list[tuple[str, ...]]
) -> None:
    names = [f"line-{number}" for number in range(LINES)]
    fields = {"method": "POST", "url": URL, "body": BODY}
    content = "\n".join(json.dumps({"custom_id": name, **fields}) for name in names)
    with httpx.Client(base_url=fleet.url, headers=HEADERS, timeout=30) as http:
        file = http.post(
            "/v1/files", files={"file": ("a.jsonl", content)}, data={"purpose": "batch"}
        ).json()
        asked = {"input_file_id": file["id"], "endpoint": URL, "completion_window": "24h"}
        path = f"/v1/batches/{http.post('/v1/batches', json=asked).json()['id']}"

        def batch() -> dict[str, Any]:
            try:
                answer = http.get(path)
            except httpx.HTTPError:
                return {"status": "unknown"}
            return dict(answer.json()) if answer.status_code == 200 else {"status": "unknown"}

        def done() -> int:
            return int(batch().get("request_counts", {"completed": -1})["completed"])

        wait_until(lambda: done() >= LINES // 10, GOES_ON_S)
        for process in fleet.processes(GATEWAY)[:REPLICAS]:
            process.kill()
        killed_at_s = time.monotonic()
        wait_until(lambda: batch()["status"] == "completed", GOES_ON_S)
        took_s = time.monotonic() - killed_at_s
        ended = batch()
        assert ended["request_counts"] == {"total": LINES, "completed": LINES, "failed": 0}
        output = http.get(f"/v1/files/{ended['output_file_id']}/content").text
    found = Counter(json.loads(line)["custom_id"] for line in output.splitlines())
    assert found == Counter(names), "nothing is missing, nothing is there twice"
    fleet.wait_until_whole(time.monotonic())
    healed = f"{took_s:.0f} s"
    table.append(("all gateways killed: a batch", str(LINES), str(LINES), "0", "0", "0", healed))
