"""Schemas that the engine can obey, and those it cannot: refused in our words, in bounded time."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from caption_studio.errors import (
    DeadlineExceeded,
    EngineFailure,
    InvalidValue,
    NotReady,
    Overloaded,
    ServiceError,
)
from caption_studio.records import Structure
from caption_studio.structure import check as module
from caption_studio.structure.check import StructureCheck
from caption_studio.structure.reasons import reason_for
from caption_studio.structure.schema import engine_schema

pytestmark = pytest.mark.anyio

GOOD: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}}


@pytest.fixture
async def checks() -> AsyncIterator[StructureCheck]:
    checks = StructureCheck()
    await checks.start()
    yield checks
    await checks.close()


def structure(schema: dict[str, Any]) -> Structure:
    return Structure(engine_schema(schema), "response_format.json_schema.schema")


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema, "b": schema}}
    return schema


async def test_a_good_schema_passes_and_is_compiled_once(
    checks: StructureCheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[str] = []

    def counted(schema: str) -> str | None:
        compiled.append(schema)
        return None

    monkeypatch.setattr(module, "compile_apart", counted)
    await asyncio.gather(*(checks.check(structure(GOOD)) for _ in range(5)))
    await checks.check(structure(GOOD))
    assert len(compiled) == 1


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "array", "uniqueItems": True}, "the keyword uniqueItems"),
        ({"not": {"type": "string"}}, "the keyword not"),
        ({"type": "strin"}, "a type that JSON does not have"),
        ({"type": "string", "pattern": "("}, "patterns or bounds"),
        ({"type": "string", "pattern": "(?=a)b"}, "look-around"),
        ({"$ref": "#/$defs/none"}, "stay within the schema"),
        ({"$ref": "http://127.0.0.1:9/x.json"}, "stay within the schema"),
        ({"$ref": "#"}, "no value can satisfy"),
        ({"type": "string", "minLength": 5, "maxLength": 2}, "no value can satisfy"),
        ({"properties": [1]}, "no valid JSON Schema"),
        ({"oneOf": [{"type": "string"}, {"minLength": 1, "type": "string"}]}, "use anyOf"),
        ({"type": "integer", "minimum": -(10**30), "maximum": 10**300}, "patterns or bounds"),
        (nested(14), "too l"),
    ],
)
async def test_a_schema_that_cannot_be_obeyed_is_refused_with_the_reason(
    checks: StructureCheck, schema: dict[str, Any], reason: str
) -> None:
    for _ in range(2):  # compiled, and known
        with pytest.raises(InvalidValue, match=reason) as refused:
            await checks.check(structure(schema))
        assert refused.value.param == "response_format.json_schema.schema"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "string"}, "maxItems": 10**9},
        {"type": "array", "items": {"type": "string"}, "maxItems": 10**5},
        {"enum": [f"value-{i}-of-many" for i in range(100_000)]},
    ],
    ids=("a billion items", "many items", "a huge enum"),
)
async def test_a_hostile_schema_ends_with_its_process_and_holds_up_no_loop(
    checks: StructureCheck, schema: dict[str, Any]
) -> None:
    task = asyncio.create_task(checks.check(structure(schema)))
    turns = 0
    while not task.done():
        turns += 1
        await asyncio.sleep(0.001)
    with pytest.raises(InvalidValue, match="too l"):
        task.result()
    assert turns > 10


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("import time; time.sleep(60)", DeadlineExceeded),
        ("import os; os.kill(os.getpid(), 9)", EngineFailure),
        ("import os; os.kill(os.getpid(), 15)", EngineFailure),
        ("raise SystemExit(3)", EngineFailure),
    ],
    ids=("starved", "killed", "ended", "broken"),
)
async def test_what_is_not_the_schemas_fault_is_not_held_against_it(
    checks: StructureCheck,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    program: str,
    error: type[ServiceError],
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module, "TIMEOUT_S", 0.5)
        patch.setattr(module, "PROGRAM", tmp_path / "program.py")
        module.PROGRAM.write_text(program)
        with pytest.raises(error):
            await checks.check(structure(GOOD))
    await checks.check(structure(GOOD))


async def test_too_many_at_a_time_are_told_to_come_back(
    checks: StructureCheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "compile_apart", lambda _: None)
    several = [structure({"title": str(i)}) for i in range(module.MAX_WAITING + 10)]
    results = await asyncio.gather(*map(checks.check, several), return_exceptions=True)
    assert sum(isinstance(result, Overloaded) for result in results) == 8
    await checks.check(several[-1])


async def test_verdicts_are_forgotten_in_their_order(
    checks: StructureCheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[str] = []
    monkeypatch.setattr(module, "compile_apart", lambda schema: compiled.append(schema))
    monkeypatch.setattr(module, "KNOWN", 2)
    for title in "ababcb":
        await checks.check(structure({"title": title}))
    assert [json.loads(schema)["title"] for schema in compiled] == ["a", "b", "c"]


async def test_before_the_start_nothing_is_checked() -> None:
    with pytest.raises(NotReady):
        await StructureCheck().check(structure(GOOD))


def test_no_sentence_of_the_library_reaches_a_caller() -> None:
    assert "secret" not in reason_for("something new about a secret")
