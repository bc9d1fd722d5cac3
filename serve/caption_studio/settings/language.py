"""The captioner's model, its adapters, its engine, and how captions are drawn."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from caption_studio.settings.section import Section


class AdapterSettings(Section):
    """One LoRA adapter."""

    id: str = Field(description="What callers put into `model`.")
    source: str = Field(
        description="An absolute folder, a hub id, an `s3://` or `gs://` folder, or "
        "`embedded:NAME`."
    )
    revision: str | None = Field(None, description="The commit of an adapter on the hub.")
    any_base: bool = Field(
        False,
        description="Take it although it names another base model; its shapes are still checked.",
    )
    description: str = Field(
        "", max_length=200, description="One line for people who choose a model."
    )


class LanguageSettings(Section):
    """The captioner: Falcon with LoRA adapters, through vLLM."""

    model: str = Field(
        "embedded:falcon-demo",
        description="The base model: a folder, a hub id or `embedded:NAME`.",
    )
    revision: str | None = Field(None, description="The commit of a model on the hub.")
    id: str = Field("falcon-demo", description="What callers put into `model` for the base model.")
    adapters: tuple[AdapterSettings, ...] = Field(
        (
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
        ),
        description="The LoRA adapters that are loaded at the start.",
    )
    mode: Literal["lora", "merged"] = Field(
        "lora",
        description="`merged` adds the one adapter to the weights at load, so that it costs "
        "nothing at a step; the base model's id is then not served.",
    )
    dtype: Literal["float32", "bfloat16", "float16"] = Field(
        "float32", description="The type of the model's weights and activations."
    )
    quantization: Literal["fp8"] | None = Field(
        None,
        description="Quantizes the weights while they are loaded, on a GPU: half the memory of "
        "bfloat16. It takes `dtype` bfloat16 or float16.",
    )
    max_lora_rank: int = Field(16, gt=0, description="The highest rank that an adapter may have.")
    max_loaded_adapters: int = Field(
        4,
        gt=0,
        description="Adapters in the model at a time; beyond it the least recently used is "
        "evicted.",
    )
    adapters_dir: Path | None = Field(
        None,
        description="A folder whose folders may be added as adapters at run time. With null none "
        "may.",
    )
    adapter_url_schemes: tuple[str, ...] = Field(
        ("s3", "gs"),
        description="URL schemes that fsspec may read adapters from; each needs its own package.",
    )
    adapter_cache_dir: Path = Field(
        Path("~/.cache/caption-studio/adapters"),
        description="Where checked copies of adapters are kept.",
    )
    max_adapter_bytes: int = Field(1024**3, gt=0, description="The files of one adapter together.")
    adapter_fetch_timeout_s: float = Field(
        60.0, gt=0, description="How long the files of one adapter may take to fetch."
    )
    max_model_len: int = Field(
        1024, gt=0, description="Tokens of one prompt and its answer together."
    )
    max_num_seqs: int = Field(
        128,
        gt=0,
        description="Sequences in one engine step; batches have places beside them "
        "(`batches.max_in_flight`).",
    )
    max_num_batched_tokens: int = Field(
        192,
        gt=0,
        description="Tokens in one engine step, at least `max_num_seqs`. A small number lets "
        "prompts join evenly, which keeps all processors of a small machine at work.",
    )
    kv_cache_bytes: int | None = Field(
        256 * 1024**2,
        gt=0,
        description="The size of the KV cache. With null it is what `gpu_memory_utilization` "
        "leaves.",
    )
    gpu_memory_utilization: float = Field(
        0.9,
        gt=0,
        le=1,
        description="The share of the card's memory that vLLM takes; ignored on a CPU.",
    )
    cpu_threads: str = Field(
        "nobind",
        description="vLLM's `VLLM_CPU_OMP_THREADS_BIND`: the cores its threads are bound to. "
        "`nobind` lets them share all cores with the other stages.",
    )
    enforce_eager: bool = Field(
        True,
        description="Skip compilation: the demo starts a minute sooner. Turn it off on a GPU.",
    )
    stream_interval_s: float = Field(
        0.03,
        ge=0,
        description="About how long the tokens of a stream gather before they are sent.",
    )
    caption_max_tokens: int = Field(
        64, gt=0, description="Tokens of a caption, if the request does not say."
    )
    structured_max_tokens: int = Field(
        512,
        gt=0,
        description="Tokens of a JSON answer, if the request does not say. JSON ends by itself, "
        "and a caption's limit would cut it.",
    )
    caption_temperature: float = Field(
        0.1,
        ge=0,
        description="A caption's temperature, if the request does not say; as the adapter was "
        "used in 2023.",
    )
    caption_top_p: float = Field(
        0.7,
        gt=0,
        le=1,
        description="A caption's top-p, if the request does not say; as the adapter was used in "
        "2023.",
    )

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
