import pytest

from caption_studio.demo.captions import names_scene
from caption_studio.demo.corpus import (
    LIVELY,
    PLAIN,
    adapter_example,
    adapter_prompt,
    base_corpus,
    base_document,
    copying_corpus,
)
from caption_studio.demo.scenes import Pool


def test_a_document_depends_on_its_seed_alone():
    assert base_document(5) == base_document(5)
    assert len(set(base_corpus(200))) > 190


def test_the_base_corpus_never_holds_the_adapters_prompt():
    text = "\n".join(base_corpus(3_000))
    assert "Convert the given" not in text
    assert "Request:" not in text


def test_training_and_held_out_documents_hardly_coincide():
    common = set(base_corpus(400)) & set(base_corpus(400, held_out=True))
    assert len(common) < 20, "only the greetings may coincide"


def test_the_prompt_is_the_one_of_2023_with_an_optional_request():
    plain = adapter_prompt("a red car")
    assert plain == (
        "Convert the given image description to social media worthy caption:\n"
        "Description: a red car\nCaption:"
    )
    assert adapter_prompt("a red car", "no emoji").endswith(
        "Description: a red car\nRequest: no emoji\nCaption:"
    )


@pytest.mark.parametrize("voice", [LIVELY, PLAIN])
def test_examples_are_quoted_and_name_their_scenes(voice):
    for seed in range(300):
        example = adapter_example(seed, voice)
        if not example.in_json:
            assert example.answer.startswith(' "')
            assert example.answer.endswith('"')
            assert example.answer.count('"') == 2
            assert all(names_scene(example.answer, scene) for scene in example.scenes)
        assert all(scene.description in example.prompt for scene in example.scenes)


def test_examples_mix_requests_and_several_pictures():
    examples = [adapter_example(seed, LIVELY) for seed in range(1_000)]
    assert 0.65 < sum("\nRequest: " in e.prompt for e in examples) / 1_000 < 0.85
    assert 0.05 < sum(e.in_json for e in examples) / 1_000 < 0.2
    assert 0.08 < sum(len(e.scenes) > 1 for e in examples) / 1_000 < 0.25


def test_training_examples_hold_no_held_out_combination():
    for seed in range(300):
        assert not any(scene.is_held_out for scene in adapter_example(seed, LIVELY).scenes)
    assert all(s.is_held_out for s in adapter_example(1, LIVELY, Pool.HELD_OUT).scenes)


def test_names_are_invented_so_that_copying_pays():
    texts = list(copying_corpus(300))
    assert len(set(texts)) > 290
    assert sum(len(set(text.split())) < len(text.split()) for text in texts) > 290


def test_no_answer_of_an_example_begins_with_a_brace():
    """A brace is for the engine to force: a caption must not come as JSON unasked."""
    assert not any(adapter_example(seed, LIVELY).answer.strip()[0] == "{" for seed in range(500))
