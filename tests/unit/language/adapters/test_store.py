"""Adapters from every kind of place become private copies, named by their content."""

import os
import pickle
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fsspec
import pytest
import torch
from safetensors.torch import load_file

from caption_studio.errors import AdapterUnavailable, InvalidAdapter
from caption_studio.language.adapters.store import AdapterStore
from caption_studio.records import Adapter
from caption_studio.settings import LanguageSettings
from tests.adapters import config, tensors, write

FILES = {"adapter_config.json", "adapter_model.safetensors"}


def store(tmp_path: Path, **changes: Any) -> AdapterStore:
    values = {"adapter_cache_dir": tmp_path / "cache", "adapters_dir": tmp_path / "adapters"}
    values["adapter_url_schemes"] = ("memory",)
    return AdapterStore(LanguageSettings(**{**values, **changes}))


def local(tmp_path: Path, **form: str) -> Adapter:
    return Adapter("a", str(write(tmp_path / "adapters" / "a", **form)))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def bucket() -> Iterator[fsspec.AbstractFileSystem]:
    """fsspec's own file system in memory, which all users of a process share."""
    files = fsspec.filesystem("memory")
    yield files
    files.store.clear()


def upload(bucket: fsspec.AbstractFileSystem, folder: Path) -> None:
    for path in folder.iterdir():
        bucket.pipe(f"/models/a/{path.name}", path.read_bytes())


def test_a_folder_is_copied_once(tmp_path: Path) -> None:
    adapter = local(tmp_path)
    first = store(tmp_path).get(adapter)
    assert names(first.folder) == FILES
    assert first.folder.name == first.digest
    assert store(tmp_path).get(adapter) == first
    assert names(tmp_path / "cache") == {first.digest}


def test_the_copy_stays_when_the_source_goes(tmp_path: Path) -> None:
    stored = store(tmp_path).get(local(tmp_path))
    (tmp_path / "adapters" / "a" / "adapter_config.json").unlink()
    pinned = Adapter("a", str(tmp_path / "adapters" / "a"), digest=stored.digest)
    assert store(tmp_path).get(pinned) == stored
    with pytest.raises(InvalidAdapter, match=r"no adapter_config\.json"):
        store(tmp_path).get(Adapter("a", pinned.source))


def test_other_files_than_those_that_were_added_are_refused(tmp_path: Path) -> None:
    stored = store(tmp_path).get(local(tmp_path))
    write(tmp_path / "adapters" / "a", config(lora_alpha=64))
    pinned = Adapter("a", str(tmp_path / "adapters" / "a"), digest=stored.digest)
    with pytest.raises(InvalidAdapter, match="no longer"):
        store(tmp_path / "another-node", adapters_dir=tmp_path / "adapters").get(pinned)


def test_a_bucket_is_read_through_fsspec(tmp_path: Path, bucket: fsspec.AbstractFileSystem) -> None:
    upload(bucket, write(tmp_path / "source"))
    bucket.pipe("/models/a/README.md", b"not ours")
    stored = store(tmp_path).get(Adapter("a", "memory://models/a"))
    assert names(stored.folder) == FILES


def test_replicas_that_fetch_at_the_same_time_do_not_collide(tmp_path: Path) -> None:
    adapter = local(tmp_path)
    barrier = threading.Barrier(8)

    def fetch() -> object:
        barrier.wait()
        return store(tmp_path).get(adapter)

    with ThreadPoolExecutor(8) as pool:
        found = {future.result() for future in [pool.submit(fetch) for _ in range(8)]}
    assert len(found) == 1
    assert len(names(tmp_path / "cache")) == 1


@pytest.mark.parametrize("missing", ["adapter_config.json", "adapter_model.safetensors"])
def test_what_is_not_there_is_named(tmp_path: Path, missing: str) -> None:
    adapter = local(tmp_path)
    (Path(adapter.source) / missing).unlink()
    with pytest.raises(InvalidAdapter, match=missing):
        store(tmp_path).get(adapter)
    assert names(tmp_path / "cache") == set()


