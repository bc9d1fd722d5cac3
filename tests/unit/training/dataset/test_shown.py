"""What a card shows of a command and its sources proves nobody's right to anything."""

import pytest

from caption_studio.training.dataset.shown import command_shown, without_secrets


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("pictures/a b.png", "pictures/a b.png"),
        ("mine@home/what?.png", "mine@home/what?.png"),
        ("s3://bakery/pictures", "s3://bakery/pictures"),
        ("https://x.example/@anna/1.png", "https://x.example/@anna/1.png"),
        ("https://x.example/1.png?X-Amz-Signature=SECRET", "https://x.example/1.png?…"),
        ("https://x.example/1.png#SECRET", "https://x.example/1.png#…"),
        ("https://anna:SECR@ET@x.example/1.png", "https://…@x.example/1.png"),
        ("HTTPS://SECRET@x.example/a b?key=SECRET and more", "HTTPS://…@x.example/a b?…"),
        ("simplecache::https://anna:SECRET@x.example/1", "simplecache::https://…@x.example/1"),
    ],
)
def test_an_address_without_what_proves_a_right(source: str, shown: str) -> None:
    assert without_secrets(source) == shown


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--api-key", "SECRET"], "--api-key '…'"),
        (["--api-key=SECRET"], "'--api-key=…'"),
        (["--api", "SECRET"], "--api '…'"),
        (["--a=SECRET"], "'--a=…'"),
        (["--url", "anna:SECRET@host:8000"], "--url 'http://…@host:8000'"),
        (["--ur=http://anna:SECRET@host"], "'--ur=http://…@host'"),
        (["--from", "https://x/a.csv?key=SECRET"], "--from 'https://x/a.csv?…'"),
        (["--teacher-url", "https://api.example/v1"], "--teacher-url https://api.example/v1"),
        (["--review", "a b.jsonl"], "--review 'a b.jsonl'"),
    ],
)
def test_a_command_without_its_secrets(arguments: list[str], shown: str) -> None:
    command = command_shown(["dataset", "build", *arguments, "set.jsonl"])
    assert command == f"caption-studio dataset build {shown} set.jsonl"
