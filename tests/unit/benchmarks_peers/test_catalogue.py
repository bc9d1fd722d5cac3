from pathlib import Path

import pytest
import yaml

from benchmarks.peers import engine, loads
from benchmarks.peers.catalogue import ALONE, GROUPS, PEERS, Peer
from benchmarks.peers.starts import Workspace
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


def test_ours_remembers_no_description_where_it_is_compared(tmp_path: Path) -> None:
    sizes = {}
    for peer in PEERS:
        if peer.name.startswith("ours-"):
            peer.server(Workspace(tmp_path), 12345)
            config = yaml.safe_load((tmp_path / f"{peer.name}.yaml").read_text())
            sizes[peer.name] = Settings.load(config["applications"][0]["args"]).vision.cache_size
    assert sizes.pop("ours-with-cache") > loads.REPEATED_PICTURES
    assert set(sizes.values()) == {0}


def test_every_vllm_runs_as_ours_does_but_for_those_that_are_named_for_it(tmp_path: Path) -> None:
    for peer in PEERS:
        if not peer.name.startswith("ours-"):
            environment = peer.server(Workspace(tmp_path), 12345).environment
            worker = environment["VLLM_ENABLE_V1_MULTIPROCESSING"]
            assert worker == ("1" if peer.name.endswith("-worker") else "0"), peer.name


def test_every_load_has_pictures_and_texts_of_its_own() -> None:
    every = {load for group in GROUPS for load in group.loads}
    assert len({load.seed for load in every}) == len(every)


@pytest.mark.parametrize(
    "load", [loads.CAPTIONS_64, loads.CAPTIONS_1, loads.TEXT_WHOLE, loads.TEXT_STREAMED]
)
def test_a_load_asks_nothing_that_one_of_the_servers_refuses(load: loads.Load) -> None:
    requests = load.requests("m")
    assert set(requests.body) <= {"top_p"}
    assert requests.stage_times is False
    assert requests.max_tokens == (50 if load.captions else 20)


def test_a_shorter_plan_keeps_as_many_requests_in_flight() -> None:
    scenario = loads.TEXT_WHOLE.scenario("m", share=0.5)
    assert scenario.load.model_dump() == {"kind": "closed", "concurrency": 64}
    assert scenario.warmup_s == loads.TEXT_WHOLE.warmup_s / 2
    assert scenario.duration_s == loads.TEXT_WHOLE.window_s / 2


def test_groups_name_peers_that_exist_and_every_peer_is_in_one() -> None:
    assert {name for group in GROUPS for name in group.peers} == set(BY_NAME)


def test_programs_without_server_measure_loads_that_exist(tmp_path: Path) -> None:
    known = {loads.TEXT_WHOLE.name, loads.TEXT_STREAMED.name}
    known |= {loads.CAPTIONS_64.name, loads.CAPTIONS_1.name}
    for peer in ALONE[1:]:
        words = peer.arguments(Workspace(tmp_path))
        assert set(words[words.index("--loads") + 1 :]) <= known


def test_vllm_and_ray_come_without_our_plugins_but_where_their_name_or_an_adapter_says_so(
    tmp_path: Path,
) -> None:
    bare = {
        peer.name
        for peer in PEERS
        if peer.server(Workspace(tmp_path), 8000).environment.get("VLLM_PLUGINS") == ""
    }
    assert bare == {"vllm-base", "vllm-base-worker", "serve-llm", "stock-serve"}
