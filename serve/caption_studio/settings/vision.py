"""The describer's model and its batches."""

from typing import Annotated, Literal

from pydantic import Field

from caption_studio.settings.section import Section


class VisionSettings(Section):
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
