from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from caption_studio.images.url_guard import URLGuard
from caption_studio.records import NO_BATCHES
from caption_studio.settings import Settings


def test_the_defaults_are_the_demo() -> None:
    settings = Settings.load()
    assert settings.model_ids == ("falcon-demo", "caption-demo", "caption-demo-plain")
    assert settings.default_caption_model == "caption-demo"


def test_the_environment_is_above_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPTION_STUDIO_VISION__MAX_BATCH_SIZE", "3")
    settings = Settings.load({"vision": {"max_batch_size": 5, "threads": 2}})
    assert (settings.vision.max_batch_size, settings.vision.threads) == (3, 2)


def test_an_unknown_setting_is_an_error_not_a_default() -> None:
    with pytest.raises(ValidationError):
        Settings.load({"vision": {"max_batch": 5}})


@pytest.mark.parametrize(
    "name", ["visoin", "_env_prefix", "_env_file", "_cli_parse_args", "__pydantic_self__", True, 7]
)
def test_what_is_no_setting_is_refused_whatever_its_kind(name: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name}: no such setting$"):
        Settings.load({name: "X"})


def test_a_name_within_a_section_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, told in (("_max_n", "Extra inputs"), (True, "Keys should be strings")):
        with pytest.raises(ValidationError, match=told):
            Settings.load({"gateway": {name: 1}})
    monkeypatch.setenv("CAPTION_STUDIO_GATEWAY__MAX_N", "3")  # both are merged
    with pytest.raises(ValidationError, match="Keys should be strings"):
        Settings.load({"gateway": {True: 1}})


@pytest.mark.parametrize("value", [float("inf"), float("nan"), "inf", 1e18])
def test_no_time_of_a_request_is_endless(value: object) -> None:
    for name in ("request_timeout_s", "upload_timeout_s"):
        with pytest.raises(ValidationError, match=rf"gateway\.{name}"):
            Settings.load({"gateway": {name: value}})


@pytest.mark.parametrize(
    "values",
    [
        {"images": {"fetch_timeout_s": float("inf")}},
        {"guards": {"moderation_timeout_s": float("inf")}},
        {"scaling": {"gateway": {"target_cpus": float("inf")}}},
    ],
)
def test_no_number_is_infinite(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="finite number"):
        Settings.load(values)


@pytest.mark.parametrize("address", ["", "collector:4318", "grpc://collector:4317", "http://"])
def test_a_collector_that_could_never_be_reached_is_refused_at_the_start(address: str) -> None:
    with pytest.raises(ValidationError, match=r"tracing\.otlp_endpoint"):
        Settings.load({"tracing": {"otlp_endpoint": address}})


@pytest.mark.parametrize("address", ["http://collector:4318/v1/traces", "https://[::1]:4318"])
def test_a_collectors_address_is_taken(address: str) -> None:
    assert Settings.load({"tracing": {"otlp_endpoint": address}}).tracing.is_on


REACHABLE = (
    "images.internal:8080",
    "Store_1.internal:80",
    "localhost:1",
    "10.0.0.7:443",
    "[::1]:65535",
    "[fd00::1]:80",
)
UNREACHABLE = (
    "",
    ":80",
    "images.internal",
    "images.internal:",
    "images.internal:http",
    "images.internal:0",
    "images.internal:080",
    "images.internal:65536",
    "http://images.internal:80",
    "images.internal:80/",
    "images.internal/a:80",
    "me@images.internal:80",
    "*.internal:80",
    "images internal:80",
    "10.0.0:80",
    "10.0.0.07:80",
    "0x7f:80",
    "::1:80",
    "[::1]",
    "[0:0::1]:80",
    "[fe80::1%eth0]:80",
    "[images.internal]:80",
)


def test_allowed_hosts_are_those_that_a_url_can_name() -> None:
    hosts = Settings.load({"images": {"allowed_hosts": REACHABLE}}).images.allowed_hosts
    assert hosts == REACHABLE
    for host in hosts:
        guard = URLGuard(max_url_bytes=8192, listed_hosts=hosts)
        assert guard.read(f"http://{host}/cat.png").is_listed


@pytest.mark.parametrize("host", UNREACHABLE)
def test_a_host_that_no_url_can_name_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match=r"images\.allowed_hosts"):
        Settings.load({"images": {"allowed_hosts": [host]}})


def test_ids_are_unique() -> None:
    with pytest.raises(ValidationError, match="must differ"):
        Settings.load({"language": {"id": "caption-demo"}})


def test_without_adapters_the_base_model_captions() -> None:
    assert Settings.load({"language": {"adapters": []}}).default_caption_model == "falcon-demo"


def test_engines_have_places_for_batches_where_there_can_be_any() -> None:
    share = Settings.load().batch_share
    assert (share.places, share.patience_s) == (14, pytest.approx(6.0))
    none: dict[str, Any] = {"batches": {"store": None}}
    assert Settings.load(none).batch_share == NO_BATCHES
    assert Settings.load({**none, "gateway": {"api_keys_file": "keys"}}).batch_share == share
    small = Settings.load({"language": {"max_num_seqs": 8}, "vision": {"max_batch_size": 16}})
    assert small.batch_share.places == 8


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings.load().vision.threads = 3  # type: ignore[misc]


