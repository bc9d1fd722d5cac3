"""Every setting, with its unit in its name and its reason beside it.

Built once, at the entry point, by `Settings.load`; passed down, never looked up. A value
comes from, in this order: a `CAPTION_STUDIO_…` variable (nested names joined by two
underscores: `CAPTION_STUDIO_VISION__MAX_BATCH_SIZE=32`), the `args` of the application in
the Serve config file, the default below. The defaults are the embedded demo.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from caption_studio.key_rules import check_key
from caption_studio.limits import MAX_IN_FLIGHT

EMBEDDED_PREFIX = "embedded:"
_ORIGIN = re.compile(r"https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
EMBEDDED_MODELS_DIR = Path(__file__).parent / "demo" / "models"


def model_location(source: str) -> str:
    """Return the folder of an `embedded:` model, or `source` itself (a folder or a hub id)."""
    if source.startswith(EMBEDDED_PREFIX):
        return str(EMBEDDED_MODELS_DIR / source.removeprefix(EMBEDDED_PREFIX))
    return source


class _Section(BaseModel):
    # An error that showed its input could show a key.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ImageSettings(_Section):
    """Taking pictures in: data URL or URL → ImageBytes → Pixels."""

    max_bytes: int = Field(20 * 1024**2, gt=0, description="encoded size of one picture")
    max_pixels: int = Field(64_000_000, gt=0, description="width times height, before decoding")
    max_side_px: int = Field(20_000, gt=0, description="longest side, before decoding")
    max_url_bytes: int = Field(8 * 1024, gt=0, description="length of an http(s) URL")
    max_redirects: int = Field(3, ge=0)
    allowed_hosts: tuple[str, ...] = Field(
        (), description="exact host:port pairs that may be private, e.g. an internal image store"
    )
    fetch_timeout_s: float = Field(10.0, gt=0, description="a whole fetch, redirects included")
    fetch_concurrency: int = Field(32, gt=0, description="fetches at a time, per gateway replica")
    decode_timeout_s: float = Field(10.0, gt=0, description="of one picture, once a worker has it")
    decode_workers: int = Field(2, gt=0, description="decodes at a time, per gateway replica")


class VisionSettings(_Section):
    """The describer: GIT."""

    model: str = Field("embedded:git-demo", description="folder, hub id or embedded:NAME")
    revision: str | None = Field(None, description="commit of a hub model")
    image_size_px: int = Field(64, gt=0, description="side of the square the model was trained on")
    device: Literal["cpu", "cuda"] = "cpu"
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    max_length: int = Field(50, gt=1, description="tokens of a description, as upstream's example")
    max_batch_size: int = Field(64, gt=0, description="pictures described together")
    cache_size: int = Field(
        10_000, ge=0, description="descriptions a replica remembers, some 3 MB; 0: none are shared"
    )
    familiarity: Literal["auto", "off"] | Annotated[float, Field(gt=0, lt=1)] = Field(
        "auto",
        description="which pictures are called unlike the describer's training. auto: as its model "
        "tells, of which only the embedded one can; off: it isn't said; a number: those described "
        "with less confidence",
    )
    threads: int = Field(1, gt=0, description="CPU threads of one replica's tensor operations")
    enforce_eager: bool = Field(
        False, description="on a GPU: neither compile the passes nor record CUDA graphs"
    )


class AdapterSettings(_Section):
    """One LoRA adapter: `id` is what callers put into `model`."""

    id: str
    source: str = Field(
        description="absolute folder, hub id, s3:// or gs:// folder, or embedded:NAME"
    )
    revision: str | None = Field(None, description="commit of a hub adapter")
    any_base: bool = Field(
        False, description="take it although it names another base model; shapes are checked still"
    )


class LanguageSettings(_Section):
    """The captioner: Falcon with LoRA adapters, through vLLM."""

    model: str = Field("embedded:falcon-demo", description="folder, hub id or embedded:NAME")
    revision: str | None = Field(None, description="commit of a hub model")
    id: str = Field("falcon-demo", description="what callers put into `model` for the base model")
    adapters: tuple[AdapterSettings, ...] = (
        AdapterSettings(id="caption-demo", source="embedded:caption-demo"),
        AdapterSettings(id="caption-demo-plain", source="embedded:caption-demo-plain"),
    )
    mode: Literal["lora", "merged"] = Field(
        "lora",
        description="merged: the one adapter is added to the weights at load and costs nothing "
        "at a step; the base model's id is not served",
    )
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    quantization: Literal["fp8"] | None = Field(
        None, description="of the weights as they are loaded, on a GPU: half the memory of bfloat16"
    )
    max_lora_rank: int = Field(16, gt=0)
    max_loaded_adapters: int = Field(
        4, gt=0, description="in one engine step; beyond it the least recently used makes room"
    )
    adapters_dir: Path | None = Field(
        None, description="the folders in it may be added at run time; None: no folder may"
    )
    adapter_url_schemes: tuple[str, ...] = Field(
        ("s3", "gs"), description="what fsspec may read adapters from; its own package is needed"
    )
    adapter_cache_dir: Path = Field(
        Path("~/.cache/caption-studio/adapters"), description="checked copies of adapters"
    )
    max_adapter_bytes: int = Field(1024**3, gt=0, description="the files of one adapter together")
    adapter_fetch_timeout_s: float = Field(60.0, gt=0, description="the files of one adapter")
    max_model_len: int = Field(1024, gt=0, description="tokens of prompt and answer together")
    max_num_seqs: int = Field(128, gt=0, description="sequences in one engine step")
    max_num_batched_tokens: int = Field(
        192,
        gt=0,
        description="tokens in one engine step; few let prompts join evenly, which keeps a small "
        "machine's processors all at work",
    )
    kv_cache_bytes: int | None = Field(
        256 * 1024**2, gt=0, description="None: what gpu_memory_utilization leaves"
    )
    gpu_memory_utilization: float = Field(0.9, gt=0, le=1, description="ignored on CPU")
    cpu_threads: str = Field(
        "nobind", description="VLLM_CPU_OMP_THREADS_BIND: small machines share their cores"
    )
    enforce_eager: bool = Field(
        True, description="skips compilation: the demo starts a minute sooner; off on a GPU"
    )
    stream_interval_s: float = Field(
        0.03, ge=0, description="a stream's tokens gather about this long"
    )
    caption_max_tokens: int = Field(64, gt=0, description="default for captions")
    structured_max_tokens: int = Field(
        512, gt=0, description="default for JSON, which ends by itself: a caption's would cut it"
    )
    caption_temperature: float = Field(0.1, ge=0, description="as the adapter was used in 2023")
    caption_top_p: float = Field(0.7, gt=0, le=1, description="as the adapter was used in 2023")

    @model_validator(mode="after")
    def _one_adapter_is_merged(self) -> Self:
        if self.mode == "merged" and len(self.adapters) != 1:
            raise ValueError("mode: merged takes exactly one adapter")
        return self

    @model_validator(mode="after")
    def _quantized_from_two_bytes(self) -> Self:
        if self.quantization is not None and self.dtype == "float32":
            raise ValueError("quantization takes dtype bfloat16 or float16")
        return self

    @model_validator(mode="after")
    def _a_step_holds_every_sequence(self) -> Self:
        if self.max_num_batched_tokens < self.max_num_seqs:
            raise ValueError("max_num_batched_tokens must be at least max_num_seqs")
        return self

    @property
    def weights_id(self) -> str:
        """The model id that the engine's weights serve."""
        return self.adapters[0].id if self.mode == "merged" else self.id

    @property
    def lora_adapters(self) -> tuple[AdapterSettings, ...]:
        """The adapters that are applied at each step."""
        return () if self.mode == "merged" else self.adapters


