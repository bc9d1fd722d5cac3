"""A mistake in a config file ends the start, and changes nothing at a reload: one sentence each."""

from pathlib import Path
from threading import Event

import pytest
from ray.serve.schema import ServeDeploySchema

from caption_studio.deployments.one_machine import run
from caption_studio.deployments.one_machine.config_file import StartFailed, load_config, read
from tests.conftest import ROOT

DEMO = (ROOT / "deploy" / "demo.yaml").read_text()
HEAD = DEMO[: DEMO.index("applications:")]
ARGS = "args: {}"
REPLICAS = "num_replicas: 1\n"

MISTAKES = {
    "a name that YAML reads as true": (ARGS, "args: {yes: 1}", "True: no such setting"),
    "an option of the settings' reader": (ARGS, "args: {_env_file: /x}", "_env_file: no such"),
    "no mapping": (ARGS, "args: [1]", "args: Input should be a valid dictionary"),
    "an endless request": (
        ARGS,
        "args: {gateway: {request_timeout_s: .inf}}",
        "gateway.request_timeout_s: Input should be a finite number",
    ),
    "no number of replicas": (
        REPLICAS,
        "autoscaling_config: {min_replicas: null}\n",
        "Gateway.autoscaling_config: min_replicas: Input should be a valid integer",
    ),
    "a number in words": (REPLICAS, "autoscaling_config: {min_replicas: two}\n", "valid integer"),
    "more than the most": (
        REPLICAS,
        "autoscaling_config: {min_replicas: 3, max_replicas: 2}\n",
        "Gateway.autoscaling_config: max_replicas (2) must be greater",
    ),
    "a key that is no text": (REPLICAS, "autoscaling_config: {yes: 2}\n", "keywords must be str"),
    "a policy that is not there": (
        REPLICAS,
        "autoscaling_config: {policy: {policy_function: 'nosuch:policy'}}\n",
        "No module named 'nosuch'",
    ),
    "a deployment that is a number": (
        "deployments:\n",
        "deployments:\n      - 1\n",
        "of another kind",
    ),
    "a path that no browser sends": (
        "route_prefix: /",
        "route_prefix: '/a b'",
        "route_prefix: '/a",
    ),
    "a slash at the end": ("route_prefix: /", "route_prefix: /a/", "route_prefix: '/a/'"),
    "an empty path": ("route_prefix: /", "route_prefix: ''", "route_prefix: ''"),
    "a port of five digits": ("8000", "99999", "99999 is no port"),
    "a negative port": ("8000", "-1", "-1 is no port"),
    "any port": ("8000", "0", "0 is no port"),
    "a port in words": ("8000", "http", "http_options.port: Input should be a valid integer"),
    "no YAML": (ARGS, "args: {gateway: {api_keys: [secret: [}}", "line 15, column"),
    "thousands of levels": (ARGS, f"args: {'[' * 3000}", "of another kind"),
}


def written(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    return path


def failure(path: Path) -> str:
    with pytest.raises(StartFailed) as raised:
        load_config(path, host=None, port=None)
    return str(raised.value)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_in_one_line(tmp_path: Path, name: str) -> None:
    old, new, told = MISTAKES[name]
    assert old in DEMO
    said = failure(written(tmp_path, DEMO.replace(old, new, 1)))
    assert told in said
    assert "\n" not in said
    assert "secret" not in said


@pytest.mark.parametrize("applications", ["x", "{a: 1}", "[1]", "null", "[]"])
def test_without_applications_nothing_starts(tmp_path: Path, applications: str) -> None:
    path = written(tmp_path, f"{HEAD}applications: {applications}\n")
    assert failure(path).startswith(str(path))


def test_a_port_of_the_command_line_is_held_to_the_same_rule(tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match=r"^99999 is no port"):
        load_config(written(tmp_path, DEMO), host=None, port=99_999)


@pytest.mark.parametrize("prefix", ["/", "/captions", "/a/b-1", "null"])
def test_route_prefixes_that_serve_takes_are_taken(tmp_path: Path, prefix: str) -> None:
    read(written(tmp_path, DEMO.replace("route_prefix: /", f"route_prefix: {prefix}")))


def test_replicas_of_automatic_scaling_have_serves_own_bounds(tmp_path: Path) -> None:
    auto = "num_replicas: auto\n        autoscaling_config: {min_replicas: 2}\n"
    read(written(tmp_path, DEMO.replace(REPLICAS, auto, 1)))


@pytest.mark.parametrize("name", sorted(path.name for path in ROOT.glob("deploy/*.yaml")))
def test_the_shipped_configs_have_no_mistake(name: str) -> None:
    text = (ROOT / "deploy" / name).read_text()
    if "\napplications:" in text:
        read(ROOT / "deploy" / name)


def test_a_host_that_is_no_name_is_told() -> None:
    with pytest.raises(StartFailed, match=r"^Cannot listen on 'a.x00b':8000"):
        run._check_free("a\0b", 8000)


@pytest.mark.parametrize("name", [name for name in MISTAKES if MISTAKES[name][0] != "8000"])
def test_at_a_reload_the_old_configuration_goes_on_serving(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, _ = MISTAKES[name]
    deployed: list[ServeDeploySchema] = []
    monkeypatch.setattr(run, "deploy", deployed.append)
    monkeypatch.setattr(run, "_wait_until_running", lambda config, stop: None)
    running = load_config(written(tmp_path, DEMO), host=None, port=None)
    path = written(tmp_path, DEMO.replace(old, new, 1))
    assert run._redeploy(running, path, Event()) is running
    assert deployed == [running]
    assert "The configuration stays as it was." in capsys.readouterr().out
