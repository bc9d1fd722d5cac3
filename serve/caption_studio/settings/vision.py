"""The describer's model and its batches."""

from typing import Annotated, Literal

from pydantic import Field

from caption_studio.settings.section import Section


class VisionSettings(Section):
    """The describer: GIT."""

    model: str = Field(
        "embedded:git-demo", description="The model: a folder, a hub id or `embedded:NAME`."
    )
    revision: str | None = Field(None, description="The commit of a model on the hub.")
    image_size_px: int = Field(
        64, gt=0, description="The side of the square pictures that the model was trained on."
    )
    device: Literal["cpu", "cuda"] = Field("cpu", description="Where the model runs.")
    dtype: Literal["float32", "bfloat16", "float16"] = Field(
        "float32", description="The type of the model's weights and activations."
    )
    max_length: int = Field(
        50, gt=1, description="Tokens of a description; the default is that of the model's example."
    )
    max_batch_size: int = Field(
        64,
        gt=0,
        description="Pictures that one replica describes together; batches have places beside "
        "them (`batches.max_in_flight`).",
    )
    cache_size: int = Field(
        10_000,
        ge=0,
        description="Descriptions that a replica remembers; 10,000 take some 3 MB. With 0 it "
        "remembers none.",
    )
    familiarity: Literal["auto", "off"] | Annotated[float, Field(gt=0, lt=1)] = Field(
        "auto",
        description="Which pictures are called unfamiliar, that is unlike the describer's "
        "training. `auto`: as its model tells, which only the embedded one can. "
        "`off`: nothing is said. A number: those described with less confidence.",
    )
    threads: int = Field(1, gt=0, description="CPU threads of one replica's tensor operations.")
    enforce_eager: bool = Field(
        False,
        description="On a GPU, neither compile the passes nor record CUDA graphs.",
    )