def test_adapters_may_be_added_at_run_time_only_where_an_admin_key_is_configured() -> None:
    assert not Settings.load().gateway.has_admin
    assert Settings.load({"gateway": {"admin_keys": ["k" * 16]}}).gateway.has_admin
    assert Settings.load({"gateway": {"admin_keys_file": "keys"}}).gateway.has_admin


def merged(**changes: Any) -> dict[str, Any]:
    adapter = {"id": "caption", "source": "embedded:caption-demo"}
    return {"mode": "merged", "adapters": [adapter], **changes}


def test_merged_weights_answer_for_the_adapter_and_for_nothing_else() -> None:
    settings = Settings.load({"language": merged()})
    assert settings.model_ids == ("caption",)
    assert settings.default_caption_model == "caption"
    assert settings.language.lora_adapters == ()


@pytest.mark.parametrize("adapters", [[], [{"id": i, "source": "/x"} for i in "ab"]])
def test_only_one_adapter_can_be_merged(adapters: list[dict[str, str]]) -> None:
    with pytest.raises(ValidationError, match="exactly one adapter"):
        Settings.load({"language": merged(adapters=adapters)})


def test_an_engine_step_must_hold_a_token_of_each_sequence() -> None:
    sizes = {"max_num_seqs": 64, "max_num_batched_tokens": 64}
    assert Settings.load({"language": sizes}).language.max_num_batched_tokens == 64
    with pytest.raises(ValidationError, match="at least max_num_seqs"):
        Settings.load({"language": {**sizes, "max_num_seqs": 65}})


def test_merged_weights_take_no_adapters_at_run_time() -> None:
    with pytest.raises(ValidationError, match="no admin keys"):
        Settings.load({"language": merged(), "gateway": {"admin_keys": ["k" * 16]}})


@pytest.mark.parametrize(
    "guards",
    [
        {"moderation_url": "moderation.example/v1"},
        {"moderation_url": "ftp://moderation.example/v1"},
        {"moderation_url": "https://moderation.example/v1 moderations"},
        {"moderation_url": "https://"},
        {"moderation_api_key": "two words"},
        {"moderation_api_key": "a\nb"},
        {"moderation_api_key": ""},
        {"moderation_api_key": "schlüssel"},
    ],
)
def test_a_moderation_endpoint_that_could_never_be_asked_is_refused_at_the_start(
    guards: dict[str, str],
) -> None:
    with pytest.raises(ValidationError):
        Settings.load({"guards": guards})


def test_a_moderation_endpoint_with_a_key_is_taken() -> None:
    guards = {"moderation_url": "http://m:8080/v1/moderations", "moderation_api_key": "sk-1"}
    assert Settings.load({"guards": guards}).guards.moderation_url == guards["moderation_url"]


def alias(id: str = "caption", **targets: float) -> dict[str, Any]:
    named = [{"model": model.replace("_", "-"), "weight": w} for model, w in targets.items()]
    return {"id": id, "targets": named}


def test_aliases_name_models_of_the_settings() -> None:
    loud = {"id": "loud", "adapter": "caption-demo"}
    given = [alias(caption_demo=90, loud=10), alias("base", falcon_demo=1)]
    settings = Settings.load({"voices": [loud], "aliases": given})
    assert [one.id for one in settings.aliases] == ["caption", "base"]
    assert settings.default_caption_model == "loud"


@pytest.mark.parametrize(
    ("aliases", "told"),
    [
        ([alias(nobody=1)], "alias caption: nobody is not one of caption-demo, caption-demo-plain"),
        ([alias(caption=1)], "alias caption: caption is not one of"),
        ([alias("x", caption_demo=1), alias("y", x=1)], "alias y: x is not one of"),
        ([alias(caption_demo=1), alias(falcon_demo=1)], "must differ"),
        ([alias("caption-demo", falcon_demo=1)], "alias caption-demo: a model has this id"),
        ([{**alias(), "targets": alias(falcon_demo=1)["targets"] * 2}], "name a model once"),
        ([alias()], "at least 1 item"),
        ([alias(falcon_demo=0)], "greater than 0"),
        ([alias(falcon_demo=float("nan"))], "finite number"),
    ],
)
def test_an_alias_that_cannot_serve_ends_the_start(aliases: Any, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Settings.load({"aliases": aliases})


@pytest.mark.parametrize(
    "batches",
    [
        {"store": "some/folder"},
        {"max_in_flight": 0},
        {"max_file_bytes": 10, "max_key_bytes": 9},
        {"keep_days": 0},
    ],
)
def test_a_store_that_not_every_gateway_finds_is_refused(batches: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.load({"batches": batches})


def test_the_store_by_default_is_below_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    expected = tmp_path / ".local" / "share" / "caption-studio" / "files"
    assert Settings.load().batches.store == str(expected)
    monkeypatch.setenv("HOME", "somewhere/relative")
    with pytest.raises(ValidationError, match="absolute folder"):
        Settings.load()
    assert Settings.load({"batches": {"store": None}}).batches.store is None


def test_without_a_home_folder_a_store_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)  # no user has an entry
    with pytest.raises(ValidationError, match="no home folder: set batches"):
        Settings.load()
    with pytest.raises(ValidationError, match="has no home folder"):
        Settings.load({"batches": {"keep_days": 3}})
    assert Settings.load({"batches": {"store": "/srv/files"}}).batches.store == "/srv/files"


def test_a_store_is_a_folder_a_url_or_nothing() -> None:
    for store in ("/srv/files", "s3://bucket/files", None):
        assert Settings.load({"batches": {"store": store}}).batches.store == store
