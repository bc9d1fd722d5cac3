"""Rows → a table with one for each picture and model, through the journal that a kill leaves."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from caption_studio.client.journal import Journal
from caption_studio.client.tables import Row, check_name
from caption_studio.offline.messages import Asked


class Table:
    """The table at `path`; a context manager, as its journal is.

    Raises `TableFailed` if no table can be written there, or if there is one and it is not told to
    `resume` or to `overwrite` it.
    """

    def __init__(
        self, path: Path, pictures: Sequence[Asked], *, resume: bool, overwrite: bool
    ) -> None:
        check_name(path)
        self._pictures = pictures
        self._journal = Journal(path, resume=resume, overwrite=overwrite, key_of=_key_of)
        self._done: set[str] = set()

    def __enter__(self) -> "Table":
        """Open the journal and read what is done. Raises `TableFailed`."""
        self._journal.__enter__()
        self._done = self._journal.done
        for key in self._done:
            model, _, picture = key.partition("\n")
            if model:
                self._replace_failure_of_no_model(picture)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        """Close the journal."""
        self._journal.__exit__(None, None, None)

    @property
    def failed(self) -> int:
        """The number of rows with an error."""
        return self._journal.failed

    def lacks(self, picture: str, model: str) -> bool:
        """Return whether that row was missing, or failed, when the table was opened."""
        return _key(picture, model) not in self._done

    def add(self, row: Row) -> None:
        """Note a row. Raises `TableFailed`."""
        self._journal.add(row)
        if row.get("model"):
            self._replace_failure_of_no_model(row["picture"])

    def _replace_failure_of_no_model(self, picture: str) -> None:
        """Leave out what `caption-studio caption` noted of a picture that failed there."""
        self._journal.forget(_key(picture, ""))

    def finish(self) -> int:
        """Write the table, its rows in the order of the pictures; return how many there are.

        Raises `TableFailed`.
        """
        return self._journal.finish(
            _key(one.picture, model) for one in self._pictures for model in one.models
        )


def _key_of(row: Row) -> str:
    return _key(row["picture"], row.get("model", ""))


def _key(picture: str, model: str) -> str:
    return f"{model}\n{picture}"
