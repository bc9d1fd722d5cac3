"""`caption-studio dataset build` from its arguments to its files, against a world on a port."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from caption_studio.cli import main
from caption_studio.training.rows import read_rows
from tests.unit.training.dataset.conftest import Run
from tests.unit.training.dataset.world import (
    TEACHER,
    World,
    completion,
    described,
    encoded,
    failed,
    paint,
    picture,
    prompt_of,
)

Captured = pytest.CaptureFixture[str]


def apart(out: Path) -> list[dict[str, str]]:
    text = out.with_suffix(".apart.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def reasons(out: Path) -> list[str]:
    return [one["reason"] for one in apart(out)]


def test_a_folder_becomes_rows_with_a_card(
    build: Run, world: World, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAPTION_STUDIO_TEACHER_KEY", "secret-of-the-test")
    folder, out = paint(tmp_path / "pictures", 5), tmp_path / "set.jsonl"
    assert build(folder, "--captions", 2, "--price-in", 1, "--licence", "CC0", out=out) == 0
    rows = read_rows(out)
    assert [row.picture for row in rows[::2]] == [str(path) for path in sorted(folder.iterdir())]
    assert [row.description for row in rows[::2]] == [
        described(path.read_bytes()) for path in sorted(folder.iterdir())
    ]
    assert len({row.caption for row in rows}) == 10
    assert {row.writer for row in rows} == {TEACHER}
    assert all(one.split == two.split for one, two in zip(rows[::2], rows[1::2], strict=True))
    assert {body["max_tokens"] for body in world.described} == {1}
    assert any(rows[0].description in prompt_of(body) for body in world.asked)
    assert {one["authorization"] for one in world.headers} == {"Bearer secret-of-the-test"}
    card = out.with_suffix(".md").read_text()
    assert "10 captions of 5 pictures" in card
    assert "CC0" in card
    assert "1,000 tokens in, 200 out, cost 0.0010" in card
    assert "secret-of-the-test" not in card + out.with_suffix(".jsonl.journal").read_text()
    assert "10 captions of 5 pictures" in capsys.readouterr().out


def test_what_is_done_is_not_asked_again(build: Run, world: World, tmp_path: Path) -> None:
    folder, out = paint(tmp_path / "pictures", 4), tmp_path / "set.jsonl"
    assert build(folder, out=out) == 0
    before = out.read_bytes()
    assert build(folder, out=out) == 0
    assert (len(world.described), len(world.asked)) == (4, 4)
    assert out.read_bytes() == before
    (folder / "new.png").write_bytes(encoded(picture(99)))
    assert build(folder, "--captions", 2, out=out) == 0
    assert (len(world.described), len(world.asked)) == (5, 4 + 4 + 2)


def test_near_duplicates_cost_no_teacher_and_a_bad_picture_ends_nothing(
    build: Run, world: World, tmp_path: Path
) -> None:
    folder, out = paint(tmp_path / "pictures", 2), tmp_path / "set.jsonl"
    first = picture(0)
    (folder / "a copy.png").write_bytes(encoded(first, optimize=True))
    (folder / "b small.jpg").write_bytes(encoded(first.resize((48, 48)), "JPEG", quality=60))
    (folder / "c red.png").write_bytes(encoded(picture(0, tint=(1, 0.3, 0.3))))
    (folder / "d broken.png").write_bytes(encoded(first)[:100])
    (folder / "e text.png").write_text("no picture")
    assert build(folder, out=out) == 0
    assert [Path(row.picture).name for row in read_rows(out)] == ["000.png", "001.png", "c red.png"]
    assert [(Path(one["picture"]).name, one["reason"]) for one in apart(out)] == [
        ("a copy.png", "near-duplicate picture"),
        ("b small.jpg", "near-duplicate picture"),
        ("d broken.png", "unreadable"),
        ("e text.png", "unreadable"),
    ]
    assert "the same pixels" in apart(out)[0]["detail"]
    assert "truncated or corrupt" in apart(out)[2]["detail"]
    assert len(world.asked) == 3


def test_what_is_no_caption_is_set_apart_with_its_reason(
    build: Run, world: World, tmp_path: Path
) -> None:
    folder, out = paint(tmp_path / "pictures", 7), tmp_path / "set.jsonl"
    told = iter(
        [
            completion("I'm sorry, but I can't help with that."),
            completion(""),
            completion(None),
            completion("Write one caption for a picture that will be posted on social media: yes"),
            completion("A boat on the", "length"),
            completion("1. A boat\n2. Two boats"),
            completion('"What a \ud800 boat!"'),
        ]
    )
    world.teach = lambda *_: next(told)
    assert build(folder, "--in-flight", 1, out=out) == 0
    wrong = ["refusal", "empty", "empty", "prompt echoed", "cut off", "several captions"]
    assert reasons(out) == wrong
    assert apart(out)[0]["caption"].startswith("I'm sorry")
    (row,) = read_rows(out)
    assert row.caption == "What a ? boat!"
    assert "| empty | 2 |" in out.with_suffix(".md").read_text()


@pytest.mark.parametrize("finish_reason", ["length", "max_tokens"])
def test_a_caption_cut_off_is_asked_for_again_with_more_tokens(
    build: Run, world: World, tmp_path: Path, finish_reason: str
) -> None:
    folder, out = paint(tmp_path / "pictures", 2), tmp_path / "set.jsonl"
    world.teach = lambda body, _: (
        completion("A boat on the", finish_reason)
        if body["max_tokens"] < 50
        else completion(f"A boat called {prompt_of(body)[-3:]} {len(world.asked)}!")
    )
    assert build(folder, "--max-tokens", 20, out=out) == 1
    assert reasons(out) == ["cut off", "cut off"]
    assert not out.exists()
    assert build(folder, "--max-tokens", 50, out=out) == 0
    assert len(read_rows(out)) == 2
    assert len(world.asked) == 4
    assert "answers: 4, 400 tokens in, 80 out" in out.with_suffix(".md").read_text()


def test_captions_without_an_answer_are_asked_for_by_the_same_command(
    build: Run, world: World, tmp_path: Path, capsys: Captured
) -> None:
    folder, out = paint(tmp_path / "pictures", 3), tmp_path / "set.jsonl"
    teach = world.teach
    world.teach = lambda body, n: failed(400, "Odd.") if len(world.asked) == 2 else teach(body, n)
    assert build(folder, "--in-flight", 1, out=out) == 1
    said = capsys.readouterr().err
    assert (
        "1 captions or descriptions are missing (the teacher refused: Odd (HTTP status 400))"
        in said
    )
    assert len(read_rows(out)) == 2
    assert reasons(out) == ["unanswered"]
    assert build(folder, "--in-flight", 1, out=out) == 0
    assert len(read_rows(out)) == 3
    assert len(world.asked) == 4


def test_a_few_refused_calls_never_end_a_command_whose_others_were_answered(
    build: Run, world: World, tmp_path: Path
) -> None:
    folder, out = paint(tmp_path / "pictures", 8), tmp_path / "set.jsonl"
    teach = world.teach
    good = {described((folder / f"{seed:03}.png").read_bytes()) for seed in (0, 5)}
    world.teach = lambda body, n: (
        teach(body, n)
        if any(one in prompt_of(body) for one in good)
        else failed(400, "No.", "content_filter")
    )
    for _ in range(2):
        assert build(folder, "--in-flight", 1, out=out) == 1
        assert len(read_rows(out)) == 2
        assert reasons(out) == ["unanswered"] * 6
        out.unlink()


def test_advice_to_go_on_after_a_restart_does_not_restart_again(
    build: Run, world: World, tmp_path: Path, capsys: Captured
) -> None:
    folder, out = paint(tmp_path / "pictures", 3), tmp_path / "set.jsonl"
    teach = world.teach
    world.teach = lambda body, n: failed(400) if len(world.asked) == 2 else teach(body, n)
    assert build(folder, "--in-flight", 1, "--restart", out=out) == 1
    assert "run the same command again (without --restart) to ask" in capsys.readouterr().err
    world.teach = lambda *_: failed(401)
    assert build(folder, "--restart", out=out) == 1
    said = capsys.readouterr().err
    assert "What is done is kept: run the same command again (without --restart)." in said


def test_the_card_shows_no_secret(
    build: Run, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.files = {"/0.png?signature=sk-SECRET": encoded(picture(0))}
    source, out = f"{world.url}/0.png?signature=sk-SECRET", tmp_path / "set.jsonl"
    arguments = ["dataset", "build", source, str(out), "--api-key", "sk-SECRET"]
    monkeypatch.setattr(sys, "argv", ["caption-studio", *arguments])
    assert build(source, "--api-key", "sk-SECRET", out=out) == 0
    card = out.with_suffix(".md").read_text()
    assert "SECRET" not in card
    assert f"- `{world.url}/0.png?…`" in card
    assert "--api-key '…'" in card


@pytest.mark.parametrize(
    ("answer", "said", "calls"),
    [
        (failed(401, "Wrong key."), "The teacher refuses the key: Wrong key", 1),
        (failed(403, "Wrong key."), "The teacher refuses the key: Wrong key", 1),
        (failed(404, "No such.", "model_not_found"), "has no model teacher: No such", 1),
        (failed(404), "There are no chat completions", 1),
        (failed(429, "Pay.", "insufficient_quota"), "wants to be paid first: Pay", 1),
        (failed(402, "Pay."), "wants to be paid first: Pay", 1),
        (failed(307), "There are no chat completions", 1),
        (failed(429, retry_after="86400"), "wants to be left alone for 86400 s", 1),
        (failed(400, "Bad."), "No call was answered, 5 in a row: the teacher refused: Bad", 5),
        ((200, {}, b"<html>"), "something that is no caption", 5),
        ((200, {}, {"choices": [{"message": {"content": [1]}}]}), "something that is no text", 5),
    ],
)
def test_what_every_call_would_meet_ends_the_command_with_one_sentence(
    build: Run,
    world: World,
    tmp_path: Path,
    capsys: Captured,
    answer: Any,
    said: str,
    calls: int,
) -> None:
    folder, out = paint(tmp_path / "pictures", 6), tmp_path / "set.jsonl"
    world.teach = lambda *_: answer
    assert build(folder, "--in-flight", 1, out=out) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert "run the same command again" in line
    assert len(world.asked) == calls
    assert not out.exists()


def test_nobody_at_the_address_is_one_sentence(
    world: World, tmp_path: Path, capsys: Captured
) -> None:
    folder, nobody = paint(tmp_path / "pictures", 2), "http://127.0.0.1:9"  # the discard port
    out = str(tmp_path / "set.jsonl")
    teacher = ["--teacher-model", "x", "--teacher-url"]
    assert main(["dataset", "build", str(folder), out, "--url", nobody, *teacher, world.url]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "no service answers at http://127.0.0.1:9" in line
    assert main(["dataset", "build", str(folder), out, "--url", world.url, *teacher, nobody]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "No teacher answers at http://127.0.0.1:9" in line


def test_another_command_on_the_journal_is_refused_with_the_difference(
    build: Run, world: World, tmp_path: Path, capsys: Captured
) -> None:
    folder, out = paint(tmp_path / "pictures", 2), tmp_path / "set.jsonl"
    assert build(folder, out=out) == 0
    capsys.readouterr()
    prompt = tmp_path / "prompt.txt"
    prompt.write_text("Rhyme on {description}, {and} leave braces.")
    assert build(folder, "--prompt", prompt, "--temperature", 0.5, out=out) == 2
    said = capsys.readouterr().err
    assert "its temperature was not given and now is 0.5" in said
    assert "its prompt was another" in said
    assert "--restart" in said
    paid = out.with_suffix(".jsonl.journal").read_bytes()
    assert build(folder, "--prompt", prompt, "--temperature", 0.5, "--restart", out=out) == 0
    assert out.with_suffix(".jsonl.journal.old").read_bytes() == paid
    assert world.asked[-1]["temperature"] == 0.5
    assert prompt_of(world.asked[-1]).endswith("on a table, {and} leave braces.")


def test_a_journal_in_which_nothing_was_answered_binds_nobody(
    build: Run, world: World, tmp_path: Path
) -> None:
    folder, out = paint(tmp_path / "pictures", 2), tmp_path / "set.jsonl"
    teach, world.teach = world.teach, lambda *_: failed(401)
    assert build(folder, "--temperature", 1, out=out) == 1
    world.teach = teach
    assert build(folder, "--temperature", 0.2, out=out) == 0
    assert build(folder, "--temperature", 1, out=out) == 2


def test_a_teacher_may_see_the_pictures(build: Run, world: World, tmp_path: Path) -> None:
    folder, out = paint(tmp_path / "pictures", 1), tmp_path / "set.jsonl"
    assert build(folder, "--teacher-sees-pictures", out=out) == 0
    text, image = world.asked[0]["messages"][0]["content"]
    assert text["text"].startswith("Write one caption for this picture")
    sent = base64.b64decode(image["image_url"]["url"].partition(",")[2])
    assert sent == (folder / "000.png").read_bytes()


def test_a_voice_of_our_own_gets_the_picture_alone(
    build: Run, world: World, tmp_path: Path
) -> None:
    folder, out = paint(tmp_path / "pictures", 1), tmp_path / "set.jsonl"
    assert build(folder, "--teacher-sees-pictures", "--prompt", "none", out=out) == 0
    (part,) = world.asked[0]["messages"][0]["content"]
    assert part["type"] == "image_url"
    assert "The picture alone" in out.with_suffix(".md").read_text()


def test_the_form_of_2023_needs_nobody(tmp_path: Path, capsys: Captured) -> None:
    table, out = tmp_path / "old.csv", tmp_path / "set.jsonl"
    table.write_text(
        "description,caption\na red bus,All aboard!\na duck,Quack.\na duck,QUACK! #duck\n"
        "a cat,I'm sorry but I cannot assist with that.\n"
    )
    assert main(["dataset", "build", "--from", str(table), str(out)]) == 0
    assert [(row.description, row.caption) for row in read_rows(out)] == [
        ("a red bus", "All aboard!"),
        ("a duck", "Quack."),
    ]
    assert reasons(out) == ["repeated caption", "refusal"]
    assert "given with the sources" in out.with_suffix(".md").read_text()


def test_a_row_that_has_a_description_is_not_described(
    build: Run, world: World, tmp_path: Path
) -> None:
    paint(tmp_path, 2)
    table, out = tmp_path / "table.jsonl", tmp_path / "set.jsonl"
    rows = [
        {"file": "000.png", "seen": "a red bus", "subject": "bus"},
        {"file": "001.png"},
        {"seen": "a duck"},
        {"seen": "a duck"},
        {"file": "absent.png", "seen": "a cat"},
        {"file": 3},
        {"other": "a"},
    ]
    table.write_text("\n".join(json.dumps(row) for row in rows))
    columns = ["--picture-column", "file", "--description-column", "seen"]
    assert build("--from", table, *columns, out=out) == 0
    made = read_rows(out)
    assert [row.description for row in made] == [
        "a red bus",
        described((tmp_path / "001.png").read_bytes()),
        "a duck",
    ]
    assert made[0].facts == {"subject": "bus"}
    assert len(world.described) == 1
    assert [(one["reason"], one["detail"]) for one in apart(out)] == [
        ("repeated row", "its description was there before"),
        ("unreadable", "there is no such file"),
        ("unreadable", "column file holds no text"),
        ("unreadable", "the row has neither picture nor description"),
    ]


def test_captions_that_were_given_stay_with_their_picture_and_its_split(
    build: Run, world: World, tmp_path: Path
) -> None:
    paint(tmp_path, 12)
    (tmp_path / "copy.jpg").write_bytes(encoded(picture(0), "JPEG", quality=90))
    table, out = tmp_path / "table.csv", tmp_path / "set.jsonl"
    lines = [f"{seed:03}.png,Look at number {seed}!" for seed in range(12)]
    table.write_text("\n".join(["picture,caption", *lines, "copy.jpg,Something else entirely."]))
    assert build("--from", table, "--test", 0.3, "--validation", 0.3, out=out) in (0, 1)
    rows = read_rows(out)
    assert len(rows) == 13
    assert (rows[0].picture_id, rows[0].split) == (rows[-1].picture_id, rows[-1].split)
    assert {row.writer for row in rows} == {""}
    assert world.asked == []


def test_a_picture_of_several_rows_is_fetched_and_described_once(
    build: Run, world: World, tmp_path: Path
) -> None:
    world.files = {"/1.png": encoded(picture(1))}
    table, out = tmp_path / "table.csv", tmp_path / "set.jsonl"
    captions = ["All aboard!", "Two of a kind.", "What a day it was.", "Home again."]
    lines = [f"{world.url}/1.png,{caption}" for caption in captions]
    table.write_text("\n".join(["picture,caption", *lines]))
    assert build("--from", table, out=out) == 0
    assert [row.caption for row in read_rows(out)] == captions
    assert len(world.fetched) == len(world.described) == 1


def test_urls_are_fetched_once_and_a_list_names_them(
    build: Run, world: World, tmp_path: Path
) -> None:
    world.files = {f"/{seed}.png": encoded(picture(seed)) for seed in range(3)}
    world.files["/page.html"] = b"<html>"
    names = ["0.png", "1.png", "absent.png", "page.html"]
    listed = tmp_path / "list.txt"
    listed.write_text("# mine\n\n" + "\n".join(f"{world.url}/{name}" for name in names) + "\n")
    out = tmp_path / "set.jsonl"
    assert build(listed, f"{world.url}/2.png", out=out) == 0
    assert [row.picture for row in read_rows(out)] == [f"{world.url}/{n}.png" for n in range(3)]
    assert [one["detail"] for one in apart(out)] == [
        "the URL answered with HTTP status 404",
        "The image is not in a supported format. Supported: JPEG, PNG, WebP, GIF, HEIC",
    ]
    assert Counter(world.fetched).most_common(1)[0][1] == 1
    assert build(listed, f"{world.url}/2.png", out=out) == 0
    assert Counter(world.fetched)["/0.png"] == 1


def test_the_page_to_review_has_small_pictures(build: Run, tmp_path: Path) -> None:
    folder, out = paint(tmp_path / "pictures", 2), tmp_path / "set.jsonl"
    assert build(folder, "--review", out=out) == 0
    page = out.with_suffix(".review.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pictures", "set.json"], "must end in .jsonl"),
        (["pictures", "nowhere/set.jsonl"], "is no folder"),
        (["absent", "set.jsonl"], "nothing to describe. absent: there is no such file"),
        (["pictures/*.gif", "set.jsonl"], "no file matches the pattern"),
        (["set.jsonl"], "Name pictures before OUT.jsonl"),
        (["-", "set.jsonl"], "standard input"),
        (["nope://x/y", "set.jsonl"], "nope:// is no kind of place"),
        (["absent.txt", "set.jsonl"], "absent.txt cannot be read: No such file"),
        (["pictures", "set.jsonl"], "--teacher-url and --teacher-model"),
        (["pictures", "set.jsonl", "--caption-column", "x"], "name it with --from"),
        (["pictures", "set.jsonl", "--from", "t.csv"], "not both"),
        (["set.jsonl", "--from", "t.csv"], "t.csv cannot be read: No such file"),
        (["set.jsonl", "--from", "t.xlsx"], "is no table"),
        (["pictures", "set.jsonl", "--prompt", "none"], "--teacher-sees-pictures"),
        (["pictures", "set.jsonl", "--prompt", "absent"], "absent cannot be read"),
        (["pictures", "set.jsonl", "--prompt", "empty"], "has no {description}"),
        (["pictures", "there.jsonl"], "is there already"),
        (["pictures", "set.jsonl", "--test", "0.5", "--validation", "0.5"], "no picture to train"),
        (
            ["pictures", "set.jsonl", *"--teacher-model x --teacher-url ftp://x".split()],
            "no address",
        ),
        (
            ["pictures", "set.jsonl", *"--teacher-model x --teacher-url http://a:b@x".split()],
            "a key goes into",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_one_sentence_and_nobody_is_asked(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    paint(tmp_path / "pictures", 1)
    (tmp_path / "empty").write_text("nothing of the kind")
    (tmp_path / "there.jsonl").touch()
    assert main(["dataset", "build", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_one_picture_is_enough(build: Run, tmp_path: Path) -> None:
    folder, out = paint(tmp_path / "pictures", 1), tmp_path / "set.jsonl"
    assert build(folder, out=out) == 0
    assert len(read_rows(out)) == 1


def test_whatever_the_journal_holds_the_rest_is_asked_and_the_output_is_the_same(
    build: Run, world: World, tmp_path: Path
) -> None:
    folder, out = paint(tmp_path / "pictures", 6), tmp_path / "set.jsonl"
    journal, teach = out.with_suffix(".jsonl.journal"), world.teach
    # The same caption whenever it is asked for.
    world.teach = lambda body, _: teach(body, 0)
    assert build(folder, out=out) == 0
    made, lines = out.read_bytes(), journal.read_bytes().splitlines(keepends=True)
    for kept in range(0, len(lines), 3):
        journal.write_bytes(b"".join(lines[:kept]) + lines[kept][:20])
        asked, described = len(world.asked), len(world.described)
        assert build(folder, out=out) == 0
        assert out.read_bytes() == made
        for kind, again in (("answer", world.asked[asked:]), ("desc", world.described[described:])):
            assert len(again) == sum(f'"kind": "{kind}'.encode() in line for line in lines[kept:])


def test_a_killed_command_goes_on_where_it_was(build: Run, world: World, tmp_path: Path) -> None:
    pictures, in_flight = 24, 2
    folder, out = paint(tmp_path / "pictures", pictures), tmp_path / "set.jsonl"
    assert build(folder, out=tmp_path / "whole.jsonl") == 0
    asked = len(world.asked)
    teach = world.teach
    # The same caption whenever it is asked for.
    world.teach = lambda body, _: (time.sleep(0.02), teach(body, 0))[1]
    code = "import sys; from caption_studio.cli import main; sys.exit(main())"
    named = ["--url", world.url, "--teacher-url", f"{world.url}/v1", "--teacher-model", TEACHER]
    command = [sys.executable, "-c", code, "dataset", "build", str(folder), str(out), *named]
    process = subprocess.Popen(
        [*command, "--in-flight", str(in_flight)], env={**os.environ}, stderr=subprocess.DEVNULL
    )
    while len(world.asked) - asked < pictures // 2 and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    assert build(folder, "--in-flight", in_flight, out=out) == 0
    assert out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert pictures <= len(world.asked) - asked <= pictures + in_flight
