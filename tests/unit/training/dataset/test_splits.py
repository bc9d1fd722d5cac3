"""No picture and no description is in two splits."""

from caption_studio.training.dataset.splits import split_by_picture
from caption_studio.training.rows import Row, Split

SHARES: dict[Split, float] = {"train": 0.6, "validation": 0.2, "test": 0.2}


def test_rows_of_a_picture_or_of_a_description_stay_together() -> None:
    rows = [
        Row(f"thing {number % 150}", f"caption {number}", picture_id=f"{number // 2:04x}")
        for number in range(400)
    ]
    split = split_by_picture(rows, SHARES)
    for of in (lambda row: row.picture_id, lambda row: row.description):
        found: dict[str, set[str]] = {}
        for row in split:
            found.setdefault(of(row), set()).add(row.split)
        assert all(len(splits) == 1 for splits in found.values())
    assert [row.caption for row in split] == [row.caption for row in rows]


def test_the_shares_are_of_pictures() -> None:
    rows = [Row(f"thing {number}", "caption", picture_id=f"{number:05x}") for number in range(5000)]
    split = [row.split for row in split_by_picture(rows, SHARES)]
    assert abs(split.count("test") / 5000 - 0.2) < 0.02
    assert abs(split.count("validation") / 5000 - 0.2) < 0.02
    assert set(row.split for row in split_by_picture(rows[:50], {"train": 1.0})) == {"train"}


def test_a_group_too_large_for_its_split_is_for_training() -> None:
    for name in ("a plate of food", "bread", "a table", "a man", "a dog", "a cat", "rolls"):
        rows = [Row(name, f"caption {n}", picture_id=f"{name}{n}") for n in range(90)]
        others = [Row(f"thing {n}", "caption", picture_id=f"other{n}") for n in range(10)]
        split = split_by_picture([*rows, *others], SHARES)
        assert {row.split for row in split[:90]} == {"train"}


def test_rows_without_pictures_are_split_by_their_descriptions() -> None:
    rows = [Row("A duck.", "Quack."), Row("a duck", "Waddle."), Row("a bus", "Go.")]
    one, two, _ = split_by_picture(rows, SHARES)
    assert one.split == two.split


def test_rows_added_at_the_end_move_nobody() -> None:
    rows = [Row(f"thing {n}", "caption", picture_id=f"{n:05x}") for n in range(300)]
    before = split_by_picture(rows[:200], SHARES)
    assert split_by_picture(rows, SHARES)[:200] == before
