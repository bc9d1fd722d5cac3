"""The whole of it: client processes, a server of known delays, figures, files."""

import csv
import json
import multiprocessing
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import benchmarks
from benchmarks.__main__ import main
from benchmarks.calibrate import null_server
from benchmarks.fleet import ClientFailed, Fleet
from benchmarks.run import Endpoint, RemoteRefused, check_endpoint, run
from benchmarks.scenario import Closed, Limits, ModelShare, Pictures, Requests, Scenario, Text
from tests.unit.benchmarks.fake_server import STAGES, TOKENS, FakeServer, running

SCENARIO = """
name: small
about: A try & a test.
requests:
  text: {}
  streamed_share: 0.5
  models: [{name: ok, weight: 9}, {name: full}]
limits: {e2e_s: 5}
warmup_s: 0.2
duration_s: 0.8
timeout_s: 10
"""


@pytest.fixture(scope="module")
def server() -> Iterator[FakeServer]:
    with running(FakeServer(first_s=0.02, gap_s=0.01)) as server:
        yield server


def test_the_readmes_code_fits_the_library() -> None:
    readme = Path(benchmarks.__file__).with_name("README.md").read_text()
    (code,) = re.findall(r"## As a library\n\n```python\n(.*?)```", readme, re.DOTALL)
    names: dict[str, object] = {"__name__": "readme"}
    exec(code, names)
    assert callable(names["main"])


def test_two_processes_give_the_known_delays_and_counts_back(server: FakeServer) -> None:
    scenario = Scenario(
        name="known",
        requests=Requests(text=Text(), streamed_share=0.5, models=(ModelShare(name="ok"),)),
        load=Closed(concurrency=5),
        limits=Limits(e2e_s=0.05),  # less than any answer takes
        warmup_s=0.3,
        duration_s=1.0,
        repeats=2,
        processes=2,
    )
    result = run(Endpoint(server.url), scenario)
    assert len(result.repeats) == 2
    for repeat in result.repeats:
        found, samples = repeat.figures, repeat.round.samples
        assert len(repeat.round.efforts) == 2
        assert found.failed == 0
        assert found.good_share == 0.0
        assert found.e2e is not None
        assert found.ttft is not None
        assert found.e2e.p50_s >= 0.06
        assert found.ttft.p50_s >= 0.02
        assert found.stages == pytest.approx(STAGES)
        # Five callers cannot have more than five answers in each 0.06 s, nor skip a request.
        assert 0 < found.requests_per_s <= 5 / 0.06 + 5
        assert found.tokens_per_s == pytest.approx(TOKENS * found.requests_per_s)
        assert sorted(s.index for s in samples) == sorted({s.index for s in samples})
        assert max(s.scheduled_s for s in samples) < 1.3


def test_the_command_line_writes_a_report_that_needs_nothing_else(
    server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(SCENARIO + "load: {kind: constant, rate_per_s: 60}\n")
    out = tmp_path / "out"
    assert main([str(path), "--url", server.url, "--out", str(out), "--repeats", "2"]) == 0
    printed = capsys.readouterr().out
    assert "http_429" in printed
    assert "E2E" in printed
    assert "describe" in printed

    page = (out / "report.html").read_text()
    assert page.count("<svg") == 3
    assert not re.search(r'(?:src|href)="(?!#)', page)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(set(ids)) == len(ids)
    assert set(re.findall(r"url\(#([^)]+)\)", page)) <= set(ids)
    assert "A try &amp; a test." in page
    value = json.loads((out / "result.json").read_text())
    assert value["results"][0]["environment"]["commit"]
    assert value["results"][0]["scenario"]["limits"]["e2e_s"] == 5
    with (out / "samples.csv").open() as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (out / "samples.jsonl").read_text().splitlines()]
    assert len(rows) == len(lines) == 2 * 60
    assert {row["outcome"] for row in rows} == {"ok", "http_429"}
    assert {path.suffix for path in out.iterdir()} == {".html", ".json", ".jsonl", ".csv", ".png"}


