"""Keeps vLLM from decoding the candidate tokens of log probabilities, which we do not use.

We look up their bytes in the vocabulary instead (engine_outputs). With 20 candidates for each
token, decoding took most of the event loop's time.
Private in vLLM 0.32: `RequestState.logprobs_processor` and its `tokenizer`. This module can go when
vLLM decodes candidates only on demand.
"""

from typing import Any


def skip_token_names(state: Any) -> None:
    """Have the sequence of this `RequestState` leave candidates without their text."""
    state.logprobs_processor.tokenizer = None
