"""What docs/upstream.md lists of vLLM is still there, in the form that we need."""

import re
from collections.abc import Callable
from functools import partial

import pytest

from caption_studio.language.falcon_config import _ALIBI_BACKENDS
from tests.upstream.forms import begins_with, found, has_attributes, says, takes
from tests.upstream.listed import file, names

ENGINE = "vllm.v1.engine"
PROCESSOR = f"{ENGINE}.output_processor"
DETOKENIZER = f"{ENGINE}.detokenizer.BaseIncrementalDetokenizer"
PROCESSORS = "vllm.v1.sample.logits_processor"
PUNICA = "vllm.lora.punica_wrapper.punica_cpu.PunicaWrapperCPU"
FALCON = "vllm.model_executor.models.falcon"
CPU_ATTENTION = "vllm.v1.attention.backends.cpu_attn"
RUNNER = "vllm.v1.worker.gpu_model_runner.GPUModelRunner"
MANAGER = "vllm.lora.model_manager.LoRAModelManager"
QKV = "vllm.lora.layers.QKVParallelLinearWithLoRA"
CONFIG = "vllm.transformers_utils.config"


def runs_requests() -> None:
    engine = f"{ENGINE}.async_llm.AsyncLLM"
    begins_with(f"{engine}.generate", "self", "prompt", "sampling_params", "request_id")
    takes(f"{engine}.generate", "lora_request")
    takes(f"{engine}.generate", "priority")
    begins_with(f"{engine}.from_engine_args", "engine_args")
    begins_with(f"{engine}.add_lora", "self", "lora_request")
    has_attributes(engine, "get_tokenizer", "check_health", "shutdown")


def takes_a_failure() -> None:
    takes(f"{PROCESSOR}.RequestOutputCollector.put", "output")
    says(f"{PROCESSOR}.RequestOutputCollector.put", "Exception")


def returns_a_stop_word() -> None:
    begins_with(f"{DETOKENIZER}.update", "self", "new_token_ids", "stop_terminated")
    says(f"{PROCESSOR}.OutputProcessor.process_outputs", "req_state.detokenizer.update(")


def calls_methods_by_name() -> None:
    begins_with(f"{ENGINE}.core_client.AsyncMPClient.call_utility_async", "self", "method")
    says(f"{ENGINE}.core.EngineCoreProc", "getattr(self, method_name)")


def sends_what_a_step_returns() -> None:
    says(f"{ENGINE}.core.EngineCore", "self.step if self.batch_queue is None")
    says(
        f"{ENGINE}.core.EngineCoreProc._process_engine_step",
        "outputs, model_executed = self.step_fn()",
        "self.output_queue.put_nowait(output)",
    )


def is_greedy_below_ours() -> None:
    """Our module is read and not imported: it fails where another row's name has moved."""
    text = file("language/engine_options.py").read_text()
    (ours,) = re.findall(r"^GREEDY_BELOW = (.+)$", text, re.MULTILINE)
    assert found("vllm.sampling_params._SAMPLING_EPS") == float(ours)


def processes_logits() -> None:
    """The same methods as ours has, and a constructor that is called alike."""
    path = f"{PROCESSORS}.LogitsProcessor"
    begins_with(f"{path}.__init__", "self", "vllm_config", "device", "is_pin_memory")
    has_attributes(path, "is_argmax_invariant", "update_state", "apply")


def follows_updates() -> None:
    begins_with(
        f"{PROCESSORS}.builtin.process_dict_updates", "req_entries", "batch_update", "new_state"
    )


def names_the_wrapper() -> None:
    assert found("vllm.platforms.cpu.CpuPlatform").get_punica_wrapper() == PUNICA


def adds_adapters() -> None:
    ours = "caption_studio.language.vllm_plugins.cpu_lora.GroupedPunicaWrapper"
    takes(f"{PUNICA}.add_lora_linear", "y", "x", "lora_a_stacked", "lora_b_stacked", "scale")
    is_known = found("caption_studio.language.vllm_plugins.cpu_platform._is_known_interface")
    assert is_known(), f"{ours} takes other parameters"


def reads_configs() -> None:
    begins_with(
        f"{CONFIG}.HFConfigParser.parse",
        "self",
        "model",
        "trust_remote_code",
        "revision",
        "code_revision",
    )


def loads_falcon() -> None:
    path = f"{FALCON}.FalconForCausalLM"
    has_attributes(path, "tie_word_embeddings", "transformer")
    begins_with(f"{path}.load_weights", "self", "weights")


