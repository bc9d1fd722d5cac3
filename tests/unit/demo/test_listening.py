import json
import random

import httpx
import pytest

from caption_studio.demo import listening
from caption_studio.demo.captions import lively_caption
from caption_studio.demo.figures import Tally
from caption_studio.demo.held_out import held_out_instructions
from caption_studio.demo.listening_cases import FORMS, STRING, judged, questions


def test_a_tally_counts_each_thing_by_itself():
    tally = Tally()
    for held in (True, True, False):
        tally.add("one", held)
    tally.add("other", True)
    shares = tally.shares()
    assert shares["one"]["share"] == 0.6667
    assert (shares["one"]["n"], shares["other"]["n"]) == (3, 1)


def test_questions_have_pictures_of_their_own_that_training_never_showed():
    asked = questions("validation", 10, 2, 20)
    assert len(asked) == 10 + 2_200 + 20
    assert len({one.seed for one in asked}) == len(asked)
    assert all(one.scene.is_held_out for one in asked)
    others = questions("test", 10, 2, 20)
    assert not {one.seed for one in asked} & {one.seed for one in others}
    instructed = {one.instruction for one in asked if one.instruction and one.form is None}
    assert instructed == set(held_out_instructions("validation"))


def test_each_form_of_json_is_asked_for_with_and_without_a_text():
    asked = [one for one in questions("test", 0, 0, 40) if one.form]
    both_ways = {(tuple(one.form), bool(one.text)) for one in asked}
    assert both_ways == {(tuple(form), text) for form in FORMS for text in (True, False)}


def obedient(question):
    """An answer that does all that is asked."""
    scene = question.scene
    if question.form is not None:
        return {
            name: f"Look, {scene.things}" for name, one in question.form.items() if one is STRING
        }
    names = question.instruction.copy if question.instruction else ()
    asked = question.instruction.obey if question.instruction else ()
    text = f"{scene.things}{''.join(f' {name}' for name in names)}."
    return text.removesuffix(".") + "?" if "question" in asked else text


def test_a_model_that_does_all_that_is_asked_has_full_marks():
    asked = questions("validation", 20, 1, 20)
    figures = judged([(question, obedient(question)) for question in asked])
    assert {one["share"] for shares in figures.values() for one in shares.values()} == {1.0}
    assert set(figures["names the picture"]) == {
        "without instruction", "with an instruction", "5 to 10 words", "11 to 20 words",
        "21 to 40 words", "41 to 80 words",
    }  # fmt: skip
    assert set(figures["obeyed"]) == {
        "no hashtags", "at most two hashtags", "no emoji", "short", "question", "alt text",
        "name copied",
    }  # fmt: skip


def test_a_model_that_ignores_the_text_is_found_out():
    asked = questions("validation", 20, 1, 20)
    deaf = [
        (one, None if one.form else lively_caption([one.scene], random.Random(one.seed)))
        for one in asked
    ]
    figures = judged(deaf)
    assert figures["names the picture"]["with an instruction"]["share"] == 1.0
    assert figures["obeyed"]["no hashtags"]["share"] == 0.0
    assert figures["obeyed"]["name copied"]["share"] == 0.0
    assert set(figures["JSON fields that name the subject"]) == {
        "named for a caption or description", "other texts",
    }  # fmt: skip
    assert all(one["share"] == 0 for one in figures["JSON fields that name the subject"].values())


def test_a_request_holds_text_picture_and_schema():
    plain, instructed, in_json = (
        next(one for one in questions("validation", 1, 1, 2) if test(one))
        for test in (
            lambda one: not one.text and one.form is None,
            lambda one: one.text and one.form is None,
            lambda one: one.form is not None,
        )
    )
    (picture,) = listening.request_body("caption-demo", plain)["messages"][0]["content"]
    assert picture["image_url"]["url"].startswith("data:image/jpeg;base64,")
    text, _ = listening.request_body("caption-demo", instructed)["messages"][0]["content"]
    assert text["text"] == instructed.text
    schema = listening.request_body("caption-demo", in_json)["response_format"]["json_schema"]
    assert schema["schema"]["required"] == list(in_json.form)


def test_the_test_split_needs_a_clean_commit():
    assert "clean commit" in listening.refusal("test", "abc-dirty")
    assert listening.refusal("test", "abc") is None
    assert listening.refusal("validation", "abc-dirty") is None


def test_a_service_that_does_not_answer_is_one_sentence(capsys):
    few = ("--pictures", "1", "--each", "0", "--json", "0")
    assert listening.main(("--url", "http://127.0.0.1:9", *few)) == 1
    assert "127.0.0.1:9" in capsys.readouterr().err


def test_answers_are_captions_or_the_objects_of_json_or_none_where_it_is_broken():
    def answer(request):
        asked = json.loads(request.content)
        text = "Two black cats"
        if "response_format" in asked:
            text = '{"caption": "?"}' if len(asked["messages"][0]["content"]) > 1 else '{"caption'
        return httpx.Response(200, json={"choices": [{"message": {"content": text}}]})

    asked = questions("validation", 1, 0, 11)
    with httpx.Client(transport=httpx.MockTransport(answer), base_url="http://service") as http:
        answers = [value for _, value in listening.answered(http, "caption-demo", asked)]
    assert answers == ["Two black cats", *[None] * 10, {"caption": "?"}]


def test_an_answer_with_an_error_ends_the_measurement():
    transport = httpx.MockTransport(lambda request: httpx.Response(503))
    with (
        httpx.Client(transport=transport, base_url="http://service") as http,
        pytest.raises(httpx.HTTPStatusError),
    ):
        listening.answered(http, "caption-demo", questions("validation", 1, 0, 0))
