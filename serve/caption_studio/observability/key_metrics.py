"""The gateway's metrics of API keys: what each has used, and whether limits and key files hold."""

from functools import partial
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge

from caption_studio.records import KeyUsage


class KeyMetrics:
    """The metrics of keys, in the registry of one gateway replica."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter = partial(Counter, registry=registry)
        gauge = partial(Gauge, registry=registry)
        self._requests = counter(
            "caption_studio_key_requests_total",
            "Requests of an API key by result: served (let in), refused (429).",
            ("key", "result"),
        )
        self._pictures = counter(
            "caption_studio_key_pictures_total", "Pictures captioned for an API key.", ("key",)
        )
        self._tokens = counter(
            "caption_studio_key_tokens_total",
            "Tokens of the language model for an API key, by kind (prompt, completion).",
            ("key", "kind"),
        )
        self._ledger_reached = gauge(
            "caption_studio_limits_shared",
            "1: limits are the cluster's. 0: this gateway spends an even part of each by itself.",
        )
        self._ledger_reached.set(True)
        self._files_refused = gauge(
            "caption_studio_key_file_refused",
            "1 while a key file cannot be taken and its earlier keys stay in force, by the name of "
            "its setting.",
            ("setting",),
        )
        # A series that begins with its first event hides that event from rate().
        for setting in ("api_keys_file", "admin_keys_file"):
            self._files_refused.labels(setting)

    def used(self, key: str, usage: KeyUsage) -> None:
        """Count one request of an API key, by its name or fingerprint."""
        self._requests.labels(key, "served").inc(usage.requests)
        self._requests.labels(key, "refused").inc(usage.refused)
        self._pictures.labels(key).inc(usage.pictures)
        self._tokens.labels(key, "prompt").inc(usage.prompt_tokens)
        self._tokens.labels(key, "completion").inc(usage.completion_tokens)

    def ledger_reached(self, reached: bool) -> None:
        """Record whether the ledger of limits was reached the last time."""
        self._ledger_reached.set(reached)

    def file_refused(self, setting: str, value: Literal[0, 1]) -> None:
        """Record whether a key file is refused (1) or not (0)."""
        self._files_refused.labels(setting).set(value)
