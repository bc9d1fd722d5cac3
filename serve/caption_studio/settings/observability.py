"""Logs, and where traces go."""

from typing import Literal

from pydantic import Field

from caption_studio.settings.section import Section


class LoggingSettings(Section):
    """Logs about requests, never their content."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    format: Literal["json", "text"] = "json"


class TracingSettings(Section):
    """Where spans go; further options of OpenTelemetry come from its own OTEL_… variables."""

    otlp_endpoint: str | None = Field(
        None, description="of an OTLP/HTTP collector, …:4318/v1/traces; None: no spans are made"
    )

    @property
    def is_on(self) -> bool:
        """Whether spans are made."""
        return self.otlp_endpoint is not None