class GatewaySettings(_Section):
    """The edge: HTTP in, HTTP out."""

    max_body_bytes: int = Field(64 * 1024**2, gt=0, description="a whole request body")
    max_body_bytes_in_flight: int = Field(
        256 * 1024**2,
        gt=0,
        description="of all requests inside one gateway replica, until their pictures are decoded",
    )
    upload_timeout_s: float = Field(30.0, gt=0, description="a whole request body")
    request_timeout_s: float = Field(120.0, gt=0, description="from request to last byte")
    describe_share: float = Field(
        0.5, gt=0, lt=1, description="of request_timeout_s, what pictures and descriptions may take"
    )
    max_in_flight: int = Field(
        MAX_IN_FLIGHT, gt=0, le=MAX_IN_FLIGHT, description="requests inside one gateway replica"
    )
    max_predicted_s: float = Field(
        10.0, gt=0, description="more are let in only while they can expect their answer by then"
    )
    max_images: int = Field(8, gt=0, description="pictures in one request")
    max_turns: int = Field(
        1000, gt=0, description="messages of one request, and content parts of all of them"
    )
    max_n: int = Field(16, gt=0, description="choices of one prompt")
    max_prompts: int = Field(
        64, gt=0, description="prompts of one completion, and their choices together"
    )
    max_text_bytes: int = Field(
        32 * 1024, gt=0, description="all text of one request, with some for each further turn"
    )
    api_keys: tuple[SecretStr, ...] = Field((), description="none: no key is needed")
    api_keys_file: Path | None = Field(
        None, description="further keys, one a line, each with a name and limits if need be"
    )
    requests_per_minute: int | None = Field(
        None,
        gt=0,
        description="of a key whose line has none of its own, over all gateways; None: no limit",
    )
    tokens_per_minute: int | None = Field(
        None, gt=0, description="the same of tokens, those of prompts and of answers"
    )
    allow_anonymous: bool = Field(
        False, description="serve without keys although other machines reach the address"
    )
    cors_origins: tuple[str, ...] = Field(
        (),
        description="web pages of these origins (https://example.com) may call; *: all, which "
        "takes API keys",
    )
    page: bool = Field(True, description="the studio at / and the API's reference at /docs")
    admin_keys: tuple[SecretStr, ...] = Field(
        (), description="may add and remove adapters; none: there are no such routes"
    )
    admin_keys_file: Path | None = Field(None, description="further admin keys, one a line")

    @field_validator("api_keys", "admin_keys", mode="before")
    @classmethod
    def _keys_are_a_list(cls, keys: object) -> object:
        if isinstance(keys, str):
            raise ValueError("a list of keys is wanted, in JSON where it comes from a variable")
        return keys

    @field_validator("api_keys", "admin_keys")
    @classmethod
    def _keys_are_no_open_door(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for key in keys:
            check_key(key.get_secret_value())
        return keys

    @field_validator("api_keys_file", "admin_keys_file")
    @classmethod
    def _a_key_file_has_a_name(cls, path: Path | None) -> Path | None:
        if path == Path():
            raise ValueError("an empty name is no file: leave it out where there is none")
        return path

    @field_validator("cors_origins")
    @classmethod
    def _origins_are_as_browsers_send_them(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise ValueError("an origin is scheme://host[:port] in lower case, without a path")
        return origins

    @model_validator(mode="after")
    def _all_pages_need_a_key(self) -> Self:
        if "*" in self.cors_origins and not self.has_keys:
            raise ValueError("cors_origins: * without API keys lets any page use the service")
        return self

    @model_validator(mode="after")
    def _a_whole_body_finds_room(self) -> Self:
        if self.max_body_bytes_in_flight < self.max_body_bytes:
            raise ValueError("max_body_bytes_in_flight must be at least max_body_bytes")
        return self

    @property
    def describe_timeout_s(self) -> float:
        """The part of a request's time in which its pictures must be described."""
        return self.request_timeout_s * self.describe_share

    @property
    def has_keys(self) -> bool:
        """Whether clients need a key."""
        return bool(self.api_keys) or self.api_keys_file is not None

    @property
    def has_admin(self) -> bool:
        """Whether anyone may add adapters at run time."""
        return bool(self.admin_keys) or self.admin_keys_file is not None


class StageScaling(_Section):
    """When one deployment gets more replicas, and when fewer."""

    target_ongoing: float = Field(gt=0, description="requests running and queued, a replica")
    lone_share: float = Field(
        1.0, gt=0, le=1, description="of the time at target_ongoing, what one alone takes"
    )
    upscale_delay_s: float = Field(
        5.0, ge=0, description="a burst that is over sooner is not worth a start of a minute"
    )
    downscale_delay_s: float = Field(
        300.0, ge=0, description="several cold starts: what is let go too early costs one"
    )
    to_zero_delay_s: float = Field(
        900.0, ge=0, description="for the last replica: the next request waits a whole cold start"
    )
    dead_band: float = Field(
        0.15, ge=0, description="room that must stay before one goes: noise of a steady load"
    )


class ScalingSettings(_Section):
    """Replicas by load, on a cluster: `policy_kwargs` of deployments.scaling.JointPolicy."""

    gateway: StageScaling = StageScaling(target_ongoing=64)
    """64 requests of half a second each: 130 pictures/s, two thirds of two CPUs' decodes of 10 ms.

    An eighth of `max_in_flight`, which leaves room for requests that arrive while stages start.
    """
    describer: StageScaling = StageScaling(target_ongoing=96, lone_share=0.2)
    """A batch of 64 in the model and half of the next gathering: the device never idles.

    A lone picture is assumed to take three tenths of a batch's time and to skip the wait for half a
    batch. This is not measured on a GPU.
    """
    captioner: StageScaling = StageScaling(target_ongoing=192, lone_share=0.3)
    """Three quarters of the 256 sequences that one engine step holds on a GPU.

    A step of one sequence takes 4.1 ms. 640 captions/s of 25 tokens are steps of 16 ms with 256
    sequences, some 13 with 192 (H100, by arithmetic).
    """
    captioners_per_describer: float = Field(
        3.7, gt=0, description="replicas at equal flow: 2,350 pictures/s to 640 captions/s (H100)"
    )


class LoggingSettings(_Section):
    """Logs about requests, never their content."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    format: Literal["json", "text"] = "json"


class TracingSettings(_Section):
    """Where spans go; further options of OpenTelemetry come from its own OTEL_… variables."""

    otlp_endpoint: str | None = Field(
        None, description="of an OTLP/HTTP collector, …:4318/v1/traces; None: no spans are made"
    )

    @property
    def is_on(self) -> bool:
        """Whether spans are made."""
        return self.otlp_endpoint is not None


class Settings(BaseSettings):
    """All of the above; frozen."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        env_prefix="CAPTION_STUDIO_",
        env_nested_delimiter="__",
    )

    images: ImageSettings = ImageSettings()
    vision: VisionSettings = VisionSettings()
    language: LanguageSettings = LanguageSettings()
    gateway: GatewaySettings = GatewaySettings()
    scaling: ScalingSettings = ScalingSettings()
    logging: LoggingSettings = LoggingSettings()
    tracing: TracingSettings = TracingSettings()

    @classmethod
    def load(cls, values: Mapping[str, Any] | None = None) -> Self:
        """Build the settings from a config file's `values`, overlaid by the environment.

        Raises `pydantic.ValidationError` for an unknown name or a bad value.
        """
        return cls(**(values or {}))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the environment above the config file, so that an operator can override it."""
        return env_settings, init_settings

    @model_validator(mode="after")
    def _merged_weights_take_no_adapters(self) -> Self:
        if self.language.mode == "merged" and self.gateway.has_admin:
            raise ValueError("mode: merged takes no adapters at run time: set no admin keys")
        return self

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        ids = self.model_ids
        if len(set(ids)) != len(ids):
            raise ValueError(f"model and adapter ids must differ from one another: {ids}")
        return self

    @property
    def batch_size(self) -> int:
        """How many requests one replica of each stage works on at a time."""
        return min(self.vision.max_batch_size, self.language.max_num_seqs)

    @property
    def model_ids(self) -> tuple[str, ...]:
        """The configured ids, that of the weights first; others may be added at run time."""
        adapters = self.language.lora_adapters
        return (self.language.weights_id, *(adapter.id for adapter in adapters))

    @property
    def default_caption_model(self) -> str:
        """The model of a request that has a picture and names none."""
        adapters = self.language.lora_adapters
        return adapters[0].id if adapters else self.language.weights_id
