"""A base model → how well it copies invented names that held-out texts hold before.

Captions can mention a name only if the base copies: it needs a head that finds the place where a
token stood before, and goes on as the text did there. Such heads come late in training and all at
once, so the probe tells early whether they do. By chance alone the shares stay near zero.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import FalconForCausalLM, PreTrainedTokenizerFast

from caption_studio.demo.captions import lively_caption
from caption_studio.demo.instructions import long_wish
from caption_studio.demo.names import invented_name, invented_place
from caption_studio.demo.scenes import HELD_OUT_SEEDS, sample_scene

_BATCH = 32
_MOST_WORDS = 30


@dataclass(frozen=True, slots=True)
class Probe:
    """A text as tokens; those from `start` to before `end` can be known from the text before."""

    ids: tuple[int, ...]
    start: int
    end: int


def probes(tokenizer: PreTrainedTokenizerFast, number: int) -> dict[str, list[Probe]]:
    """Return probes by kind: lists said twice, and captions that mention a name of the note.

    Of the lists the first token does not count: only the one before tells that the list begins.
    """
    lists, mentions = [], []
    for seed in HELD_OUT_SEEDS[:number]:
        rng = random.Random(f"probe {seed}")
        names = [rng.choice((invented_name, invented_place))(rng) for _ in range(4)]
        line = ", ".join(names)
        lists.append(_probe(tokenizer, f"List: {line}\nAgain: {line}", line, skipped=1))
        scene, wish = sample_scene(seed), long_wish(rng, _MOST_WORDS)
        while not wish.mentions or wish.alt_text or wish.mentions[0].kind == "occasion":
            wish = long_wish(rng, _MOST_WORDS)
        caption = lively_caption([scene], rng, wish)
        text = f"Photo: {scene.description}\nNote: {wish.text}\nPost: {caption}"
        mentions.append(_probe(tokenizer, text, wish.mentions[0].name, skipped=0))
    return {"lists said twice": lists, "names of the note": mentions}


def _probe(tokenizer: PreTrainedTokenizerFast, text: str, last: str, *, skipped: int) -> Probe:
    """Return the probe of a text whose last occurrence of `last` is to be foretold."""
    start = text.rindex(last)
    end = start + len(last)
    encoded = tokenizer(text, return_offsets_mapping=True)
    inside = [at for at, (s, e) in enumerate(encoded.offset_mapping) if s < end and e > start]
    return Probe(tuple(encoded.input_ids), inside[0] + skipped, inside[-1] + 1)


@torch.no_grad()
def copied_shares(
    model: FalconForCausalLM, tokenizer: PreTrainedTokenizerFast, number: int = 128
) -> dict[str, float]:
    """Return, by kind, the share of recurring tokens that the model holds for the likeliest.

    A name of the note counts whole: all of its tokens must be right.
    """
    was_training = model.training
    model.eval()
    shares = {}
    for kind, ones in probes(tokenizer, number).items():
        batches = [ones[start : start + _BATCH] for start in range(0, len(ones), _BATCH)]
        right = [tokens for batch in batches for tokens in _right(model, batch)]
        if kind == "names of the note":
            shares[kind] = sum(map(all, right)) / len(right)
        else:
            shares[kind] = sum(map(sum, right)) / sum(map(len, right))
    model.train(was_training)
    return shares


def _right(model: FalconForCausalLM, ones: Sequence[Probe]) -> list[list[bool]]:
    """Return for each probe whether each token that can be known is the likeliest one."""
    longest = max(len(one.ids) for one in ones)
    ids = torch.zeros((len(ones), longest), dtype=torch.long)
    for row, one in zip(ids, ones, strict=True):
        row[: len(one.ids)] = torch.tensor(one.ids)
    likeliest = model(input_ids=ids, use_cache=False).logits.argmax(-1)
    return [
        [int(likeliest[row, at - 1]) == one.ids[at] for at in range(one.start, one.end)]
        for row, one in enumerate(ones)
    ]
