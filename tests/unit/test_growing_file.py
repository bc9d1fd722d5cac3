"""Lines that a file has taken can be read again, one by one."""

from pathlib import Path

import pytest

from caption_studio.growing_file import GrowingFile

LENGTHS = [0, 1, 4094, 4095, 4096, 4097, 8191, 8192, 100_000, 3]


@pytest.mark.parametrize("is_cut", [False, True])
def test_a_line_is_found_where_it_begins(tmp_path: Path, is_cut: bool) -> None:
    path = tmp_path / "lines"
    file = GrowingFile(path)
    file.open()
    lines = [bytes([97 + number]) * length for number, length in enumerate(LENGTHS)]
    starts = [file.append(line + b"\n") for line in lines]
    if is_cut:
        with path.open("ab") as other:
            other.write(b"what a kill has left")
    assert [file.line_at(start) for start in reversed(starts)] == lines[::-1]
    file.append(b"more\n")
    file.close()
