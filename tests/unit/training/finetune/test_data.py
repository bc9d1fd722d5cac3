from pathlib import Path

import pytest

from caption_studio.training.failures import Refused
from caption_studio.training.finetune.data import VALIDATED, data_of, read
from caption_studio.training.rows import DataSetError, Row
from tests.unit.training.finetune.tiny import rows, write_data


def test_splits_are_kept_apart(tmp_path: Path) -> None:
    data = read(write_data(tmp_path / "bakery.jsonl", training=8, validation=2))
    assert (len(data.training), len(data.validation)) == (8, 2)
    assert data.name == "bakery.jsonl"
    assert data.facts["rows"] == "8 train, 2 validation"
    assert data.facts["pictures"] == "10"


def test_the_test_split_is_never_read() -> None:
    held_back = Row("a secret cake", "Nobody knows", split="test")
    data = data_of("x", [*rows(), held_back])
    assert not [e for e in (*data.training, *data.validation) if "secret" in e.prompt]


def test_an_evaluation_reads_a_limited_number_from_all_over() -> None:
    data = data_of("x", rows(training=4, validation=450))
    assert VALIDATED / 2 < len(data.validation) <= VALIDATED
    assert "number 453" in data.validation[-1].prompt or "number 451" in data.validation[-1].prompt


def test_the_digest_tells_data_sets_apart() -> None:
    assert data_of("x", rows()).digest == data_of("y", rows()).digest
    assert data_of("x", rows()).digest != data_of("x", rows(training=9)).digest
    assert data_of("x", rows(8, 3)).digest != data_of("x", rows(9, 2)).digest


@pytest.mark.parametrize(
    ("training", "validation", "says"),
    [(1, 2, "one row to train on"), (0, 2, "no row to train on"), (8, 0, "no validation rows")],
)
def test_too_few_rows_are_refused(training: int, validation: int, says: str) -> None:
    with pytest.raises(Refused, match=says):
        data_of("bakery.jsonl", rows(training, validation))


def test_an_empty_caption_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"description": "a loaf", "caption": "Fresh"}\n{"description": "b"}\n')
    with pytest.raises(DataSetError, match="line 2: caption is missing"):
        read(path)


def test_the_data_sets_own_card_is_read_with_its_licence(tmp_path: Path) -> None:
    path = write_data(tmp_path / "bakery.jsonl")
    card = tmp_path / "bakery.md"
    card.write_text("Painted by hand.")
    assert read(path).card == "Painted by hand."
    card.write_text('---\nlicense: "CC0"\nlanguage: en\n---\n\n# bakery\n\n- rows: 10\n')
    assert read(path).card == 'Licence: "CC0"\n\n# bakery\n\n- rows: 10\n'
