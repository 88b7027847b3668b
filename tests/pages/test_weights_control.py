"""The control of class weights: what reaches the link and the run, and what is refused."""

from pages.parts.class_weights import KEY, KIND
from playground.runs.supervisor import Supervisor
from playground.spec import RunSpec
from tests.pages.conftest import Visit, said
from tests.pages.test_playground import click


def test_balanced_is_in_the_link_and_in_the_run(visit: Visit, warm: Supervisor) -> None:
    page = visit("dataset=digits")
    assert page.selectbox(key=KIND).value == "none"
    page.selectbox(key=KIND).set_value("balanced").run()
    assert page.query_params["class_weights"] == "balanced"
    click(page, "train")
    [record] = warm.store.runs()
    assert record.spec == RunSpec(dataset="digits", class_weights="balanced")


def test_by_hand_begins_with_ones_and_takes_a_number_a_class(
    visit: Visit, warm: Supervisor
) -> None:
    page = visit("dataset=digits")
    page.selectbox(key=KIND).set_value("hand").run()
    assert page.text_input(key=KEY).value == "1,1,1,1,1,1,1,1,1,1"
    page.text_input(key=KEY).set_value("1, 1, 1, 1, 1, 1, 1, 1, 1, 5").run()
    assert page.query_params["class_weights"] == "1,1,1,1,1,1,1,1,1,5"
    assert page.selectbox(key=KIND).value == "hand"
    page.selectbox(key=KIND).set_value("none").run()
    assert "class_weights" not in page.query_params
    assert [each for each in page.text_input if each.key == KEY] == []


def test_a_wrong_number_of_numbers_is_told_at_the_control(visit: Visit, warm: Supervisor) -> None:
    page = visit("dataset=digits")
    page.selectbox(key=KIND).set_value("hand").run()
    page.text_input(key=KEY).set_value("1,2").run()
    fault = page.container(key="fault-class_weights").text[0].value
    assert "expected none, balanced, or 10 numbers" in fault
    assert page.text_input(key=KEY).value == "1,2"  # nothing is lost
    assert page.button(key="train").disabled
    page.text_input(key=KEY).set_value("2,1,1,1,1,1,1,1,1,1").run()
    assert not page.button(key="train").disabled


def test_a_link_chooses_them_and_a_broken_one_is_noted(visit: Visit, warm: Supervisor) -> None:
    page = visit("dataset=digits&class_weights=balanced")
    assert page.selectbox(key=KIND).value == "balanced"
    page = visit("dataset=digits&class_weights=1,2")
    assert page.selectbox(key=KIND).value == "none"
    assert "expected none, balanced, or 10 numbers" in said(page)
