"""Text → byte-level BPE tokens → the bytes they stand for.

Falcon's tokenizers write each byte as one printable character. Source of the table:
GPT-2's `bytes_to_unicode` (https://github.com/openai/gpt-2/blob/master/src/encoder.py).
"""

from typing import Any


def _byte_of_character() -> dict[str, int]:
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    table = {chr(byte): byte for byte in printable}
    return table | {chr(256 + number): byte for number, byte in enumerate(others)}


_BYTES = _byte_of_character()


def token_bytes(token: str) -> bytes:
    """Return the bytes of a vocabulary entry; of a special token, its name's."""
    if all(character in _BYTES for character in token):
        return bytes(_BYTES[character] for character in token)
    return token.encode()


def text_tokens(tokenizer: Any, text: str) -> list[int]:
    """Return the ids of the text, in which the name of a special token is text as well.

    What callers write is in it: read as the token, their `<|endoftext|>` would end the
    document that the prompt's template is. `tokenizer` is a transformers one.
    """
    token_ids: list[int] = tokenizer.encode(text, split_special_tokens=True)
    return token_ids
