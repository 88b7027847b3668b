"""The table of questions: what reads it agrees with it, and what a browser sends is read by it."""

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground import answers, worker
from playground.errors import QuestionError
from playground.knobs import MAX_LOSS_CHARACTERS
from playground.questions import FIELDS, QUESTIONS, read
from playground.settings import Settings
from playground.training.control import Control


def test_every_question_has_an_answer_a_worker_and_a_patience() -> None:
    assert set(answers.ANSWERS) == set(QUESTIONS)
    for name, question in QUESTIONS.items():
        assert question.role in worker._WARM_UPS, name
        assert getattr(Settings(), question.patience) > 0, name
        assert set(question.required) <= set(question.fields) <= set(FIELDS), name
        assert bool(question.kept) or not question.by, name
        assert question.public or not question.fields, name


def test_what_a_browser_sends_is_read_and_the_rest_left_out() -> None:
    pixels = base64.b64encode(bytes(range(9))).decode()
    sent = {"run": "a", "unit": 0, "layer": "", "gradients": False, "image": {"pixels": pixels}}
    found = read("maps", {**sent, "spec": "evil", "weights": {}, "what": "maps"})
    assert np.array_equal(found.pop("image")["pixels"], np.arange(9))
    assert found == {"run": "a", "unit": 0}
    assert read("check", {"text": "", "parameters": {"a": "2"}}) == {
        "text": "",
        "parameters": {"a": 2.0},
    }


@pytest.mark.parametrize(
    ("name", "sent", "field"),
    [
        ("check", {}, "text"),
        ("check", {"text": 3}, "text"),
        ("check", {"text": "x", "parameters": [1]}, "parameters"),
        ("check", {"text": "x", "parameters": {"a": "b"}}, "parameters"),
        ("check", {"text": "x", "parameters": {"a": 10**400}}, "parameters"),
        ("check", {"text": "x", "task": "nonsense"}, "task"),
        ("portrait", {"text": "x", "view": "all"}, "view"),
        ("portrait", {"text": "x"}, "view"),
        ("portrait", {"text": "x", "view": "curve", "run": "../etc"}, "run"),
        ("maps", {}, "run"),
        ("maps", {"run": "a", "unit": 10**9}, "unit"),
        ("maps", {"run": "a", "unit": "1"}, "unit"),
        ("maps", {"run": "a", "unit": True}, "unit"),
        ("maps", {"run": "a", "image": {"test": True}}, "image"),
        ("maps", {"run": "a", "image": {"pixels": "no base64"}}, "image"),
        ("maps", {"run": "a", "image": 3}, "image"),
        ("match", {"run": "a"}, "other"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(name: str, sent: dict, field: str) -> None:
    with pytest.raises(QuestionError, match=f"^{field}: expected ") as caught:
        read(name, sent)
    assert not caught.value.too_long


def test_a_text_that_is_too_long_is_said_to_be_so() -> None:
    with pytest.raises(QuestionError, match="at most") as caught:
        read("check", {"text": "x" * (MAX_LOSS_CHARACTERS + 1)})
    assert caught.value.too_long


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(
    st.sampled_from(sorted(QUESTIONS)),
    st.dictionaries(st.sampled_from(sorted(FIELDS)), anything),
)
def test_whatever_a_browser_sends_is_read_or_refused_in_words(name: str, sent: dict) -> None:
    try:
        assert set(read(name, sent)) <= set(QUESTIONS[name].fields)
    except QuestionError as error:
        assert error.field in QUESTIONS[name].fields


def costs(classes: int) -> str:
    """A loss with a number a class, which fits no other count of them."""
    numbers = ", ".join(str(1 + i % 3) for i in range(classes))
    return f"-sum([{numbers}] * y_true * log(y_pred), axis=-1)"


@pytest.mark.parametrize("classes", [2, 26, 100])
def test_a_text_of_so_many_classes_is_checked_and_drawn(classes: int) -> None:
    asked = {"text": costs(classes), "parameters": {}, "task": "classification"}
    assert not answers.ANSWERS["check"](asked, Control())["ok"]  # of ten classes it is none
    given = {**asked, "classes": classes}
    report = answers.ANSWERS["check"](read("check", given), Control())
    assert report["ok"] and report["probe"] is not None, report["error"]
    drawn = answers.ANSWERS["portrait"]({**given, "view": "curve"}, Control())
    assert drawn.get("kind") == "curve", drawn
    metric = f"mean({costs(classes)})"
    assert answers.ANSWERS["metric"]({"text": metric, "classes": classes}, Control())["ok"]


@pytest.mark.parametrize("classes", [1, 101, 2.5, "3"])
def test_other_counts_of_classes_are_refused(classes: object) -> None:
    with pytest.raises(QuestionError, match="classes: expected a whole number from 2 to 100"):
        read("check", {"text": "y_pred", "classes": classes})
