"""What an operator relies on: probes, metrics, logs, the command line."""

import json
import os
import re
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from caption_studio.client.tables import read_table
from caption_studio.deployments.scheduling_class import LESS
from tests.conftest import COMMAND, ENGINE_PROCESS, Service
from tests.contract.hostile import CHAT, chat, data_url
from tests.contract.processes import snapshot
from tests.pictures import held_out

pytestmark = pytest.mark.service


def test_it_is_up_and_ready(http: httpx.Client) -> None:
    assert http.get("/healthz").json() == {"status": "ok"}
    assert http.get("/readyz").json() == {"status": "ready"}


def test_metrics_are_exported(http: httpx.Client) -> None:
    answer = http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    in_flight = r'^caption_studio_requests_in_flight\{deployment="Gateway",replica="\w+"\} 0\.0$'
    assert re.search(in_flight, answer.text, flags=re.MULTILINE)


def test_a_request_leaves_one_log_line_with_its_id_and_none_of_its_content(
    http: httpx.Client, service: Service
) -> None:
    body = {"prompt": "a very secret prompt", "max_tokens": 2}
    answer = http.post("/v1/completions", json=body, headers={"x-request-id": "log-test-1"})
    assert answer.headers["x-request-id"] == "log-test-1"
    lines: list[str] = []
    for _ in range(100):  # the line travels through Ray's log monitor
        text = service.log.read_text(errors="replace")
        if lines := [line for line in text.splitlines() if "log-test-1" in line]:
            break
        time.sleep(0.1)
    (line,) = lines
    value = json.loads(line[line.index("{") :])
    assert (value["status"], value["route"], value["model"]) == (
        200,
        "/v1/completions",
        "falcon-demo",
    )
    assert "secret prompt" not in text


def test_a_picture_seen_before_is_not_described_again_and_the_stage_times_show_it(
    http: httpx.Client,
) -> None:
    picture = next(held_out(1))
    body = chat(data_url(picture.encoded()))
    answers = [http.post(CHAT, json=body, headers={"x-stage-times": "1"}).json() for _ in range(2)]
    for answer in answers:
        times = answer["caption_studio"]["stage_times"]
        assert answer["caption_studio"]["description"] == picture.scene.description
        assert all(seconds >= 0 for seconds in times.values())
        assert times["decode_s"] > 0 < times["first_delta_s"]
    assert answers[1]["caption_studio"]["stage_times"]["describe_s"] == 0
    hits = r'cache_lookups_total\{deployment="Gateway",replica="\w+",result="hit"\} [1-9]'
    assert re.search(hits, http.get("/metrics").text)


def test_the_command_line_captions_files_and_names_the_one_that_is_none(
    service: Service, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    picture = next(held_out(1))
    good.write_bytes(picture.encoded())
    bad.write_bytes(b"no picture")
    done = subprocess.run(
        [COMMAND, "caption", "--url", service.url, good, bad],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert picture.scene.description in done.stdout
    assert "bad.png" in done.stderr


def test_the_command_line_writes_a_table_and_goes_on_with_it_after_a_kill(
    service: Service, tmp_path: Path
) -> None:
    folder, table = tmp_path / "painted", tmp_path / "captions.parquet"
    folder.mkdir()
    scenes = {}
    for number, picture in enumerate(held_out(20)):
        path = folder / f"{number:02}.png"
        path.write_bytes(picture.encoded())
        scenes[str(path)] = picture.scene.description
    bad = folder / "bad.png"
    bad.write_bytes(b"no picture")
    command = [COMMAND, "caption", "--url", service.url, "--output", table, "--resume", folder]
    journal = table.with_name(f"{table.name}.journal")
    with subprocess.Popen([*command, "--in-flight", "1"], stderr=subprocess.DEVNULL) as killed:
        while killed.poll() is None and not (journal.exists() and b"\n" in journal.read_bytes()):
            time.sleep(0.001)
        killed.kill()
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stderr
    assert "21 rows, 1 of them with an error" in done.stderr
    rows = list(read_table(table))
    assert [row["picture"] for row in rows] == sorted([*scenes, str(bad)])
    described = {row["picture"]: row["description"] for row in rows if "error" not in row}
    assert described == scenes
    assert all(row["caption"] for row in rows if "error" not in row)


def test_a_second_start_on_a_busy_port_says_so(service: Service) -> None:
    port = service.url.rpartition(":")[2]
    done = subprocess.run(
        [COMMAND, "serve", "--port", port], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in done.stderr


def test_whoever_feeds_the_engine_does_not_interrupt_it(service: Service) -> None:
    policies = {
        name: os.sched_getscheduler(pid)
        for (pid, _), name in snapshot(service.pid).names.items()
        if re.search(f"{ENGINE_PROCESS}|Gateway|Captioner", name)
    }
    (engine,) = (policies[name] for name in policies if re.search(ENGINE_PROCESS, name))
    fed_by = [policies[name] for name in policies if not re.search(ENGINE_PROCESS, name)]
    assert engine == os.SCHED_OTHER
    assert len(fed_by) == 2
    assert set(fed_by) == {os.SCHED_BATCH}


def test_the_describers_model_leaves_the_cpu_to_the_language_model(service: Service) -> None:
    names = snapshot(service.pid).names.items()
    (describer,) = (pid for (pid, _), name in names if "Describer" in name)
    (engine,) = (pid for (pid, _), name in names if re.search(ENGINE_PROCESS, name))
    assert LESS in _niceness(describer)
    assert _niceness(engine) == {0}


def _niceness(pid: int) -> set[int]:
    threads = (int(one.name) for one in Path(f"/proc/{pid}/task").iterdir())
    return {os.getpriority(os.PRIO_PROCESS, thread) for thread in threads}