def adds_alibi() -> None:
    backends = found("vllm.v1.attention.backends.registry.AttentionBackendEnum")
    assert set(_ALIBI_BACKENDS) <= set(backends.__members__)
    cpu = found("vllm.v1.attention.backends.cpu_attn.CPUAttentionBackend")
    assert cpu.get_name() == "CPU_ATTN"


def runs_layers() -> None:
    """Falcon's layer computes, in this order, what ours does."""
    says(
        f"{FALCON}.FalconDecoderLayer.forward",
        "= self.input_layernorm(hidden_states)",
        "= self.self_attention(",
        "mlp_layernorm_out = attention_layernorm_out",
        "= self.mlp(mlp_layernorm_out)",
        "mlp_output += attention_output",
        "output = mlp_output + residual",
    )
    says(f"{FALCON}.FalconMLP", "self.dense_h_to_4h(x)", 'get_act_fn("gelu")')


def attends() -> None:
    says(
        f"{FALCON}.FalconAttention.forward",
        "= self.query_key_value(hidden_states)",
        "self.q_size, self.kv_size, self.kv_size",
        "self.rotary_emb(positions, q, k)",
        "self.attn(q, k, v)",
        "self.dense(attn_output)",
    )


def attends_on_a_cpu() -> None:
    path = f"{CPU_ATTENTION}.CPUAttentionBackendImpl"
    begins_with(
        f"{path}.do_kv_cache_update", "self", "layer", "key", "value", "kv_cache", "slot_mapping"
    )
    begins_with(
        *(f"{path}.forward", "self", "layer", "query", "key", "value"),
        *("kv_cache", "attn_metadata", "output"),
    )
    says(f"{RUNNER}._prepare_inputs", "logits_indices = query_start_loc[1:] - 1")


def reorders_the_projection() -> None:
    says(f"{FALCON}.FalconModel.load_weights", '"query_key_value"', "total_num_kv_heads")


def manages_adapters() -> None:
    has_attributes(MANAGER, "modules", "lora_slots", "lora_config")
    begins_with(f"{MANAGER}.register_module", "self", "module_name", "module")


def adapts_the_projection() -> None:
    begins_with(f"{QKV}.__init__", "self", "base_layer")
    begins_with(f"{QKV}.set_lora", "self", "index", "lora_a", "lora_b")
    begins_with(f"{QKV}.create_lora_weights", "self", "max_loras", "lora_config", "model_config")
    begins_with(f"{QKV}.set_mapping", "self", "punica_wrapper")
    has_attributes(QKV, "base_layer", "punica_wrapper")
    has_attributes(
        "vllm.model_executor.layers.linear.QKVParallelLinear",
        "total_num_heads",
        "total_num_kv_heads",
        "head_size",
    )


PLAIN = (
    f"{ENGINE}.exceptions.EngineDeadError",
    f"{ENGINE}.exceptions.EngineGenerateError",
    f"{ENGINE}.core.EngineCore",
    f"{PROCESSOR}.RequestOutputCollector",
    "vllm.platforms.cpu_platform_plugin",
    "vllm.platforms.cpu.CpuPlatform",
    PUNICA,
    f"{FALCON}.FalconForCausalLM",
    "vllm.model_executor.models.interfaces.SupportsLoRA",
    MANAGER,
    QKV,
    "vllm.forward_context.get_forward_context",
    "vllm.lora.layers.BaseLayerWithLoRA",
    f"{CPU_ATTENTION}.CPUAttentionBackendImpl",
)
"""What has to be there, and no more."""

ATTRIBUTES = {
    "AsyncLLM": f"{ENGINE}.async_llm",
    "OutputProcessor": PROCESSOR,
    "RequestState": PROCESSOR,
    "RequestOutputCollector": PROCESSOR,
    "EngineCoreOutput": ENGINE,
    "EngineCoreOutputs": ENGINE,
    "EngineCoreRequest": ENGINE,
    "BaseIncrementalDetokenizer": f"{ENGINE}.detokenizer",
    "LogprobsProcessor": f"{ENGINE}.logprobs",
    "EngineCore": f"{ENGINE}.core",
    "Scheduler": "vllm.v1.core.sched.scheduler",
    "PunicaWrapperCPU": "vllm.lora.punica_wrapper.punica_cpu",
    "CpuPlatform": "vllm.platforms.cpu",
    "GPUModelRunner": "vllm.v1.worker.gpu_model_runner",
    "ModelConfig": "vllm.config",
    "EngineArgs": "vllm.engine.arg_utils",
    "FalconModel": FALCON,
    "FalconDecoderLayer": FALCON,
    "Attention": "vllm.model_executor.layers.attention.attention",
}
"""Where the classes are of which a row names attributes."""

