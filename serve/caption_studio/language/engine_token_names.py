"""Keeps vLLM from decoding the candidate tokens of log probabilities, which we do not use.

We look up their bytes in the vocabulary instead (engine_outputs). With 20 candidates for each
token, decoding took most of the event loop's time.
Private in vLLM 0.32: `OutputProcessor.add_request` and `request_states`,
`RequestState.logprobs_processor` and its `tokenizer`. This module can go when vLLM decodes
candidates only on demand.
"""

from typing import Any


def skip_token_names(processor: Any) -> None:
    """Have an `AsyncLLM`'s `output_processor` leave candidates without their text."""
    add, states = processor.add_request, processor.request_states

    def add_without_names(request: Any, *args: Any, **kwargs: Any) -> None:
        add(request, *args, **kwargs)
        states[request.request_id].logprobs_processor.tokenizer = None

    processor.add_request = add_without_names
