"""Results → a table for people."""

from collections.abc import Sequence

from tests.clients.trial import Result

HEAD = """\
# Clients

Clients that nobody here wrote, each in an environment of its own and used as its documentation says
for a custom base URL, against a service with an API key and the embedded models:
`make test-clients` makes this page. A caption counts as right if it names what is in the picture.
A structured answer counts if the client could read it; what it says is the model's affair.

"""


def table(results: Sequence[Result]) -> str:
    """Return a Markdown table with one row for each feature of each client."""
    rows = ["| client | version | feature | works |", "|---|---|---|---|"]
    for result in results:
        works = "yes" if not result.why else f"**no**: {result.why}".replace("|", "\\|")
        rows.append(f"| {result.client} | {result.version} | {result.feature} | {works} |")
    return "\n".join(rows)


def document(results: Sequence[Result]) -> str:
    """Return docs/clients.md."""
    return f"{HEAD}{table(results)}\n"