FORMS: dict[str, Callable[[], None]] = {
    f"{ENGINE}.async_llm.AsyncLLM": runs_requests,
    "OutputProcessor.process_outputs": partial(
        begins_with, f"{PROCESSOR}.OutputProcessor.process_outputs", "self", "engine_core_outputs"
    ),
    "OutputProcessor.add_request": partial(
        begins_with, f"{PROCESSOR}.OutputProcessor.add_request", "self", "request"
    ),
    "RequestOutputCollector.put": takes_a_failure,
    "BaseIncrementalDetokenizer.update": returns_a_stop_word,
    "LogprobsProcessor.tokenizer": partial(
        says, f"{ENGINE}.logprobs.LogprobsProcessor", "if self.tokenizer is None"
    ),
    "AsyncMPClient.call_utility_async": calls_methods_by_name,
    "EngineCore.step/step_with_batch_queue": sends_what_a_step_returns,
    "vllm.sampling_params._SAMPLING_EPS": is_greedy_below_ours,
    f"{PROCESSORS}.LogitsProcessor": processes_logits,
    f"{PROCESSORS}.BatchUpdate": partial(has_attributes, f"{PROCESSORS}.BatchUpdate", "added"),
    f"{PROCESSORS}.builtin.process_dict_updates": follows_updates,
    "CpuPlatform.get_punica_wrapper": names_the_wrapper,
    "CpuPlatform.check_and_update_config": partial(
        says, "vllm.platforms.cpu.CpuPlatform.check_and_update_config", "cpu_worker.CPUWorker"
    ),
    "vllm.v1.worker.cpu_worker.CPUWorker": partial(
        says, "vllm.v1.worker.cpu_worker.CPUWorker.init_device", "= CPUModelRunner("
    ),
    "vllm.model_executor.layers.utils": partial(
        says,
        "vllm.model_executor.layers.linear.UnquantizedLinearMethod.process_weights_after_loading",
        "dispatch_cpu_unquantized_gemm(layer, remove_weight=True)",
    ),
    "CPUAttentionBackendImpl.do_kv_cache_update/forward": attends_on_a_cpu,
    "FalconDecoderLayer.forward": runs_layers,
    "FalconAttention.forward": attends,
    "UnquantizedLinearMethod.apply": partial(
        says, "vllm.model_executor.layers.utils.cpu_unquantized_gemm", "layer.cpu_linear(x, weight"
    ),
    "GPUModelRunner.num_prompt_logprobs": partial(
        says,
        f"{RUNNER}.__init__",
        "self.num_prompt_logprobs: dict[str, int] = {}",
    ),
    "GPUModelRunner._bookkeeping_sync": partial(
        says,
        f"{RUNNER}._bookkeeping_sync",
        "gen.set_offset(gen.get_offset() - 4)",
    ),
    "PunicaWrapperCPU.add_lora_linear": adds_adapters,
    f"{CONFIG}.register_config_parser": partial(
        begins_with, f"{CONFIG}.register_config_parser", "config_format"
    ),
    f"{CONFIG}.HFConfigParser": reads_configs,
    "FalconForCausalLM.tie_word_embeddings/transformer/load_weights": loads_falcon,
    "FalconDecoderLayer.self_attention": partial(
        has_attributes, f"{FALCON}.FalconAttention", "attn"
    ),
    "AttentionBackendEnum.CPU_ATTN/FLASH_ATTN/TRITON_ATTN": adds_alibi,
    "FalconModel.load_weights": reorders_the_projection,
    "LoRAModelManager.modules/lora_slots/lora_config/register_module": manages_adapters,
    "LoRAModelManager.model.lora_manager": partial(says, MANAGER, "self.model.lora_manager = self"),
    "QKVParallelLinearWithLoRA.set_lora/create_lora_weights/set_mapping/base_layer/punica_wrapper":
        adapts_the_projection,
    "vllm.lora.utils.replace_submodule": partial(
        begins_with, "vllm.lora.utils.replace_submodule", "model", "module_name", "new_module"
    ),
}  # fmt: skip
"""What has to have a form besides."""


@pytest.mark.parametrize("name", names("vLLM"))
def test_vllm_still_has(name: str) -> None:
    class_, _, attributes = name.partition(".")
    if class_ in ATTRIBUTES:
        has_attributes(f"{ATTRIBUTES[class_]}.{class_}", *attributes.split("/"))
    elif name in PLAIN:
        found(name)
    if name in FORMS:
        FORMS[name]()
    else:
        assert class_ in ATTRIBUTES or name in PLAIN, "there is no check of this row"


def test_every_check_has_a_row() -> None:
    listed = set(names("vLLM"))
    assert {*PLAIN, *FORMS} <= listed
    assert set(ATTRIBUTES) <= {name.partition(".")[0] for name in listed}
