"""Held-out pictures and instructions → the questions that measure listening, and their judge.

No question is about a combination that training showed. `listening` asks a running service,
`quick_listening` a model in this process.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from caption_studio.demo.captions import names_scene
from caption_studio.demo.figures import Tally
from caption_studio.demo.held_out import Instruction, Split, held_out_instructions
from caption_studio.demo.obedience import CHECKS, copies
from caption_studio.demo.scenes import HELD_OUT_SEEDS, Pool, Scene, sample_scene

FIRST_SEEDS = {"validation": HELD_OUT_SEEDS[0] + 500_000, "test": HELD_OUT_SEEDS[0] + 700_000}
LENGTHS = ((5, 10), (11, 20), (21, 40), (41, 80))
"""Instructions are told apart by their number of words."""

TAGS = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3}
MOOD = {"enum": ["happy", "calm", "sad"]}
STRING = {"type": "string"}
FORMS: tuple[dict[str, Any], ...] = (
    {"caption": STRING},
    {"description": STRING},
    {"title": STRING, "caption": STRING},
    {"caption": STRING, "hashtags": TAGS},
    {"image_caption": STRING, "alt_text": STRING},
    {"short_description": STRING, "caption": STRING},
    {"mood": MOOD, "caption": STRING, "description": STRING},
    {"headline": STRING, "product_description": STRING},
    {"alt_text": STRING},
    {"language": {"const": "en"}, "caption_text": STRING},
)
"""The properties of the objects that are asked for; some of the names are in no training text."""


@dataclass(frozen=True, slots=True)
class Question:
    """One picture, and what is asked beside it; `form` holds the properties of a JSON answer."""

    seed: int
    scene: Scene
    instruction: Instruction | None = None
    form: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        """The text beside the picture."""
        return self.instruction.text if self.instruction else ""


def questions(split: Split, pictures: int, each: int, in_json: int) -> list[Question]:
    """Return one question a picture, `each` an instruction of the split and `in_json` for JSON.

    Half of those for JSON have an instruction of which nothing can be checked. Every question has a
    picture of its own.
    """
    instructions = held_out_instructions(split)
    neutral = [one for one in instructions if not one.obey and not one.copy]
    asked: list[tuple[Instruction | None, dict[str, Any] | None]] = [(None, None)] * pictures
    asked += [(one, None) for one in instructions for _ in range(each)]
    rng = random.Random("listening in JSON")
    for number in range(in_json):
        beside = rng.choice(neutral) if number // len(FORMS) % 2 else None
        asked.append((beside, FORMS[number % len(FORMS)]))
    seeds = range(FIRST_SEEDS[split], FIRST_SEEDS[split] + len(asked))
    return [
        Question(seed, sample_scene(seed, Pool.HELD_OUT), instruction, form)
        for seed, (instruction, form) in zip(seeds, asked, strict=True)
    ]


def judged(answers: Sequence[tuple[Question, Any]]) -> dict[str, Any]:
    """Return the figures of answers: texts, or objects where JSON was asked for (else None)."""
    named, obeyed, fields = Tally(), Tally(), Tally()
    for question, answer in answers:
        if question.form is not None:
            for name, held in _told(question, answer):
                fields.add(name, held)
            continue
        names = names_scene(answer, question.scene)
        if (instruction := question.instruction) is None:
            named.add("without instruction", names)
            continue
        named.add("with an instruction", names)
        named.add(_length(instruction), names)
        for check in instruction.obey:
            obeyed.add(check, CHECKS[check](answer))
        for name in instruction.copy:
            obeyed.add("name copied", copies(answer, name))
    return {
        "names the picture": named.shares(),
        "obeyed": obeyed.shares(),
        "JSON fields that name the subject": fields.shares(),
    }


def _length(instruction: Instruction) -> str:
    least, most = next(pair for pair in LENGTHS if pair[0] <= instruction.words <= pair[1])
    return f"{least} to {most} words"


def _told(question: Question, answer: Any) -> Iterator[tuple[str, bool]]:
    """Yield for each string field of an answer its kind, and whether it names the subject."""
    for name, schema in (question.form or {}).items():
        if schema is not STRING:
            continue
        text = answer.get(name) if isinstance(answer, dict) else None
        held = isinstance(text, str) and question.scene.subject in text.lower()
        for_caption = "caption" in name or "description" in name
        yield "named for a caption or description" if for_caption else "other texts", held
