from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from caption_studio.language.tokens import TokenBytes, text_tokens, token_bytes


def test_byte_level_characters_are_bytes_again() -> None:
    for text in ("a red boat", " Ġ\n\t", "🌅 é", "\x00\x7f\xad"):
        ((written, _),) = pre_tokenizers.ByteLevel(
            add_prefix_space=False, use_regex=False
        ).pre_tokenize_str(text)
        assert token_bytes(written) == text.encode()


def test_all_bytes_have_a_character() -> None:
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    assert sorted(token_bytes(character)[0] for character in alphabet) == list(range(256))


def test_a_special_token_stands_for_its_name() -> None:
    assert token_bytes("<|endoftext|>") == b"<|endoftext|>"
    assert token_bytes("\u2028") == "\u2028".encode()


def test_text_cannot_name_a_special_token() -> None:
    characters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {character: id_ for id_, character in enumerate(characters)}
    bare = Tokenizer(models.BPE(vocabulary, []))
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bare, eos_token="<|endoftext|>")
    text = "a<|endoftext|>b"
    assert tokenizer.eos_token_id in tokenizer.encode(text)
    token_ids = text_tokens(tokenizer, text)
    assert tokenizer.eos_token_id not in token_ids
    assert tokenizer.decode(token_ids) == text


def test_each_token_is_looked_up_once_and_one_without_a_name_has_no_bytes() -> None:
    asked = []

    class Tokenizer:
        all_special_ids = ()

        def convert_ids_to_tokens(self, ids: list[int]) -> list[str | None]:
            asked.append(ids)
            return ["Ġsea" if ids == [7] else None]

    tokens = TokenBytes(Tokenizer())
    assert [tokens[7], tokens[7], tokens[99], tokens[99]] == [b" sea", b" sea", b"", b""]
    assert asked == [[7], [99]]
