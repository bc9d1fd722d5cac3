"""The name of a base model → its configuration, its tokenizer, its weights.

The checkpoint's own code is never run; configurations of 2023 are translated as the service does.
"""

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import FalconConfig, FalconForCausalLM, PreTrainedTokenizerFast
from transformers.utils import cached_file

from caption_studio.language.falcon_config import is_falcon, modern_fields
from caption_studio.settings import EMBEDDED_PREFIX, model_location
from caption_studio.training.failures import Refused

_SIZES = (
    *("hidden_size", "num_hidden_layers", "num_attention_heads", "n_embed", "n_layer", "n_head"),
    *("vocab_size", "max_position_embeddings"),
)
_DAMAGED = (SafetensorError, UnpicklingError, struct.error, EOFError, RuntimeError)
_DAMAGED_FILE = ("PytorchStreamReader failed", "Cannot use ``weights_only=True``")
"""What torch's RuntimeError tells of a file; it has others, as when memory runs out."""


@dataclass(frozen=True, slots=True)
class Base:
    """A Falcon that was found: `id` is what the service knows it by.

    `folder` holds its configuration and tokenizer, `commit` its revision if it is of the hub.
    """

    id: str
    source: str
    folder: Path
    commit: str | None
    config: FalconConfig


def find(source: str, revision: str | None = None) -> Base:
    """Return the base model that lies in a folder, on the hub, or in this package (embedded:NAME).

    Raises `Refused` if there is none, or if it is no Falcon that the service can serve.
    """
    location = model_location(source)
    is_folder = Path(location).is_dir()
    if source.startswith(EMBEDDED_PREFIX) and not is_folder:
        raise Refused(f"There is no base model {source}. No embedded model has this name.")
    if is_folder and revision is not None:
        raise Refused(f"{source} is a folder, and a folder has no --revision.")
    file = _config_file(location, revision)
    try:
        fields = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise Refused(
            f"The base model {source} cannot be loaded: its config.json cannot be read."
        ) from error
    if not isinstance(fields, dict) or not is_falcon(fields):
        kind = fields.get("model_type") if isinstance(fields, dict) else None
        raise Refused(f"{source} is no Falcon: the model_type in its config.json is {kind}.")
    config = _config_of(source, fields)
    folder = file.parent
    name = Path(location).resolve().name if is_folder else source
    return Base(name, location, folder, None if is_folder else folder.name, config)


def tokenizer_of(base: Base) -> PreTrainedTokenizerFast:
    """Return the base model's tokenizer. Raises `Refused`."""
    try:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(base.source, revision=base.commit)
    except Exception as error:  # a damaged file raises anything, and the library's own are bare
        raise Refused(f"The tokenizer of {base.source} cannot be loaded.") from error
    if tokenizer.eos_token_id is None:
        raise Refused(f"The tokenizer of {base.source} has no end-of-text token.")
    return tokenizer


def weights_of(
    base: Base, kind: type[FalconForCausalLM] = FalconForCausalLM, **options: Any
) -> FalconForCausalLM:
    """Return the model; `options` are those of transformers' `from_pretrained`.

    Raises `Refused` if there are no weights, or not all of them.
    """
    try:
        model, loading = kind.from_pretrained(
            base.source,
            config=base.config,
            revision=base.commit,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # named below
            **options,
        )
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise Refused(f"The weights of {base.source} cannot be loaded: {reason}") from error
    except _DAMAGED as error:
        if isinstance(error, RuntimeError) and not any(t in str(error) for t in _DAMAGED_FILE):
            raise
        raise Refused(
            f"The weights of {base.source} cannot be loaded: a file is damaged, or was not "
            "downloaded whole."
        ) from error
    if mismatched := loading["mismatched_keys"]:
        name = min(key for key, *_ in mismatched)
        raise Refused(f"The weights of {base.source} do not fit its config.json: {name}.")
    if missing := loading["missing_keys"]:  # transformers would go on with random numbers
        raise Refused(f"The base model {base.source} has no weights called {min(missing)}.")
    return model


def _config_of(source: str, fields: dict[str, Any]) -> FalconConfig:
    """Return the configuration. Raises `Refused`."""
    for name in _SIZES:
        size = fields.get(name, 1)
        if type(size) is not int or size < 1:
            raise Refused(f"{source}: {name} in its config.json is {size!r}, no number above 0.")
    try:
        return FalconConfig.from_dict(modern_fields(fields))
    except (TypeError, ValueError) as error:
        raise Refused(f"{source}: {str(error).splitlines()[0]}") from error
    except StrictDataclassError as error:
        reason = str(error).splitlines()[-1].strip()
        raise Refused(f"{source}: its config.json is wrong: {reason}") from error


def _config_file(location: str, revision: str | None) -> Path:
    """Return the path of config.json, fetched from the hub if need be. Raises `Refused`."""
    if Path(location).is_dir():
        return Path(location) / "config.json"
    if location.startswith(("/", ".", "~")):
        raise Refused(f"There is no base model in {location}.")
    try:
        file = cached_file(location, "config.json", revision=revision)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise Refused(f"The base model {location} cannot be had: {reason}.") from error
    return Path(str(file))
