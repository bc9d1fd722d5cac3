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
