"""Pictures → descriptions → captions by transformers' `generate` and PEFT, in one process."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import PeftModel
from PIL import Image
from transformers import AutoProcessor, AutoTokenizer, FalconForCausalLM, GitForCausalLM

from benchmarks.peers.servers import captioning


@dataclass(frozen=True)
class Caption:
    """A caption with its numbers of tokens."""

    text: str
    prompt_tokens: int
    completion_tokens: int


class GitByGenerate:
    """GIT, float32, on the CPU, called as its model card does."""

    def __init__(self, folder: Path) -> None:
        self._processor = AutoProcessor.from_pretrained(folder)
        self._model = GitForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    @torch.inference_mode()
    def describe(self, pictures: Sequence[bytes]) -> list[str]:
        """Return one description for each encoded picture."""
        images = [Image.open(io.BytesIO(picture)).convert("RGB") for picture in pictures]
        pixel_values = self._processor(images=images, return_tensors="pt").pixel_values
        token_ids = self._model.generate(
            pixel_values=pixel_values,
            max_length=captioning.DESCRIPTION_MAX_LENGTH,
            do_sample=False,
        )
        texts = self._processor.batch_decode(token_ids, skip_special_tokens=True)
        return [text.strip() for text in texts]


class FalconByGenerate:
    """Falcon with its adapter beside it (not merged), float32, on the CPU."""

    def __init__(self, folder: Path, adapter: Path) -> None:
        # Left: generation continues at the right end, which must be text in every row.
        self._tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
        base = FalconForCausalLM.from_pretrained(folder, dtype=torch.float32)
        self._model = PeftModel.from_pretrained(base, adapter).eval()

    @torch.inference_mode()
    def caption(self, descriptions: Sequence[str]) -> list[Caption]:
        """Return one caption for each description; the batch runs until its longest ends."""
        prompts = [captioning.caption_prompt(description) for description in descriptions]
        inputs = self._tokenizer(prompts, return_tensors="pt", padding=True)
        inputs.pop("token_type_ids", None)
        token_ids = self._model.generate(
            **inputs,
            max_new_tokens=captioning.MAX_NEW_TOKENS,
            do_sample=True,
            temperature=captioning.TEMPERATURE,
            top_p=captioning.TOP_P,
            pad_token_id=self._tokenizer.pad_token_id,
        )
        answers = token_ids[:, inputs.input_ids.shape[1] :]
        texts = self._tokenizer.batch_decode(answers, skip_special_tokens=True)
        return [
            Caption(
                captioning.caption_in(text),
                prompt_tokens=int(mask.sum()),
                completion_tokens=self._length(answer),
            )
            for text, mask, answer in zip(texts, inputs.attention_mask, answers, strict=True)
        ]

    def _length(self, answer: torch.Tensor) -> int:
        """Count an answer's tokens, including its end-of-text and excluding the padding."""
        ends = (answer == self._tokenizer.eos_token_id).nonzero()
        return int(ends[0]) + 1 if len(ends) else len(answer)
