"""Exposure of the service: the address it listens on, and whether keys guard it there."""

from ipaddress import ip_address

from caption_studio.settings import GatewaySettings


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address; a name other than localhost is not."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_exposure(host: str | None, settings: GatewaySettings) -> None:
    """Raise `ValueError` for an exposure without keys that the settings do not allow.

    `host` is where the service listens; None: nowhere.
    """
    if host is None or is_loopback(host) or settings.has_keys or settings.allow_anonymous:
        return
    raise ValueError(
        f"Listening on {host or 'every address'} without API keys would serve whoever reaches "
        "it. Set gateway.api_keys_file (CAPTION_STUDIO_GATEWAY__API_KEYS_FILE), or listen on "
        "127.0.0.1, or say that it is meant: gateway.allow_anonymous: true."
    )
