"""The names in a store: where files, batches and what belongs to them are kept; pure."""

OPEN = "open"
"""The folder of the marks of batches that have not ended."""


def files_folder(owner: str) -> str:
    """Return the folder of an owner's files."""
    return f"files/{owner}"


def record(owner: str, file_id: str) -> str:
    """Return the name of a file's record."""
    return f"files/{owner}/{file_id}.json"


def content(owner: str, file_id: str) -> str:
    """Return the name of a file's content."""
    return f"files/{owner}/{file_id}.data"


def batch_folder(owner: str, batch_id: str) -> str:
    """Return the folder of a batch."""
    return f"batches/{owner}/{batch_id}"


def journal_folder(owner: str, batch_id: str) -> str:
    """Return the folder of a batch's answers."""
    return f"batches/{owner}/{batch_id}/journal"


def open_mark(owner: str, batch_id: str) -> str:
    """Return the name of the mark that a batch has not ended."""
    return f"{OPEN}/{owner}.{batch_id}"
