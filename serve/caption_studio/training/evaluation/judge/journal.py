"""The judge's answers ↔ a file of JSON lines: an answer once paid for is never asked for again."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from caption_studio.training.evaluation.problem import EvaluationProblem


class Journal:
    """Answers by their questions' keys. Each is on the disk before `add` returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._answers = dict(_read(path))
        self._is_torn = _is_torn(path)

    def __contains__(self, key: str) -> bool:
        """Whether there is an answer to this question."""
        return key in self._answers

    def __getitem__(self, key: str) -> str:
        """Return the answer's text."""
        return self._answers[key]

    def add(self, key: str, model: str, answer: str) -> None:
        """Keep an answer. Raises `EvaluationProblem` if the file cannot be written."""
        line = json.dumps({"key": key, "model": model, "answer": answer}, ensure_ascii=False)
        with _writing(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write("\n" * self._is_torn + line + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._is_torn = False
        self._answers[key] = answer


def _read(path: Path) -> Iterator[tuple[str, str]]:
    """Yield keys and answers; a line that a killed process left unfinished is passed over."""
    if not path.exists():
        return
    try:
        # Not `splitlines`: an answer may have a line separator of Unicode in it.
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        raise EvaluationProblem(f"{path} cannot be read: {error.strerror}.") from error
    for line in lines:
        try:
            value = json.loads(line)
            yield str(value["key"]), str(value["answer"])
        except (ValueError, KeyError, TypeError):
            continue


def _is_torn(path: Path) -> bool:
    """Tell whether the last line has no end."""
    content = path.read_bytes() if path.exists() else b""
    return bool(content) and not content.endswith(b"\n")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EvaluationProblem(
            f"{path} cannot be written: {error.strerror}. The answers before are in it."
        ) from error
