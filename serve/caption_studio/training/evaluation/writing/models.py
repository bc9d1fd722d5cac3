"""Sources of a base model and adapters → writers of captions, checked to fit one another.

Everything is loaded once: the adapters share one base model in memory, which is also a writer
without any of them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from caption_studio.errors import CaptionStudioError
from caption_studio.language.adapters.check import BaseModel, check
from caption_studio.language.adapters.config import read_config as read_adapter_config
from caption_studio.language.adapters.fetch import CONFIG_FILE
from caption_studio.language.adapters.store import AdapterStore, StoredAdapter
from caption_studio.records import Adapter
from caption_studio.settings import (
    EMBEDDED_MODELS_DIR,
    EMBEDDED_PREFIX,
    LanguageSettings,
)
from caption_studio.training.base import Base, find, tokenizer_of, weights_of
from caption_studio.training.evaluation.measures.perplexity import Loss
from caption_studio.training.evaluation.problem import EvaluationProblem
from caption_studio.training.evaluation.writing.captions import write
from caption_studio.training.evaluation.writing.losses import caption_losses
from caption_studio.training.evaluation.writing.writer import Drawing, Writers, nothing
from caption_studio.training.failures import Refused

MAX_RANK = 512
_FLOAT32_PARAMETERS = 1e9
"""Above it a base model on a CPU is computed in bfloat16, half the memory."""


class ModelWriter:
    """Writes as the base model, or as one adapter upon it. `digest` is that of its files."""

    def __init__(self, model: Any, tokenizer: Any, adapter: str | None, digest: str) -> None:
        self.digest = digest
        self._model = model
        self._tokenizer = tokenizer
        self._adapter = adapter

    def write(
        self,
        prompts: Sequence[str],
        drawing: Drawing,
        *,
        seed: int,
        wrote: Callable[[int], None] = nothing,
    ) -> list[str]:
        """Return the caption of each prompt."""
        with self._active():
            return write(self._model, self._tokenizer, prompts, drawing, seed=seed, wrote=wrote)

    def losses(self, prompts: Sequence[str], captions: Sequence[str]) -> list[Loss]:
        """Return the loss of each caption after its prompt."""
        with self._active():
            return caption_losses(self._model, self._tokenizer, prompts, captions)

    @contextmanager
    def _active(self) -> Iterator[None]:
        with _enough_memory():
            if self._adapter is None:
                with self._model.disable_adapter():
                    yield
            else:
                self._model.set_adapter(self._adapter)
                yield


def load(adapters: Mapping[str, str], base: str | None, folder: Path) -> Writers:
    """Return the writers by the adapters' names, and the base model's.

    `adapters` maps names to sources: a folder, a hub id or embedded:NAME. Without `base` it is
    the model that the first adapter names. Checked copies of the adapters are put into `folder`.
    Raises `EvaluationProblem`.
    """
    stored = {name: _fetched(source, folder) for name, source in adapters.items()}
    if base is None:
        first, source = next(iter(stored.items()))[1], next(iter(adapters.values()))
        base = _named_base(source, first)
    try:
        found = find(base)
        for name, one in stored.items():
            _check(adapters[name], one, base, found.config)
        model, tokenizer = _loaded(found)
    except Refused as error:
        raise EvaluationProblem(str(error)) from error
    adapted = _with_adapters(model, stored)
    writers: dict[str | None, ModelWriter] = {
        name: ModelWriter(adapted, tokenizer, name, one.digest) for name, one in stored.items()
    }
    writers[None] = ModelWriter(adapted, tokenizer, None, "")
    return Writers(base, str(adapted.device), writers)


def _with_adapters(model: Any, stored: Mapping[str, StoredAdapter]) -> Any:
    (first, one), *others = stored.items()
    adapted = PeftModel.from_pretrained(model, str(one.folder), adapter_name=first)
    for name, other in others:
        adapted.load_adapter(str(other.folder), adapter_name=name)
    return adapted.eval()


def _fetched(source: str, folder: Path) -> StoredAdapter:
    path = Path(source)
    if path.is_dir():
        source = str(path.resolve())
    elif not source.startswith(EMBEDDED_PREFIX) and ("/" not in source or path.is_absolute()):
        raise EvaluationProblem(
            f"There is no adapter {source}: it is no folder, no hub id (owner/name) and no "
            "embedded:NAME."
        )
    try:
        return AdapterStore(LanguageSettings(adapter_cache_dir=folder)).get(
            Adapter(source, source, configured=True)
        )
    except CaptionStudioError as error:
        raise EvaluationProblem(f"{source}: {error.message}") from error


def _named_base(source: str, stored: StoredAdapter) -> str:
    """Return the base model that an adapter names: one of the demo's, a folder or a hub id."""
    try:
        named = read_adapter_config(stored.folder / CONFIG_FILE, max_rank=MAX_RANK).base
    except CaptionStudioError as error:
        raise EvaluationProblem(f"{source}: {error.message}") from error
    if not named:
        raise EvaluationProblem(f"{source} names no base model: give it with --base.")
    if "/" in named or Path(named).is_dir():
        return named
    if (EMBEDDED_MODELS_DIR / named).is_dir():
        return f"{EMBEDDED_PREFIX}{named}"
    raise EvaluationProblem(
        f"{source} names the base model {named}, which is not here: give its folder or hub id with "
        "--base."
    )


def _check(source: str, stored: StoredAdapter, base: str, config: Any) -> None:
    model = BaseModel.of(config, (base,))
    try:
        check(stored.folder, model, max_rank=MAX_RANK, any_base=True)
    except CaptionStudioError as error:
        raise EvaluationProblem(
            f"{source} does not fit the base model {base}. {error.message}"
        ) from error


def _loaded(base: Base) -> tuple[Any, Any]:
    """Return model and tokenizer. Raises `Refused`."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    hidden, layers = base.config.hidden_size, base.config.num_hidden_layers
    parameters = base.config.vocab_size * hidden + 12 * layers * hidden**2
    small = device == "cpu" and parameters < _FLOAT32_PARAMETERS
    model = weights_of(base, dtype=torch.float32 if small else torch.bfloat16)
    tokenizer = tokenizer_of(base)
    with _enough_memory():
        return model.eval().to(device), tokenizer


@contextmanager
def _enough_memory() -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise EvaluationProblem("The base model is too large for the GPU's memory.") from error
