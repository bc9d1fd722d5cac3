"""Try every client against a service of its own: `python -m tests.clients [NAME…]`.

It prints a table, and writes it to docs/clients.md when all were tried. The exit status is 1 if
anything did not work.
"""

import sys
import tempfile
from pathlib import Path

from tests.clients.clients import CLIENTS
from tests.clients.report import document, table
from tests.clients.trial import ROOT, Result, Service, tried
from tests.conftest import running

KEY = "a-key-of-the-clients-tests"
ENVIRONMENTS = ROOT / "tmp" / "clients"


def main() -> int:
    """Try the clients whose names hold one of the arguments; without arguments all."""
    wanted = [name.lower() for name in sys.argv[1:]]
    clients = [c for c in CLIENTS if not wanted or any(w in c.name.lower() for w in wanted)]
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="clients-") as folder:
        with running(Path(folder), {"gateway": {"api_keys": [KEY]}}) as service:
            for client in clients:
                print(f"{client.name} …", file=sys.stderr, flush=True)
                found = tried(client, Service(service.url, KEY), ENVIRONMENTS)
                for result in found:
                    print(f"  {result.feature}: {result.why or 'yes'}", file=sys.stderr, flush=True)
                results += found
    print(table(results))
    if not wanted:
        (ROOT / "docs" / "clients.md").write_text(document(results))
    return int(any(result.why for result in results))


if __name__ == "__main__":
    sys.exit(main())
