"""`caption-studio doctor`: what it prints, and its exit status."""

import textwrap
from collections.abc import Sequence

from caption_studio.doctor.checks import Finding, Level, findings
from caption_studio.doctor.machine import look

WIDTH = 100


def doctor() -> int:
    """Look at this machine and print what was found; return 1 if there is a problem."""
    found = list(findings(look()))
    print(report(found))
    return int(any(finding.level is Level.PROBLEM for finding in found))


def report(found: Sequence[Finding]) -> str:
    """Return a line for each finding, and below it what to do."""
    lines = []
    for finding in found:
        lines += _wrapped(f"{finding.level:<8} {finding.what:<16} ", finding.says)
        if finding.do:
            lines += _wrapped(f"{'':<8} → ", finding.do)
    problems = sum(finding.level is Level.PROBLEM for finding in found)
    lines.append(f"{problems or 'No'} problem{'' if problems == 1 else 's'} found.")
    return "\n".join(lines)


def _wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head))
