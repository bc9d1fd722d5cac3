"""One frozen record per arrow of the data flow; nothing here computes.

CaptionRequest ─▶ ImageBytes ─▶ Pixels ─▶ Description ─▶ Prompt ─▶ CaptionDelta…
"""

from caption_studio.records.aliases import Alias, Target
from caption_studio.records.answer import Answer, StageTimes
from caption_studio.records.batch_share import NO_BATCHES, BatchShare
from caption_studio.records.caption import CaptionDelta, DeltaGroup, FinishReason, TokenLogprob
from caption_studio.records.description import CacheResult, Described, Description
from caption_studio.records.load import CaptionerLoad, Counts, DescriberLoad
from caption_studio.records.pictures import (
    FileReference,
    ImageBytes,
    ImageReference,
    Loaded,
    Picture,
    Pixels,
)
from caption_studio.records.prompt import Adapter, AnswerForm, Prompt
from caption_studio.records.request import CaptionRequest, PromptText, RequestClass, Turn
from caption_studio.records.sampling import Sampling, Structure
from caption_studio.records.usage import KeyUsage, UsageTotals
from caption_studio.records.voices import (
    MODEL_ID,
    NO_CONTROLS,
    ControlName,
    Controls,
    CutForm,
    Kept,
    Marks,
    OnFlag,
    Voice,
)

__all__ = [
    "MODEL_ID",
    "NO_BATCHES",
    "NO_CONTROLS",
    "Adapter",
    "Alias",
    "Answer",
    "AnswerForm",
    "BatchShare",
    "CacheResult",
    "CaptionDelta",
    "CaptionRequest",
    "CaptionerLoad",
    "ControlName",
    "Controls",
    "Counts",
    "CutForm",
    "DeltaGroup",
    "Described",
    "DescriberLoad",
    "Description",
    "FileReference",
    "FinishReason",
    "ImageBytes",
    "ImageReference",
    "Kept",
    "KeyUsage",
    "Loaded",
    "Marks",
    "OnFlag",
    "Picture",
    "Pixels",
    "Prompt",
    "PromptText",
    "RequestClass",
    "Sampling",
    "StageTimes",
    "Structure",
    "Target",
    "TokenLogprob",
    "Turn",
    "UsageTotals",
    "Voice",
]
