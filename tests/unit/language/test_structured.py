"""A structured answer that ends is JSON; one that was cut is what there is."""

import pytest

from caption_studio.errors import InvalidValue
from caption_studio.language.structured import AnswerForms
from caption_studio.records import Structure
from tests.fakes import sampling

STRUCTURE = Structure('{"type":"object"}', "response_format")


def test_each_choice_may_end_where_its_json_does() -> None:
    forms = AnswerForms(sampling(structure=STRUCTURE, n=2))
    forms.feed(0, '{"a":', ended=False)
    forms.feed(1, '{"b":2}', ended=True)
    forms.feed(0, "1}", ended=True)


def test_an_answer_that_the_engine_gave_up_on_is_an_error_of_its_schema() -> None:
    for text in ("", '{"a":'):
        forms = AnswerForms(sampling(structure=STRUCTURE))
        with pytest.raises(InvalidValue) as refused:
            forms.feed(0, text, ended=True)
        assert refused.value.param == "response_format"


def test_what_was_cut_and_what_is_free_are_not_looked_at() -> None:
    AnswerForms(sampling(structure=STRUCTURE)).feed(0, '{"a', ended=False)
    AnswerForms(sampling()).feed(0, "a caption", ended=True)
