"""Files and batches on the running service, as the official client uses them."""

import json
import re
import socket
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import openai
import pytest
from openai.types import Batch

from tests.conftest import ROOT, Service
from tests.contract.hostile import refused
from tests.contract.internet import StandIn
from tests.contract.test_readme import run
from tests.pictures import Picture, held_out, image_part
from tests.unit.images.test_fetch import ADDRESS, URL, ok

pytestmark = pytest.mark.service

ENDED = ("completed", "failed", "expired", "cancelled")
CHAT, COMPLETIONS, RESPONSES = "/v1/chat/completions", "/v1/completions", "/v1/responses"
WAIT_S = 120


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    return list(held_out(3, skip=40))


def line(custom_id: str, body: Any, url: str = CHAT) -> str:
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": url, "body": body})


def chat(*parts: Any, **fields: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": list(parts)}]
    return {"model": "caption-demo", "messages": messages, "temperature": 0, **fields}


def created(client: openai.OpenAI, lines: list[str], url: Any = CHAT, **fields: Any) -> Batch:
    content = "\n".join(lines).encode()
    file = client.files.create(file=("lines.jsonl", content), purpose="batch")
    return client.batches.create(
        input_file_id=file.id, endpoint=url, completion_window="24h", **fields
    )


def ended(client: openai.OpenAI, batch: Batch) -> Batch:
    deadline_s = time.monotonic() + WAIT_S
    while batch.status not in ENDED:
        assert time.monotonic() < deadline_s, batch
        time.sleep(0.2)
        batch = client.batches.retrieve(batch.id)
    return batch


def results(client: openai.OpenAI, file_id: str | None) -> dict[str, Any]:
    assert file_id is not None
    lines = map(json.loads, client.files.content(file_id).text.splitlines())
    return {one["custom_id"]: one for one in lines}


def test_pictures_of_every_kind_are_captioned_in_a_batch(
    client: openai.OpenAI, internet: StandIn, pictures: list[Picture]
) -> None:
    uploaded, embedded, fetched = pictures
    internet.knows("pictures.example", [ADDRESS])
    file = client.files.create(file=("a.png", uploaded.encoded("PNG")), purpose="vision")
    lines = [
        line("uploaded", chat({"type": "file", "file": {"file_id": file.id}})),
        line("embedded", chat(image_part(embedded.data_url()))),
        line("fetched", chat(image_part(URL))),
    ]
    with internet.site(ADDRESS, 80, ok(fetched.encoded("PNG"))):
        batch = ended(client, created(client, lines, metadata={"album": "summer"}))
    assert (batch.status, batch.metadata) == ("completed", {"album": "summer"})
    assert batch.request_counts is not None
    assert batch.request_counts.completed == 3
    assert batch.error_file_id is None
    found = results(client, batch.output_file_id)
    for custom_id, picture in zip(("uploaded", "embedded", "fetched"), pictures, strict=True):
        body = found[custom_id]["response"]["body"]
        assert body["caption_studio"]["description"] == picture.scene.description
        assert body["choices"][0]["message"]["content"]


def test_an_answer_is_that_of_the_same_request_online(
    client: openai.OpenAI, pictures: list[Picture]
) -> None:
    body = chat(image_part(pictures[0].data_url()))
    batch = ended(client, created(client, [line("a", body)]))
    online = client.chat.completions.create(**body)
    offline = results(client, batch.output_file_id)["a"]["response"]["body"]
    assert offline["choices"][0]["message"]["content"] == online.choices[0].message.content


@pytest.mark.parametrize(
    ("url", "body"),
    [
        (COMPLETIONS, {"model": "falcon-demo", "prompt": "A red", "max_tokens": 4}),
        (RESPONSES, {"model": "falcon-demo", "input": "A red", "max_output_tokens": 4}),
    ],
)
def test_the_other_endpoints_have_batches_too(
    client: openai.OpenAI, url: str, body: dict[str, Any]
) -> None:
    batch = ended(client, created(client, [line(str(n), body, url) for n in range(5)], url))
    assert set(results(client, batch.output_file_id)) == set("01234")


def test_refused_requests_are_in_the_error_file(client: openai.OpenAI) -> None:
    batch = ended(
        client,
        created(
            client,
            [
                line("good", {"model": "falcon-demo", "prompt": "A", "max_tokens": 1}, COMPLETIONS),
                line("bad", {"model": "falcon-demo", "prompt": "A", "n": "two"}, COMPLETIONS),
                line("unknown", {"model": "nope", "prompt": "A"}, COMPLETIONS),
            ],
            COMPLETIONS,
        ),
    )
    assert batch.status == "completed"
    assert batch.request_counts is not None
    assert (batch.request_counts.completed, batch.request_counts.failed) == (1, 2)
    errors = results(client, batch.error_file_id)
    assert errors["bad"]["response"]["status_code"] == 400
    assert errors["bad"]["response"]["body"]["error"]["param"] == "n"
    assert errors["unknown"]["response"]["status_code"] == 404
    assert set(results(client, batch.output_file_id)) == {"good"}


def test_a_file_with_bad_lines_fails_the_batch(client: openai.OpenAI) -> None:
    good = line("a", {"model": "falcon-demo", "prompt": "A"}, COMPLETIONS)
    batch = ended(client, created(client, [good, "no json", good, line("b", {})], COMPLETIONS))
    assert batch.status == "failed"
    assert batch.errors is not None
    found = [(error.code, error.line) for error in batch.errors.data or []]
    assert found == [
        ("invalid_json_line", 2),
        ("duplicate_custom_id", 3),
        ("invalid_url", 4),
    ]


def long_one(client: openai.OpenAI) -> Batch:
    """Return a batch that is under way and will be for a while."""
    body = {"model": "falcon-demo", "prompt": "A red", "max_tokens": 40, "ignore_eos": True}
    lines = [line(str(number), body, COMPLETIONS) for number in range(3000)]
    batch = created(client, lines, COMPLETIONS)
    while batch.status == "validating":
        time.sleep(0.1)
        batch = client.batches.retrieve(batch.id)
    return batch


def test_a_caller_overtakes_the_lines_that_wait(
    client: openai.OpenAI, pictures: list[Picture]
) -> None:
    batch = long_one(client)
    for picture in pictures:  # all lines were there before
        client.chat.completions.create(**chat(image_part(picture.data_url())))
    batch = client.batches.cancel(batch.id)
    assert batch.status == "cancelling", "the batch ended before the callers had their answers"
    batch = ended(client, batch)
    assert results(client, batch.error_file_id)


def test_a_cancelled_batch_keeps_what_it_has(client: openai.OpenAI) -> None:
    batch = long_one(client)
    assert client.batches.cancel(batch.id).status == "cancelling"
    batch = ended(client, batch)
    assert batch.status == "cancelled"
    left = results(client, batch.error_file_id)
    done = results(client, batch.output_file_id) if batch.output_file_id else {}
    assert len(left) + len(done) == 3000
    assert {one["error"]["code"] for one in left.values()} == {"batch_cancelled"}
    with pytest.raises(openai.BadRequestError, match="Cannot cancel"):
        client.batches.cancel(batch.id)


def test_files_are_listed_page_by_page_and_deleted(client: openai.OpenAI) -> None:
    made = [
        client.files.create(file=("a", b"x"), purpose="user_data", expires_after=expiry(3600))
        for _ in range(3)
    ]
    assert made[0].expires_at == made[0].created_at + 3600
    listed = [file.id for file in client.files.list(purpose="user_data", limit=2)]
    assert listed == [file.id for file in reversed(made)]
    assert client.files.retrieve(made[0].id) == made[0]
    assert client.files.content(made[0].id).content == b"x"
    for file in made:
        assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(made[0].id)


def expiry(seconds: int) -> Any:
    return {"anchor": "created_at", "seconds": seconds}


def test_batches_are_listed_the_newest_first(client: openai.OpenAI) -> None:
    body = {"model": "falcon-demo", "prompt": "A", "max_tokens": 1}
    made = [created(client, [line("a", body, COMPLETIONS)], COMPLETIONS).id for _ in range(3)]
    listed = [batch.id for batch in client.batches.list(limit=2)]
    assert listed[:3] == made[::-1]


@pytest.mark.parametrize("path", ["/v1/files/", "/v1/batches/"])
@pytest.mark.parametrize("an_id", ["nope", "file-" + "0" * 24, "batch_" + "0" * 24, "..%2f..%2fx"])
def test_what_is_not_there_is_not_found(http: httpx.Client, path: str, an_id: str) -> None:
    code = "file_not_found" if "files" in path else "batch_not_found"
    answer = http.get(f"{path}{an_id}")
    assert answer.status_code == 404
    if "%" not in an_id:
        refused(answer, 404, code, "id")


def test_a_file_over_the_cap_is_refused_before_it_is_sent(service: Service) -> None:
    address = urlsplit(service.url)
    head = (
        "POST /v1/files HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n"
        f"content-type: multipart/form-data; boundary=x\r\ncontent-length: {1024**3}\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1024).startswith(b"HTTP/1.1 413 ")


def test_the_guides_example_runs(service: Service) -> None:
    guide = (ROOT / "docs" / "batches.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", guide, flags=re.DOTALL)
    status, answer = run([sys.executable, "-c", example], service).split("\n", 1)
    assert status.startswith("completed")
    body = json.loads(answer)["response"]["body"]
    description = "three yellow balloons over a calm sea under a rainbow"
    assert body["caption_studio"]["description"] == description


def test_files_lie_where_the_settings_say(service: Service) -> None:
    store = Path(service.config).parent / "files"
    assert (store / "files" / "anonymous").is_dir()
    assert (store / "files").stat().st_mode & 0o077 == 0
