"""A scenario's name or path → the scenario, its files found."""

from pathlib import Path

import yaml

from benchmarks.scenario.load import Replay
from benchmarks.scenario.prompts import ShareGPT, TraceTokens
from benchmarks.scenario.whole import Scenario

SCENARIOS = Path(__file__).parents[1] / "scenarios"


def read_scenario(name_or_path: str) -> Scenario:
    """Read a YAML file, or one of ours by its name.

    Raises:
        ValueError: It is no scenario (this includes pydantic's `ValidationError`) or no YAML.
        OSError: It cannot be read.
    """
    shipped = SCENARIOS / f"{name_or_path}.yaml"
    path = shipped if shipped.is_file() else Path(name_or_path)
    try:
        value = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not YAML: {error}") from error
    scenario = Scenario.model_validate(value)
    return _beside(path.parent, scenario)


def _beside(folder: Path, scenario: Scenario) -> Scenario:
    """Return the scenario with its files' relative paths resolved against the folder."""
    load, requests, prompts = scenario.load, scenario.requests, scenario.requests.prompts
    if isinstance(load, Replay):
        load = load.model_copy(update={"trace": folder / load.trace})
    if isinstance(prompts, TraceTokens):
        prompts = prompts.model_copy(update={"trace": folder / prompts.trace})
    if isinstance(prompts, ShareGPT):
        tokenizer = None if prompts.tokenizer is None else folder / prompts.tokenizer
        files = {"file": folder / prompts.file, "tokenizer": tokenizer}
        prompts = prompts.model_copy(update=files)
    requests = requests.model_copy(update={"prompts": prompts})
    return scenario.model_copy(update={"load": load, "requests": requests})
