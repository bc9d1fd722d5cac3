import random
import re
from collections import Counter

from transformers import PreTrainedTokenizerFast

from caption_studio.demo.captions import has_emoji
from caption_studio.demo.corpus import WISH_LABELS, adapter_prompt
from caption_studio.demo.held_out import shared_runs
from caption_studio.demo.lessons import Lesson, checklist, lesson, lesson_corpus, single_sentences
from caption_studio.demo.obedience import hashtags
from caption_studio.demo.packed import NOT_LEARNT, tokenize_corpus
from caption_studio.demo.paths import FALCON_NAME, MODELS_DIR
from caption_studio.demo.written import single_wishes, story_sentences

LESSONS = 300
LABEL = re.compile(rf"^(Request|{'|'.join(WISH_LABELS)}): ", re.MULTILINE)


def read_and_learnt(one: Lesson) -> tuple[str, str]:
    """What is only read of a lesson, and what is learnt."""
    read, learnt = ("".join(text for text, is_learnt in one.parts if is_learnt == wanted)
                    for wanted in (False, True))  # fmt: skip
    return read, learnt


def test_a_note_without_emoji_has_a_post_without_any():
    seen = 0
    for seed in range(LESSONS):
        parts = lesson(random.Random(seed)).parts
        for (note, _), (post, _) in zip(parts[1::2], parts[2::2], strict=True):
            if "no emoji" in note.lower() and "no emoji for" not in note:
                assert not has_emoji(post)
                seen += 1
            if "no hashtags" in note.lower():
                assert hashtags(post) == 0
                seen += 1
    assert seen > 10


def test_notes_are_read_and_posts_are_learnt():
    read, learnt = read_and_learnt(lesson(random.Random(3)))
    assert "Post:" in read or "Instagram:" in read or "Alt" in read
    assert learnt.strip()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(MODELS_DIR / FALCON_NAME)
    tokens = tokenize_corpus(tokenizer, [lesson(random.Random(3))])
    kept = [i for i, label in zip(tokens.ids, tokens.labels, strict=True) if label != NOT_LEARNT]
    assert tokenizer.decode(kept[:-1]) == learnt
    assert kept[-1] == tokenizer.eos_token_id


def test_of_a_text_all_is_learnt():
    tokenizer = PreTrainedTokenizerFast.from_pretrained(MODELS_DIR / FALCON_NAME)
    tokens = tokenize_corpus(tokenizer, ["Photo: a red car"])
    assert (tokens.ids == tokens.labels).all()


def test_a_checklist_tells_what_its_note_wishes():
    texts = [checklist(random.Random(seed)).text for seed in range(LESSONS)]
    assert any("Hashtags: no" in text for text in texts)
    assert any("Emoji: yes" in text for text in texts)
    for text in texts:
        names = [line.removeprefix("Names: ") for line in text.splitlines() if "Names: " in line]
        said = text.lower()
        assert all(name == "none" or said.count(name.lower()) > 1 for name in names)


SAID = {
    "no hashtags": "Hashtags: no",
    "hashtags wanted": "Hashtags: yes",
    "at most 2 hashtags": "Hashtags: up to 2",
    "no emoji": "Emoji: no",
    "emoji wanted": "Emoji: yes",
    "short": "Length: short",
    "question": "Question: yes",
    "alt text": "For screen readers: yes",
}


def test_a_note_of_one_sentence_is_followed_by_what_it_wishes_and_nothing_else():
    wished_by = {one.wishes[0]: SAID[one.kinds[0]] for one in single_wishes()
                 if one.kinds[0] in SAID}  # fmt: skip
    wished_by |= dict.fromkeys(set(story_sentences()) - wished_by.keys(), "Nothing")
    seen = Counter()
    for seed in range(LESSONS):
        parts = single_sentences(random.Random(seed)).parts
        assert [is_learnt for _, is_learnt in parts] == [False, True] * (len(parts) // 2)
        for (note, _), (wished, _) in zip(parts[::2], parts[1::2], strict=True):
            text = LABEL.sub("", note).strip()
            assert text
            if (expected := wished_by.get(text)) is not None:
                assert wished == f"{expected}\n"
                seen[expected] += 1
            for line in wished.splitlines():
                if line.startswith("Names: "):
                    assert line.removeprefix("Names: ").lower() in text.lower()
    assert seen.keys() == {*SAID.values(), "Nothing"}


def test_no_lesson_holds_held_out_words():
    texts = (one if isinstance(one, str) else one.text for one in lesson_corpus(LESSONS))
    assert not any(shared_runs(text) for text in texts)


def test_half_of_the_notes_bear_the_word_of_the_adapters_prompt() -> None:
    """An adapter does not obey a note whose word its base has not learnt to read."""
    assert "\nRequest: " in adapter_prompt("a cat", "No emoji.")
    rng = random.Random(3)
    texts = [draw(rng).text for _ in range(100) for draw in (lesson, checklist, single_sentences)]
    labels = Counter(label for text in texts for label in LABEL.findall(text))
    assert labels.keys() == {"Request", *WISH_LABELS}
    assert labels["Request"] >= 0.4 * labels.total()
