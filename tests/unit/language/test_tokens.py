from caption_studio.language.tokens import token_bytes
from tokenizers import pre_tokenizers


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
