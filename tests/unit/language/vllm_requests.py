"""A request as vLLM's output processor takes it."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # vLLM's imports warn
    from vllm import SamplingParams
    from vllm.v1.engine import EngineCoreRequest


def engine_request(id_: str, outside: str, params: SamplingParams) -> EngineCoreRequest:
    """Return a request of two prompt tokens; `outside` is the id that its caller gave it."""
    return EngineCoreRequest(
        request_id=id_,
        external_req_id=outside,
        prompt_token_ids=[1, 2],
        mm_features=None,
        sampling_params=params,
        pooling_params=None,
        arrival_time=0.0,
        lora_request=None,
        cache_salt=None,
        data_parallel_rank=None,
    )