def test_a_sweep_is_reported_with_its_curve(
    server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(SCENARIO + "sweep: {kind: callers, callers: [1, 4]}\n")
    assert main([str(path), "--url", server.url, "--out", str(tmp_path), "--model", "ok"]) == 0
    assert "closed loop, 4 callers" in capsys.readouterr().out
    assert (tmp_path / "throughput-latency.png").stat().st_size > 1000


def test_no_answer_at_all_is_a_failure(server: FakeServer, tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(SCENARIO)
    arguments = [str(path), "--url", server.url, "--out", str(tmp_path), "--model", "down"]
    assert main(arguments) == 1


def test_a_client_process_that_dies_is_an_error_not_a_result(server: FakeServer) -> None:
    scenario = Scenario(name="x", requests=Requests(text=Text()), duration_s=30, processes=2)
    with Fleet(Endpoint(server.url), scenario) as fleet:
        multiprocessing.active_children()[0].kill()
        with pytest.raises(ClientFailed):
            fleet.round(0)
    assert multiprocessing.active_children() == []


def test_the_null_server_answers_both_forms() -> None:
    requests = Requests(pictures=Pictures(unique_share=0.0, pool=2), streamed_share=0.5)
    scenario = Scenario(
        name="null", requests=requests, warmup_s=0, duration_s=0.3, max_requests=200
    )
    with null_server() as url:
        (repeat,) = run(Endpoint(url), scenario).repeats
    assert repeat.round.samples
    assert all(sample.ok for sample in repeat.round.samples)
    assert {sample.streamed for sample in repeat.round.samples} == {True, False}
    assert {sample.completion_tokens for sample in repeat.round.samples} == {20}
    # It may have sent all 200 in 0.3 s; if so, the report must say that it stopped there.
    assert repeat.round.ended_early == (len(repeat.round.samples) == 200)
    assert any("max_requests" in why for why in repeat.client_limits) == repeat.round.ended_early


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://[::1]:1", "http://localhost:1"])
def test_this_machine_may_be_loaded(url: str) -> None:
    check_endpoint(Endpoint(url), allow_remote=False)


@pytest.mark.parametrize("url", ["http://10.0.0.1", "https://example.com", "http://0.0.0.0:1"])
def test_another_needs_to_be_permitted(url: str) -> None:
    with pytest.raises(RemoteRefused):
        check_endpoint(Endpoint(url), allow_remote=False)
    check_endpoint(Endpoint(url), allow_remote=True)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://127.0.0.1", "http://"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not an http"):
        check_endpoint(Endpoint(url), allow_remote=True)


def test_a_wrong_command_line_says_so_and_loads_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["no-such-scenario"]) == 2
    assert main(["caption-closed", "--url", "http://example.com"]) == 2
    assert "--allow-remote" in capsys.readouterr().err


def test_a_key_and_headers_come_from_the_environment_too(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAPTION_BENCH_API_KEY", "secret-of-the-environment")
    monkeypatch.setenv("CAPTION_BENCH_HEADERS", "X-Tenant: news\nX-Region: eu: west\n")
    path = tmp_path / "small.yaml"
    path.write_text(SCENARIO)
    arguments = [str(path), "--url", server.url, "--out", str(tmp_path), "--header", "x-more: 1"]
    assert main(arguments) == 0
    for line in ("authorization: bearer secret-of-the-environment", "x-tenant: news"):
        assert f"\r\n{line}\r\n" in server.headers[-1]
    for line in ("x-region: eu: west", "x-more: 1"):
        assert f"\r\n{line}\r\n" in server.headers[-1]
    assert "secret-of-the-environment" not in (tmp_path / "result.json").read_text()
    assert main([*arguments, "--api-key", "said"]) == 0
    assert "\r\nauthorization: bearer said\r\n" in server.headers[-1]


@pytest.mark.parametrize("header", ["no colon", "x-a: b\r\nx-c: d", "x a: b", ": b", "x-a: ä"])
def test_what_is_no_header_is_refused(header: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["caption-closed", "--header", header]) == 2
    assert "NAME: VALUE" in capsys.readouterr().err


def test_lengths_are_asked_for_and_told(server: FakeServer, tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    lengths = [{"timestamp": 100 * n, "input_length": 3 + n, "output_length": 2} for n in range(8)]
    trace.write_text("".join(json.dumps(row) + "\n" for row in lengths))
    path = tmp_path / "traced.yaml"
    path.write_text(
        "name: traced\n"
        "requests: {endpoint: completions, prompts: {kind: trace, trace: trace.jsonl}}\n"
        "load: {kind: replay, trace: trace.jsonl}\nwarmup_s: 0\nduration_s: 1\n"
    )
    before = len(server.bodies)
    assert main([str(path), "--url", server.url, "--out", str(tmp_path)]) == 0
    asked = server.bodies[before:]
    assert sorted(len(body["prompt"]) for body in asked) == list(range(3, 11))
    assert {(body["max_tokens"], body["ignore_eos"]) for body in asked} == {(2, True)}


def test_a_file_that_is_not_there_is_told_before_the_load(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "talks.yaml"
    path.write_text("name: talks\nrequests: {prompts: {kind: sharegpt, file: nowhere.json}}\n")
    assert main([str(path)]) == 2
    assert "nowhere.json" in capsys.readouterr().err


def test_the_installed_command_is_the_same() -> None:
    command = Path(sys.executable).with_name("caption-bench")
    done = subprocess.run([command, "--help"], capture_output=True, text=True, check=True)
    assert "a YAML file, or one of: caption-callers" in " ".join(done.stdout.split())