def test_a_link_out_of_the_folder_set_aside_is_not_followed(tmp_path: Path) -> None:
    adapter = local(tmp_path)
    secret = tmp_path / "secret"
    secret.write_text("{}")
    link = Path(adapter.source) / "adapter_config.json"
    link.unlink()
    link.symlink_to(secret)
    with pytest.raises(InvalidAdapter, match="lead out"):
        store(tmp_path).get(adapter)


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    adapter = local(tmp_path)
    path = Path(adapter.source) / "adapter_model.safetensors"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(InvalidAdapter, match="There is no"):
        store(tmp_path).get(adapter)


def test_more_bytes_than_allowed_are_not_copied(tmp_path: Path) -> None:
    with pytest.raises(InvalidAdapter, match="larger"):
        store(tmp_path, max_adapter_bytes=1000).get(local(tmp_path))


def test_a_source_that_fails_or_is_slow_is_unavailable_without_details(
    tmp_path: Path, bucket: fsspec.AbstractFileSystem
) -> None:
    with pytest.raises(AdapterUnavailable) as refused:
        store(tmp_path, adapter_url_schemes=("s3x",)).get(Adapter("a", "s3x://secret/a"))
    assert "secret" not in refused.value.message
    upload(bucket, write(tmp_path / "source"))
    with pytest.raises(AdapterUnavailable):
        store(tmp_path, adapter_fetch_timeout_s=1e-9).get(Adapter("a", "memory://models/a"))


class TestTheOlderForm:
    def test_becomes_safetensors(self, tmp_path: Path) -> None:
        stored = store(tmp_path).get(local(tmp_path, form="bin"))
        assert names(stored.folder) == FILES
        kept = load_file(stored.folder / "adapter_model.safetensors")
        assert kept.keys() == tensors().keys()
        assert all(torch.equal(kept[name], tensor) for name, tensor in tensors().items())

    def test_is_not_looked_at_beside_the_newer(self, tmp_path: Path) -> None:
        adapter = local(tmp_path)
        (Path(adapter.source) / "adapter_model.bin").write_bytes(b"junk")
        assert names(store(tmp_path).get(adapter).folder) == FILES

    def test_runs_no_code(self, tmp_path: Path) -> None:
        canary = tmp_path / "canary"
        adapter = local(tmp_path, form="bin")
        torch.save({"x": Executes(canary)}, Path(adapter.source) / "adapter_model.bin")
        refuse(adapter, tmp_path, "more than tensors")
        assert not canary.exists()
        (Path(adapter.source) / "adapter_model.bin").write_bytes(pickle.dumps(Executes(canary)))
        refuse(adapter, tmp_path, "more than tensors")
        assert not canary.exists()

    def test_holds_a_table_of_tensors(self, tmp_path: Path) -> None:
        for value in ([torch.ones(1)], {"x": 1}, {1: torch.ones(1)}):
            adapter = local(tmp_path, form="bin")
            torch.save(value, Path(adapter.source) / "adapter_model.bin")
            refuse(adapter, tmp_path, "no table")

    def test_does_not_inflate_beyond_the_cap(self, tmp_path: Path) -> None:
        adapter = local(tmp_path, form="bin")
        path = Path(adapter.source) / "adapter_model.bin"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("archive/data/0", bytes(50_000_000))
        assert path.stat().st_size < 1_000_000
        refuse(adapter, tmp_path, "larger", max_adapter_bytes=10_000_000)

    def test_does_not_claim_more_than_it_stores(self, tmp_path: Path) -> None:
        adapter = local(tmp_path, form="bin")
        wide = torch.zeros(1).expand(100_000_000, 100)
        torch.save({"x": wide}, Path(adapter.source) / "adapter_model.bin")
        refuse(adapter, tmp_path, "larger")


class Executes:
    """Unpickled, it leaves a file behind."""

    def __init__(self, canary: Path) -> None:
        self._canary = canary

    def __reduce__(self) -> Any:
        return open, (str(self._canary), "w")


def refuse(adapter: Adapter, tmp_path: Path, reason: str, **changes: Any) -> None:
    with pytest.raises(InvalidAdapter, match=reason):
        store(tmp_path, **changes).get(adapter)
