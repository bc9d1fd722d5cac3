"""A quick look, in this process, at whether adapters listen; for tuning, on `validation` only.

    python -m caption_studio.demo.quick_listening MODELS --voices caption-demo

The describer and the service are left out: the prompt holds the true description. Of a JSON answer
the begin is given up to each field's text. What counts is `listening`.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peft import PeftModel

from caption_studio.demo.corpus import adapter_prompt
from caption_studio.demo.evaluate import complete, load_falcon, quoted
from caption_studio.demo.listening_cases import STRING, Question, judged, questions
from caption_studio.demo.paths import ADAPTER_NAMES, FALCON_NAME, MODELS_DIR


def quick_listening(
    base_folder: Path, folder: Path, *, pictures: int = 100, each: int = 2, in_json: int = 60
) -> dict[str, Any]:
    """Return the figures of one saved adapter on the validation split, written greedily."""
    base, tokenizer = load_falcon(base_folder)
    model = PeftModel.from_pretrained(base, folder).eval()
    asked = questions("validation", pictures, each, in_json)
    texts = [question for question in asked if question.form is None]
    prompts = [_prompt(question) for question in texts]
    captions = [quoted(text) for text in complete(model, tokenizer, prompts)]
    answers: list[tuple[Question, Any]] = list(zip(texts, captions, strict=True))
    answers += _filled(model, tokenizer, [one for one in asked if one.form is not None])
    return judged(answers)


def _prompt(question: Question) -> str:
    return adapter_prompt(question.scene.description, question.text)


def _filled(
    model: Any, tokenizer: Any, asked: Sequence[Question]
) -> list[tuple[Question, dict[str, str]]]:
    """Return each question with the texts of its string fields, each written after those before."""
    answers: list[dict[str, str]] = [{} for _ in asked]
    for at in range(max(len(question.form or {}) for question in asked) if asked else 0):
        todo = []
        for question, answer in zip(asked, answers, strict=True):
            names = [name for name, schema in (question.form or {}).items() if schema is STRING]
            if at < len(names):
                begun = json.dumps({**answer, names[at]: ""}, ensure_ascii=False)
                prompt = _prompt(question) + begun.removesuffix(' ""}')
                todo.append((answer, names[at], prompt))
        texts = complete(model, tokenizer, [prompt for _, _, prompt in todo])
        for (answer, name, _), text in zip(todo, texts, strict=True):
            answer[name] = quoted(text)
    return list(zip(asked, answers, strict=True))


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m caption_studio.demo.quick_listening")
    parser.add_argument("models", type=Path, nargs="?", default=MODELS_DIR)
    parser.add_argument("--voices", nargs="+", default=list(ADAPTER_NAMES))
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--each", type=int, default=2)
    parser.add_argument("--json", type=int, default=60)
    options = parser.parse_args()
    figures = {
        voice: quick_listening(
            options.models / FALCON_NAME,
            options.models / voice,
            pictures=options.pictures,
            each=options.each,
            in_json=options.json,
        )
        for voice in options.voices
    }
    print(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
