from pathlib import Path

import pytest

from caption_studio.cli import DEMO_CONFIG, main


def test_a_missing_config_file_is_one_clear_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["serve", "--config", str(tmp_path / "absent.yaml")]) == 1
    assert "absent.yaml is no valid configuration" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("args: {}", "args: {vision: {max_batch: 5}}", "max_batch"),
        ("route_prefix: /", "route_prefix: nope", "route_prefix"),
        ("applications:", "applicationz:", "applications"),
    ],
)
def test_a_mistake_in_a_config_file_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, old: str, new: str, named: str
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(DEMO_CONFIG.read_text().replace(old, new))
    assert main(["serve", "--config", str(path)]) == 1
    assert named in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ("{gateway: {api_keys: ['']}}", "gateway.api_keys: a key must have at least 16 characters"),
        ("{gateway: {admin_keys: ['  ']}}", "gateway.admin_keys: a key must have at least 16"),
        ("{gateway: {api_keys: my-secret}}", "gateway.api_keys: a list of keys is wanted"),
        ("{gateway: {api_keys_file: /nowhere/k}}", "/nowhere/k cannot be read: No such file"),
        ("{gateway: {admin_keys_file: /nowhere/k}}", "/nowhere/k cannot be read: No such file"),
    ],
)
def test_keys_that_guard_nothing_end_the_start_with_one_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, args: str, told: str
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(DEMO_CONFIG.read_text().replace("args: {}", f"args: {args}"))
    assert main(["serve", "--config", str(path)]) == 1
    errors = capsys.readouterr().err
    assert told in errors
    assert "my-secret" not in errors
    assert len(errors.splitlines()) == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
def test_without_keys_it_serves_no_strangers(
    capsys: pytest.CaptureFixture[str], host: str, tmp_path: Path
) -> None:
    assert main(["serve", "--host", host]) == 1
    assert f"Listening on {host} without API keys" in capsys.readouterr().err
    path = tmp_path / "config.yaml"
    path.write_text(DEMO_CONFIG.read_text().replace("127.0.0.1", f"'{host}'"))
    assert main(["serve", "--config", str(path)]) == 1
    assert f"Listening on {host} without API keys" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["gpu.yaml", "gpu-one.yaml", "cluster.yaml"])
def test_the_configs_for_many_machines_ask_for_keys(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert main(["serve", "--config", str(DEMO_CONFIG.with_name(name))]) == 1
    assert "CAPTION_STUDIO_GATEWAY__API_KEYS_FILE" in capsys.readouterr().err


def test_a_service_that_is_not_there_fails_each_picture_and_not_the_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"x")
    url = "http://127.0.0.1:9"  # the discard port: nothing listens
    assert main(["caption", "--url", url, str(picture), str(tmp_path / "absent.png")]) == 1
    errors = capsys.readouterr().err
    assert f"{picture}: " in errors
    assert "absent.png: " in errors


def test_a_command_is_required(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([])
    assert left.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


@pytest.mark.parametrize("target", ["caption-demo", "caption-demo=", "=1", "a=0", "a=-1", "a=nan"])
def test_an_aliass_models_have_weights(capsys: pytest.CaptureFixture[str], target: str) -> None:
    with pytest.raises(SystemExit) as left:
        main(["aliases", "set", "caption", target])
    assert left.value.code == 2
    assert f"{target} is not MODEL=WEIGHT" in capsys.readouterr().err


def test_a_config_that_comes_along_is_meant_by_its_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["serve", "--config", "gpu"]) == 1
    assert "CAPTION_STUDIO_GATEWAY__API_KEYS_FILE" in capsys.readouterr().err
    (tmp_path / "gpu").write_text("applicationz: []")  # a file of that name is meant first
    assert main(["serve", "--config", "gpu"]) == 1
    assert "gpu is no valid configuration" in capsys.readouterr().err
    assert main(["models", "pull", "demo"]) == 0
    assert "names nothing on the hub" in capsys.readouterr().out
