"""A command line and its sources → what a card may show of them: no keys, no passwords. Pure."""

import re
import shlex
from collections.abc import Sequence

HIDDEN = "…"
_URL = re.compile(r"([a-z][a-z0-9+.-]*://)([^/?#]*@)?([^?#]*)([?#].*)?", re.IGNORECASE | re.DOTALL)


def without_secrets(text: str) -> str:
    """Return the text without what a URL in it may prove its caller's right with.

    That is the part before `@`, and what follows `?` or `#`, such as a signature.
    """
    return _URL.sub(_shown, text)


def command_shown(arguments: Sequence[str]) -> str:
    """Return the command line of `dataset build` without its secrets, to be pasted in a shell."""
    shown, before = ["caption-studio"], ""
    for argument in arguments:
        name, is_joined, value = argument.partition("=")
        if _means(before, "--api-key", "--a"):
            shown.append(HIDDEN)
        elif _means(before, "--url", "--u"):
            shown.append(_address(argument))
        elif is_joined and _means(name, "--api-key", "--a"):
            shown.append(f"{name}={HIDDEN}")
        elif is_joined and _means(name, "--url", "--u"):
            shown.append(f"{name}={_address(value)}")
        else:
            shown.append(without_secrets(argument))
        before = argument
    return shlex.join(shown)


def _means(given: str, option: str, shortest: str) -> bool:
    """Return whether argparse takes it as the option: it may be abbreviated."""
    return given.startswith(shortest) and option.startswith(given)


def _address(given: str) -> str:
    """Return the address of a service, which may lack its scheme."""
    return without_secrets(given if "://" in given else f"http://{given}")


def _shown(url: re.Match[str]) -> str:
    scheme, caller, place, rest = url.groups(default="")
    return "".join(
        (scheme, f"{HIDDEN}@" if caller else "", place, f"{rest[0]}{HIDDEN}" if rest else "")
    )
