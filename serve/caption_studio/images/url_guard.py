"""The policy of URLs and addresses that may be fetched from; pure, no I/O.

A URL comes from an untrusted client and is fetched from inside our network. So it is parsed in one
strict way, and refused if another parser could read it differently. A name is only as safe as its
addresses: `check_addresses` checks those at the moment of the connection. Resolving and connecting
are not here (`network.py`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import quote, urljoin

_DEFAULT_PORTS = {"http": 80, "https": 443}

# No blanks, controls or backslash anywhere: parsers differ on where those end the host.
_UNREADABLE = re.compile(r"[\x00-\x20\x7f-\xa0\\\s\ud800-\udfff]")
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[^\]/?#@]*\]|[^\[\]/?#@:]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?(?:#.*)?",
    re.IGNORECASE | re.ASCII,
)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*", re.ASCII)
# Hosts that the WHATWG URL standard and getaddrinfo read as a number: 2130706433, 0177.1, 0x7f.1.
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.ASCII)

# `is_global` stays as a second opinion. Alone it says yes to 192.0.0.192, to multicast and
# to IPv6 addresses that carry an IPv4 one (Python 3.11).
# https://www.iana.org/assignments/iana-ipv4-special-registry
_FORBIDDEN_IPV4 = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "168.63.129.16/32",  # Azure's host agent, behind an address that looks public
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
# Only global unicast at all; this leaves out ::1, IPv4-mapped, NAT64, ULA, link-local,
# site-local and multicast. https://www.iana.org/assignments/iana-ipv6-special-registry
_GLOBAL_UNICAST_IPV6 = ip_network("2000::/3")
_FORBIDDEN_IPV6 = tuple(
    map(
        ip_network,
        (
            "2001::/23",  # protocol assignments, with Teredo
            "2001:db8::/32",
            "2002::/16",  # 6to4
            "3ffe::/16",
            "3fff::/20",
        ),
    )
)


class Refused(Exception):
    """Policy forbids this URL. It gives no reason on purpose."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL as we read it; both the connection and the request are made from it.

    `host` is a lower-case ASCII name or a canonical address, without brackets; `path`
    holds the query too. `is_listed` says that the operator has allowed this host and port.
    """

    scheme: str
    host: str
    port: int
    path: str
    is_listed: bool

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        suffix = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return _bracketed(self.host) + suffix

    @property
    def address(self) -> str | None:
        """The host, if it is an address and needs no resolving."""
        return self.host if _address(self.host) else None


class URLGuard:
    """Reads URLs for one set of limits.

    `listed_hosts` are exact `host:port` pairs for which neither the port nor the addresses are
    checked.
    """

    def __init__(self, *, max_url_bytes: int, listed_hosts: Sequence[str]) -> None:
        self._max_url_bytes = max_url_bytes
        self._listed_hosts = frozenset(pair.lower() for pair in listed_hosts)

    def read(self, url: str) -> Target:
        """Return the URL's target. Raises `Refused`."""
        if len(url) > self._max_url_bytes or _UNREADABLE.search(url):
            raise Refused
        if len(url.encode()) > self._max_url_bytes or not (parts := _URL.fullmatch(url)):
            raise Refused
        scheme = parts["scheme"].lower()
        host = _read_host(parts["host"])
        port = int(parts["port"] or _DEFAULT_PORTS[scheme])
        is_listed = f"{_bracketed(host)}:{port}" in self._listed_hosts
        if port not in _DEFAULT_PORTS.values() and not is_listed:
            raise Refused
        path = quote((parts["path"] or "/") + (parts["query"] or ""), safe=_SENT_AS_IS)
        return Target(scheme, host, port, path, is_listed)

    def follow(self, target: Target, location: str) -> Target:
        """Return the target of a redirect from `target` to `location`. Raises `Refused`.

        Servers write blanks into `location`, which clients escape; in a host they stay forbidden.
        """
        location = location.replace(" ", "%20")
        if len(location) > self._max_url_bytes or _UNREADABLE.search(location):
            raise Refused  # here already: urljoin silently drops some of these characters
        base = f"{target.scheme}://{target.authority}{target.path}"
        try:
            return self.read(urljoin(base, location))
        except ValueError as error:
            raise Refused from error

    def check_addresses(self, target: Target, addresses: Sequence[str]) -> None:
        """Raise `Refused` if there are none or if any of them is not public."""
        if not addresses:
            raise Refused
        if not target.is_listed and not all(map(is_public_address, addresses)):
            raise Refused


def is_public_address(text: str) -> bool:
    """Return whether an address belongs to some host on the open internet."""
    address = _address(text)
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in net for net in _FORBIDDEN_IPV4)
    if isinstance(address, IPv6Address):
        return (
            address in _GLOBAL_UNICAST_IPV6
            and address.is_global
            and address.scope_id is None
            and not any(address in net for net in _FORBIDDEN_IPV6)
        )
    return False


# All printable ASCII: only other characters are percent-encoded, as in browsers.
_SENT_AS_IS = "".join(map(chr, range(0x21, 0x7F)))


def _read_host(written: str) -> str:
    if not written.isascii():
        raise Refused  # digits come in many alphabets; a name has its xn-- form
    host = written.lower()
    if host.startswith("["):
        address = _address(host[1:-1])
        if not isinstance(address, IPv6Address) or address.scope_id is not None:
            raise Refused
        return str(address)
    if _NUMERIC.fullmatch(host):
        # ipaddress takes the canonical spelling only: four decimals, no leading zero.
        address = _address(host)
        if not isinstance(address, IPv4Address):
            raise Refused
        return str(address)
    if not _NAME.fullmatch(host):
        raise Refused
    return host


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
