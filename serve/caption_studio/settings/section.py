"""The base of every section of the settings."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """The base of all sections: frozen, and an unknown name is refused."""

    # An error that showed its input could show a key.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
