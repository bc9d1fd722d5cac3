"""Answers of transformers and PEFT, one model after the other, in a separate process.

`python -m benchmarks.rehearsal.reference ROOT ASKED.json ANSWERS.json`. `ASKED` has the prompts as
token ids, and a picture of the describer's size as RGB bytes in hexadecimal digits.
"""

import gc
import json
import math
import sys
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoProcessor, AutoTokenizer, FalconForCausalLM, GitForCausalLM

from benchmarks.rehearsal.checkpoints import ADAPTER, FALCON, GIT
from caption_studio.language.adapters.merge import read_config

MAX_LENGTH = 50


def main(words: list[str]) -> None:
    """Write the answers to ASKED.json's prompts and picture."""
    root, asked_at, answers_at = map(Path, words)
    asked = json.loads(asked_at.read_text())
    answers: dict[str, Any] = {
        "description": _description(root / GIT, asked["picture"], asked["side_px"])
    }
    gc.collect()
    config = read_config(str(root / FALCON))  # else transformers asks for permission to run code
    base = FalconForCausalLM.from_pretrained(
        root / FALCON, config=config, dtype=torch.bfloat16
    ).eval()
    words = AutoTokenizer.from_pretrained(root / FALCON, config=config)
    answers["base"] = [_continued(base, words, ids, asked["tokens"]) for ids in asked["prompts"]]
    adapted = PeftModel.from_pretrained(base, str(root / ADAPTER))
    answers["adapter"] = [
        _continued(adapted, words, ids, asked["tokens"]) for ids in asked["prompts"]
    ]
    answers_at.write_text(json.dumps(answers))


@torch.inference_mode()
def _description(folder: Path, picture: str, side_px: int) -> str:
    model = GitForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    processor = AutoProcessor.from_pretrained(folder)
    rgb = torch.frombuffer(bytearray.fromhex(picture), dtype=torch.uint8)
    image = rgb.reshape(side_px, side_px, 3).permute(2, 0, 1)
    values = processor(images=image, return_tensors="pt").pixel_values
    ids = model.generate(pixel_values=values, max_length=MAX_LENGTH, do_sample=False)
    text: str = processor.batch_decode(ids, skip_special_tokens=True)[0]
    return text.strip()


@torch.inference_mode()
def _continued(model: Any, words: Any, ids: list[int], tokens: int) -> dict[str, Any]:
    """Return the greedy tokens, and the lead of each over the second best in bfloat16 steps."""
    done = model.generate(
        input_ids=torch.tensor([ids]),
        attention_mask=torch.ones((1, len(ids)), dtype=torch.long),
        max_new_tokens=tokens,
        min_new_tokens=tokens,
        do_sample=False,
        return_dict_in_generate=True,
        output_logits=True,
    )
    gaps = []
    for logits in done.logits:
        first, second = logits[0].float().topk(2).values.tolist()
        step = 2.0 ** (math.frexp(first)[1] - 8)  # eight bits of precision, the first implied
        gaps.append((first - second) / step)
    said = [words.decode([token]) for token in done.sequences[0, len(ids) :].tolist()]
    return {"tokens": said, "gaps": gaps}


if __name__ == "__main__":
    main(sys.argv[1:])
