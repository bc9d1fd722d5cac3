"""Logs, and where traces go."""

from typing import Literal

from pydantic import Field

from caption_studio.settings.section import Section


class LoggingSettings(Section):
    """Logs about requests; they never hold the content of one."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Messages below this level are not written."
    )
    format: Literal["json", "text"] = Field(
        "json", description="JSON objects for machines, or text for people; one line each."
    )


class TracingSettings(Section):
    """Where spans go; further options of OpenTelemetry come from its own OTEL_… variables."""

    otlp_endpoint: str | None = Field(
        None,
        pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$",
        description="The address of an OTLP/HTTP collector, such as "
        "`http://collector:4318/v1/traces`. With null no spans are made.",
    )

    @property
    def is_on(self) -> bool:
        """Whether spans are made."""
        return self.otlp_endpoint is not None
