from pathlib import Path

import pytest
import yaml

from benchmarks.peers import engine, loads
from benchmarks.peers.catalogue import ALONE, PEERS, Peer, Workspace
from caption_studio.settings import LanguageSettings, Settings

BY_NAME = {peer.name: peer for peer in PEERS}


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_every_peer_is_told_its_port_and_asked_there(peer: Peer, tmp_path: Path) -> None:
    server = peer.server(Workspace(tmp_path), 12345)
    assert "12345" in server.command
    assert server.ready_url.startswith("http://127.0.0.1:12345/")


def test_the_peers_engine_is_set_up_as_ours() -> None:
    ours = LanguageSettings()
    same = {name: getattr(ours, name) for name in engine.ENGINE_ARGS if hasattr(ours, name)}
    assert same == {name: engine.ENGINE_ARGS[name] for name in same}
    assert set(same) >= {"dtype", "max_model_len", "max_num_seqs", "enforce_eager"}
    assert engine.ENGINE_ARGS["kv_cache_memory_bytes"] == ours.kv_cache_bytes
    assert engine.LORA_ARGS["max_lora_rank"] == ours.max_lora_rank
    assert engine.LORA_ARGS["max_loras"] == ours.max_loaded_adapters
    assert engine.ENVIRONMENT["VLLM_CPU_OMP_THREADS_BIND"] == ours.cpu_threads


def test_vllms_server_takes_the_engine_arguments_as_flags() -> None:
    flags = engine.flags({"enforce_eager": True, "max_model_len": 1024})
    assert flags == ["--enforce-eager", "--max-model-len", "1024"]


@pytest.mark.parametrize(
    ("name", "adapters"), [("ours-base", []), ("ours-adapter", ["caption-demo"])]
)
def test_our_configuration_is_the_demos_with_other_adapters(
    name: str, adapters: list[str], tmp_path: Path
) -> None:
    BY_NAME[name].server(Workspace(tmp_path), 12345)
    (application,) = yaml.safe_load((tmp_path / f"{name}.yaml").read_text())["applications"]
    settings = Settings.load(application["args"])
    assert [adapter.id for adapter in settings.language.adapters] == adapters


@pytest.mark.parametrize(
    "load", [loads.CAPTIONS_64, loads.CAPTIONS_1, loads.TEXT_WHOLE, loads.TEXT_STREAMED]
)
def test_a_load_asks_nothing_that_one_of_the_servers_refuses(load: loads.Load) -> None:
    requests = load.requests("m")
    assert set(requests.body) <= {"top_p"}
    assert requests.stage_times is False
    assert requests.max_tokens == (50 if load.captions else 20)


def test_all_repeats_of_a_load_keep_as_many_requests_in_flight() -> None:
    scenario = loads.TEXT_WHOLE.scenario("m", warmup_s=1, window_s=2, repeats=3)
    assert scenario.load.model_dump() == {"kind": "closed", "concurrency": 64}
    assert (scenario.warmup_s, scenario.duration_s, scenario.repeats) == (1, 2, 3)


def test_programs_without_server_measure_loads_that_exist(tmp_path: Path) -> None:
    known = {loads.TEXT_WHOLE.name, loads.TEXT_STREAMED.name}
    known |= {loads.CAPTIONS_64.name, loads.CAPTIONS_1.name}
    for peer in ALONE[1:]:
        words = peer.arguments(Workspace(tmp_path))
        assert set(words[words.index("--loads") + 1 :]) <= known
