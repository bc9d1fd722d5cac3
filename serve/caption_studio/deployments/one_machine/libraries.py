"""This machine's libraries → `StartFailed` if no model could run with them, before Ray starts."""

from caption_studio.deployments.one_machine.config_file import StartFailed
from caption_studio.model_libraries import (
    LIBNUMA,
    TORCH,
    VLLM,
    can_load,
    installed,
    why_no_model_runs,
)


def check_libraries() -> None:
    """Raise `StartFailed` if no model can run on this machine."""
    why = why_no_model_runs(installed((TORCH, *VLLM)), has_libnuma=can_load(LIBNUMA))
    if why is not None:
        raise StartFailed(why)
