"""`caption-studio caption` from its arguments to what it prints and returns."""

import base64
import io
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from caption_studio.cli import main
from caption_studio.client import service as client_service
from caption_studio.client.pictures import SUFFIXES
from tests.unit.client.service import Answer, captioned, refused, serving

Captured = pytest.CaptureFixture[str]


def run(*arguments: object) -> int:
    return main(["caption", *map(str, arguments)])


def sent(url: str) -> bytes:
    """Return the bytes in a data URL."""
    return base64.b64decode(url.partition(",")[2])


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Give 40 files whose content is their number."""
    paths = [tmp_path / f"{number:02}.png" for number in range(40)]
    for number, path in enumerate(paths):
        path.write_bytes(str(number).encode())
    return paths


def test_prints_in_order_with_many_in_flight(pictures: list[Path], capsys: Captured) -> None:
    most = in_flight = 0
    lock = threading.Lock()
    full = threading.Event()

    def answer(url: str) -> Answer:
        nonlocal most, in_flight
        with lock:
            in_flight += 1
            most = max(most, in_flight)
            if in_flight == 8:
                full.set()
        assert full.wait(10)
        with lock:
            in_flight -= 1
        return captioned(sent(url).decode())

    with serving(answer) as service:
        assert run("--url", service.url, "--in-flight", 8, *pictures) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[::3] == [str(path) for path in pictures]
    assert lines[2::3] == [f"  caption:     {number}" for number in range(40)]
    assert lines[1] == "  description: three balloons"
    assert most == 8


def test_folders_patterns_urls_and_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    (tmp_path / "b" / "deep").mkdir(parents=True)
    for name in ("b/2.JPG", "b/deep/1.heic", "b/notes.txt", "b/.hidden.png", "[x].png", "c1.webp"):
        (tmp_path / name).write_bytes(b"x")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"piped")))
    arguments = [
        f"{tmp_path}/b",
        f"{tmp_path}/c*",
        f"{tmp_path}/[x].png",
        "-",
        "HTTP://x.example/a",
    ]
    with serving() as service:
        assert run("--url", service.url, "--json", *arguments) == 0
    urls = [body["messages"][0]["content"][0]["image_url"]["url"] for *_, body in service.requests]
    assert "HTTP://x.example/a" in urls
    assert sum(url.startswith("data:image/") for url in urls) == 5
    assert b"piped" in [sent(url) for url in urls]
    names = [json.loads(line)["picture"] for line in capsys.readouterr().out.splitlines()]
    expected = ["b/2.JPG", "b/deep/1.heic", "c1.webp", "[x].png"]
    assert names == [*(f"{tmp_path}/{name}" for name in expected), "-", "HTTP://x.example/a"]


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        ("absent.png", "there is no such file"),
        ("empty.png", "the file is empty"),
        ("folder", "the folder holds no pictures"),
        ("*.nope", "no file matches the pattern"),
        ("loop.png", "the file cannot be read"),
        ("big.png", "the file has more than"),
    ],
)
def test_what_cannot_be_sent_is_one_line_and_the_others_go_on(
    argument: str, reason: str, tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "good.png").write_bytes(b"x")
    with (tmp_path / "big.png").open("wb") as file:
        file.truncate(49 * 1024**2)
    with serving() as service:
        assert run("--url", service.url, tmp_path / argument, tmp_path / "good.png") == 1
    printed = capsys.readouterr()
    (line,) = printed.err.splitlines()
    assert line.startswith(f"{tmp_path / argument}: {reason}")
    assert printed.out.startswith(str(tmp_path / "good.png"))
    assert len(service.requests) == 1


@pytest.mark.parametrize("argument", ["", "*"])
def test_a_pipe_among_the_pictures_is_no_file(
    argument: str, tmp_path: Path, capsys: Captured
) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    (tmp_path / "good.png").write_bytes(b"x")
    with serving() as service:
        assert run("--url", service.url, f"{tmp_path}/{argument}") == 1
    printed = capsys.readouterr()
    assert printed.err.splitlines() == [
        f"{tmp_path}/gone.png: there is no such file",
        f"{tmp_path}/pipe.png: this is no file",
    ]
    assert printed.out.startswith(f"{tmp_path}/good.png")


def test_a_refused_picture_is_named_and_the_others_are_captioned(
    pictures: list[Path], capsys: Captured
) -> None:
    def answer(url: str) -> Answer:
        if sent(url) == b"3":
            return refused(400, "image_parse_error", "The image is truncated.")
        return captioned()

    with serving(answer) as service:
        assert run("--url", service.url, *pictures) == 1
    printed = capsys.readouterr()
    assert printed.err == f"{pictures[3]}: The image is truncated.\n"
    assert len(printed.out.splitlines()) == 39 * 3


def test_an_unfamiliar_picture_is_said_to_be_one(pictures: list[Path], capsys: Captured) -> None:
    with serving(lambda _: captioned("A view!", familiar=False, confidence=0.4)) as service:
        assert run("--url", service.url, pictures[0]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "  description: three balloons",
        "  caption:     A view!",
        "  note:        unlike what the describer was trained on",
    ]


def test_json_is_one_object_a_line_with_failures_in_it(
    pictures: list[Path], capsys: Captured
) -> None:
    def answer(url: str) -> Answer:
        if sent(url) == b"0":
            return refused(400, "image_parse_error", "Truncated.")
        return captioned("A view! #sea", caption="A view!", hashtags=["#sea"])

    with serving(answer) as service:
        assert run("--url", service.url, "--json", *pictures[:2]) == 1
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {"picture": str(pictures[0]), "error": "Truncated."}
    assert second == {
        "picture": str(pictures[1]),
        "model": "caption-demo",
        "description": "three balloons",
        "caption": "A view! #sea",
        "hashtags": ["#sea"],
    }


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
def test_the_address_with_and_without_v1(
    suffix: str, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with serving() as service:
        bare = service.url.removeprefix("http://")
        assert run("--url", service.url + suffix, pictures[0]) == 0
        assert run("--url", bare + suffix, pictures[0]) == 0
        assert run("--url", f"{service.url}/studio{suffix}", pictures[0]) == 0
    path = "/v1/chat/completions"
    assert [path for _, path, *_ in service.requests] == [path, path, f"/studio{path}"]


@pytest.mark.parametrize("url", ["ftp://x", "http://", "http://x:port", "http://x:0", ""])
def test_what_is_no_address_is_one_line(url: str, capsys: Captured) -> None:
    assert run("--url", url, "a.png") == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_key_comes_from_the_option_or_the_variable(
    pictures: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    with serving() as service:
        run("--url", service.url, pictures[0])
        monkeypatch.setenv("CAPTION_STUDIO_API_KEY", "from-the-variable")
        run("--url", service.url, pictures[0])
        run("--url", service.url, "--api-key", "from-the-option", pictures[0])
        assert run("--url", service.url, "--api-key", "schl\u00fcssel", pictures[0]) == 2
    given = [headers.get("authorization") for _, _, headers, _ in service.requests]
    assert given == [None, "Bearer from-the-variable", "Bearer from-the-option"]
    assert "visible ASCII" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (
            refused(404, "model_not_found", "No model `x`."),
            "No model `x`. There are: falcon-demo, caption-demo",
        ),
        (
            refused(404, "model_not_found", "No `x`: falcon-demo, caption-demo."),
            "No `x`: falcon-demo, caption-demo.",
        ),
        (
            refused(401, "invalid_api_key", "Incorrect key."),
            "Incorrect key. Give it with --api-key",
        ),
        ((404, {}, b"<h1>nginx</h1>"), "is no captioning service"),
    ],
    ids=["models not named", "models named", "key", "another server"],
)
def test_what_fails_for_all_is_said_once(
    refusal: Answer, expected: str, pictures: list[Path], capsys: Captured
) -> None:
    with serving(lambda _: refusal) as service:
        assert run("--url", service.url, "--model", "x", "--in-flight", 2, *pictures) == 1
    errors = capsys.readouterr().err.splitlines()
    assert expected in errors[0]
    assert errors[1:] == ["caption-studio: the same for 39 more"]
    assert len(service.requests) < 10


def test_a_service_that_is_not_there_is_said_once(pictures: list[Path], capsys: Captured) -> None:
    assert run("--url", "http://127.0.0.1:9", *pictures) == 1
    first, last = capsys.readouterr().err.splitlines()
    assert "no service answers at http://127.0.0.1:9" in first
    assert "caption-studio serve" in first
    assert last == "caption-studio: the same for 39 more"


@pytest.mark.parametrize("answer", [(200, {}, b"<h1>"), (200, {}, {}), (200, {}, [1])])
def test_an_answer_that_is_no_caption_is_said_to_be_none(
    answer: Answer, pictures: list[Path], capsys: Captured
) -> None:
    with serving(lambda _: answer) as service:
        assert run("--url", service.url, pictures[0]) == 1
    assert "something that is no caption" in capsys.readouterr().err


@pytest.mark.parametrize(("status", "code"), [(429, "overloaded"), (503, "not_ready")])
def test_a_full_service_is_asked_again_within_its_patience(
    status: int,
    code: str,
    pictures: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    left = [3]

    def answer(_: str) -> Answer:
        left[0] -= 1
        return refused(status, code, "Full.", retry_after="0") if left[0] >= 0 else captioned()

    with serving(answer) as service:
        assert run("--url", service.url, pictures[0]) == 0
        assert len(service.requests) == 4
        monkeypatch.setattr(client_service, "PATIENCE_S", 0.0)
        left[0] = 1000
        assert run("--url", service.url, pictures[0]) == 1
    assert capsys.readouterr().err.endswith(": Full.\n")


COMMAND = [sys.executable, "-c", "from caption_studio.cli import main; raise SystemExit(main())"]


def test_a_console_that_cannot_print_it_all_is_told_so_once(pictures: list[Path]) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    with serving() as service:
        for options in ([], ["--json"]):
            command = [*COMMAND, "caption", *options, "--url", service.url, *map(str, pictures[:2])]
            done = subprocess.run(command, capture_output=True, text=True, env=environment)
            assert done.returncode == 0
            if options:
                assert json.loads(done.stdout.splitlines()[0])["caption"].endswith("\U0001f388")
                assert done.stderr == ""
            else:
                assert "  caption:     What a view! ?" in done.stdout
                assert len(done.stderr.splitlines()) == 1
                assert "PYTHONIOENCODING=utf-8" in done.stderr


def test_a_closed_pipe_ends_it_quietly(pictures: list[Path]) -> None:
    with serving() as service:
        command = [*COMMAND, "caption", "--url", service.url, *map(str, pictures)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
        process.stderr.close()
        assert (process.wait(), errors) == (128 + signal.SIGPIPE, b"")


def test_ctrl_c_ends_it_quietly(pictures: list[Path]) -> None:
    asked, over = threading.Event(), threading.Event()

    def answer(_: str) -> Answer:
        asked.set()
        over.wait(30)
        return captioned()

    with serving(answer) as service:
        command = [*COMMAND, "caption", "--url", service.url, *map(str, pictures)]
        previous = signal.signal(signal.SIGINT, signal.default_int_handler)  # else it is inherited
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        finally:
            signal.signal(signal.SIGINT, previous)
        assert asked.wait(30)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate()
        over.set()
    assert (process.returncode, output, errors) == (128 + signal.SIGINT, b"", b"")


def test_version_and_counts(capsys: Captured) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out.strip()[0].isdigit()
    with pytest.raises(SystemExit) as left:
        run("--in-flight", "0", "a.png")
    assert left.value.code == 2


def test_a_folder_takes_every_format_that_the_service_reads() -> None:
    assert {".jpg", ".jpeg", ".png", ".webp", ".gif", ".heic"} <= SUFFIXES
