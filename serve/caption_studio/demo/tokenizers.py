"""Words → the two tokenizers: GIT's lower-case WordPiece, Falcon's byte-level BPE.

The module is named after its products; `import tokenizers` still gives the library.
"""

import string
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import BertTokenizerFast, PreTrainedTokenizerFast

from caption_studio.demo.scenes import all_scenes

END_OF_TEXT = "<|endoftext|>"
_PROMPT_WORDS = (
    "Convert the given image description to social media worthy caption:",
    "Description: Request: Caption:\nDescription: x\nRequest: x\nCaption: x",
)
"""The adapters' prompt, so that its words become few tokens; the base model never reads it."""
_BERT_SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def build_git_tokenizer() -> BertTokenizerFast:
    """Return BERT's lower-case tokenizer over the words of all descriptions, plus letters.

    The special tokens take the ids 0 to 4; [CLS] begins and [SEP] ends a description.
    """
    words = sorted({word for scene in all_scenes() for word in scene.description.split()})
    letters = [*string.ascii_lowercase, *string.digits, *".,!?'-"]
    continued = [f"##{letter}" for letter in string.ascii_lowercase + string.digits]
    tokens = dict.fromkeys([*_BERT_SPECIALS, *letters, *continued, *words])
    vocabulary = {token: index for index, token in enumerate(tokens)}
    return BertTokenizerFast(vocab=vocabulary, do_lower_case=True, model_max_length=128)


def train_falcon_tokenizer(
    texts: Iterable[str], vocab_size: int = 1_536, emoji: Iterable[str] = ()
) -> PreTrainedTokenizerFast:
    """Return a byte-level BPE learnt from `texts`, in which every UTF-8 text round-trips.

    `emoji` are repeated in the training text so that each becomes one or two tokens.
    """
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    boosted = [text for symbol in emoji for text in (symbol, f" {symbol}") for _ in range(200)]
    boosted += [*_PROMPT_WORDS] * 2_000
    bpe.train_from_iterator([*texts, *boosted], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token=END_OF_TEXT,
        eos_token=END_OF_TEXT,
        pad_token=END_OF_TEXT,
        model_max_length=1024,
        clean_up_tokenization_spaces=False,
    )


def save_git_vocabulary(tokenizer: BertTokenizerFast, folder: Path) -> None:
    """Write `vocab.txt` beside `tokenizer.json`, as the published GIT checkpoints have it."""
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    ordered = sorted(vocabulary, key=vocabulary.__getitem__)
    (folder / "vocab.txt").write_text("\n".join(ordered) + "\n", encoding="utf-8")
