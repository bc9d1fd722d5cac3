"""What a cluster's head and gateways import needs none of the models' libraries."""

import subprocess
import sys

LIBRARIES = ("torch", "vllm", "transformers", "peft", "accelerate", "safetensors")
OF_HEAD_AND_GATEWAYS = (
    "caption_studio.deployments.app",  # gateways, and Serve's controller
    "caption_studio.deployments.scaling",
    "caption_studio.deployments.edge.haproxy",
    "caption_studio.deployments.edge.middlewares",
    "caption_studio.deployments.one_machine.run",
    "caption_studio.doctor.command",
    "caption_studio.client.command",
)


def imported(*modules: str) -> str:
    """Import them where the libraries cannot be imported; return what went wrong."""
    barred = f"import sys; sys.modules.update(dict.fromkeys({LIBRARIES}))"
    program = "\n".join([barred, *(f"import {module}" for module in modules)])
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    return done.stderr if done.returncode else ""


def test_they_import_none_of_them() -> None:
    assert imported(*OF_HEAD_AND_GATEWAYS) == ""


def test_the_check_would_see_it() -> None:
    assert "torch" in imported("caption_studio.vision.git")
