"""The captioner's model, its adapters, its engine, and how captions are drawn."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from caption_studio.settings.section import Section


class AdapterSettings(Section):
    """One LoRA adapter: `id` is what callers put into `model`."""

    id: str
    source: str = Field(
        description="absolute folder, hub id, s3:// or gs:// folder, or embedded:NAME"
    )
    revision: str | None = Field(None, description="commit of a hub adapter")
    any_base: bool = Field(
        False, description="take it although it names another base model; shapes are checked still"
    )
    description: str = Field("", max_length=200, description="one line, for people who choose")


class LanguageSettings(Section):
    """The captioner: Falcon with LoRA adapters, through vLLM."""

    model: str = Field("embedded:falcon-demo", description="folder, hub id or embedded:NAME")
    revision: str | None = Field(None, description="commit of a hub model")
    id: str = Field("falcon-demo", description="what callers put into `model` for the base model")
    adapters: tuple[AdapterSettings, ...] = (
        AdapterSettings(
            id="caption-demo",
            source="embedded:caption-demo",
            description="Lively, with emoji and hashtags",
        ),
        AdapterSettings(
            id="caption-demo-plain",
            source="embedded:caption-demo-plain",
            description="Sober: one sentence, no emoji and no hashtags",
        ),
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
