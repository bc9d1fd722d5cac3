"""Text → byte-level BPE tokens → the bytes they stand for.

Falcon's tokenizers write each byte as one printable character. Source of the table:
GPT-2's `bytes_to_unicode` (https://github.com/openai/gpt-2/blob/master/src/encoder.py).
"""

from collections.abc import Sequence
from typing import Any

from caption_studio.errors import InvalidValue
from caption_studio.records import Prompt


def _byte_of_character() -> dict[str, int]:
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    table = {chr(byte): byte for byte in printable}
    return table | {chr(256 + number): byte for number, byte in enumerate(others)}


_BYTES = _byte_of_character()


def token_bytes(token: str) -> bytes:
    """Return the bytes of a vocabulary entry; for a special token, those of its name."""
    if all(character in _BYTES for character in token):
        return bytes(_BYTES[character] for character in token)
    return token.encode()


class TokenBytes(dict[int, bytes]):
    """The bytes of a vocabulary's tokens, looked up once; `tokenizer` is a transformers one."""

    def __init__(self, tokenizer: Any) -> None:
        super().__init__()
        self._tokenizer = tokenizer
        self.special: frozenset[int] = frozenset(tokenizer.all_special_ids if tokenizer else ())

    def __missing__(self, token_id: int) -> bytes:
        # The model's vocabulary may be padded with ids for which the tokenizer has no name.
        (name,) = self._tokenizer.convert_ids_to_tokens([token_id])
        self[token_id] = token_bytes(name or "")
        return self[token_id]


def text_tokens(tokenizer: Any, text: str) -> list[int]:
    """Return the ids of the text; the name of a special token in it is ordinary text.

    The text holds callers' words: a caller's `<|endoftext|>`, read as the token, would end
    the template's document. `tokenizer` is a transformers one.
    """
    token_ids: list[int] = tokenizer.encode(text, split_special_tokens=True)
    return token_ids


def check_token_ids(prompt: Prompt, token_ids: Sequence[int], vocabulary_size: int) -> None:
    """Refuse ids that the vocabulary does not have. Raises `InvalidValue` with the field's name."""
    named = {
        "prompt": token_ids,
        "logit_bias": [id_ for id_, _ in prompt.sampling.logit_bias],
        "stop_token_ids": prompt.sampling.stop_token_ids,
    }
    for param, ids in named.items():
        if ids and max(ids) >= vocabulary_size:
            raise InvalidValue(
                f"{param} names the token {max(ids)}; the last one is {vocabulary_size - 1}.",
                param=param,
            )
