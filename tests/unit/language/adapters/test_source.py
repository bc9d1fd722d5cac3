"""Where adapters may come from: the operator's settings are trusted, the admin key less so."""

import logging
from pathlib import Path

import pytest

from caption_studio.errors import InvalidAdapter
from caption_studio.language.adapters.source import Folder, HubRepository, RemoteFolder, locate
from caption_studio.records import Adapter
from caption_studio.settings import EMBEDDED_MODELS_DIR, LanguageSettings

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SETTINGS = LanguageSettings()


def test_an_embedded_one_is_in_the_package() -> None:
    found = locate(Adapter("a", "embedded:caption-demo"), SETTINGS)
    assert found == Folder(EMBEDDED_MODELS_DIR / "caption-demo")


def test_a_hub_id_is_pinned_to_a_commit() -> None:
    assert locate(Adapter("a", "org/name", COMMIT), SETTINGS) == HubRepository("org/name", COMMIT)


@pytest.mark.parametrize("revision", [None, "main", COMMIT[:7], COMMIT.upper(), f"{COMMIT}\n"])
def test_an_unpinned_one_is_refused_at_run_time_and_warned_of_at_the_start(
    revision: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InvalidAdapter) as refused:
        locate(Adapter("a", "org/name", revision), SETTINGS)
    assert refused.value.param == "revision"
    with caplog.at_level(logging.WARNING):
        found = locate(Adapter("a", "org/name", revision, configured=True), SETTINGS)
    assert found == HubRepository("org/name", revision)
    assert "not pinned" in caplog.text


@pytest.mark.parametrize("url", ["s3://bucket/folder", "gs://bucket/a/b/"])
def test_buckets_are_read_through_fsspec(url: str) -> None:
    assert locate(Adapter("a", url), SETTINGS) == RemoteFolder(url.rstrip("/"))


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc",
        "local:///etc",
        "http://169.254.169.254/latest",
        "memory://a",
        "S3://bucket/x",
        "simplecache::s3://bucket/x",
        "s3://bucket/x::file:///etc",
        "://x",
        "hf://org/name",
    ],
)
def test_other_schemes_and_chains_of_them_are_refused(url: str) -> None:
    for configured in (False, True):
        with pytest.raises(InvalidAdapter) as refused:
            locate(Adapter("a", url, configured=configured), SETTINGS)
        assert refused.value.param == "source"


@pytest.mark.parametrize(
    "source",
    [
        *["", "name", "./name", "../name", "a/b/c", "org/../x", "-x/y", "~/x"],
        *["embedded:", "embedded:../x", "embedded:/etc", "embedded:."],
        *["a/b\n", "/x\0", "/x\r\ny"],
    ],
)
def test_what_is_no_source_is_refused(source: str) -> None:
    for configured in (False, True):
        with pytest.raises(InvalidAdapter):
            locate(Adapter("a", source, COMMIT, configured=configured), SETTINGS)


@pytest.mark.parametrize("source", ["embedded:caption-demo", "s3://bucket/x", "/models/x"])
def test_only_the_hub_has_revisions(source: str) -> None:
    with pytest.raises(InvalidAdapter) as refused:
        locate(Adapter("a", source, COMMIT, configured=True), SETTINGS)
    assert refused.value.param == "revision"


def test_a_configured_folder_may_be_anywhere(tmp_path: Path) -> None:
    found = locate(Adapter("a", str(tmp_path), configured=True), SETTINGS)
    assert found == Folder(tmp_path)


def test_without_a_folder_set_aside_none_may_be_added(tmp_path: Path) -> None:
    with pytest.raises(InvalidAdapter, match="adapters_dir"):
        locate(Adapter("a", str(tmp_path)), SETTINGS)


def test_an_added_folder_lies_in_the_one_set_aside(tmp_path: Path) -> None:
    root, outside = tmp_path / "adapters", tmp_path / "adapters-not"
    for folder in (root / "mine", outside):
        folder.mkdir(parents=True)
    (root / "link").symlink_to(outside)
    settings = LanguageSettings(adapters_dir=root)
    assert locate(Adapter("a", f"{root}/mine"), settings) == Folder(root / "mine", root)
    for source in (
        f"{root}/../adapters-not",
        f"{root}/mine/../../adapters-not",
        f"{root}/link",
        str(outside),
        str(root),
        "/etc",
    ):
        with pytest.raises(InvalidAdapter) as refused:
            locate(Adapter("a", source), settings)
        assert str(tmp_path) not in refused.value.message
