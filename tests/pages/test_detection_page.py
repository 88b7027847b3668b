"""The page Detection: one stage or two, the text that goes with each, and what is said of a run."""

from dataclasses import replace
from functools import partial

import pytest

from playground.runs.supervisor import Supervisor
from playground.spec import RunSpec
from playground.tasks.detection import OBJECTIVE, OBJECTIVES
from playground.training.events import Changed, Evaluated, Finished
from tests.pages.conftest import Visit, said
from tests.pages.test_playground import click, started


@pytest.fixture
def at_page(visit: Visit, supervisor: Supervisor):
    return partial(visit, at="detection.py")


def labels(page) -> set[str]:
    return {each.label for each in page.slider}


def test_the_text_goes_with_the_stages_until_it_is_the_visitors_own(at_page) -> None:
    page = at_page("task=detection&dataset=digits")
    assert page.session_state["loss_text"] == OBJECTIVE
    assert "Mask prototypes" in labels(page) and "Proposals" not in labels(page)
    page.selectbox(key="spec.stages").set_value("two").run()
    assert page.session_state["loss_text"] == OBJECTIVES["two"]
    assert "Proposals" in labels(page) and "Mask prototypes" not in labels(page)
    own = OBJECTIVES["two"].replace("giou_loss", "diou_loss")
    page = at_page(f"task=detection&dataset=digits&stages=two&loss={own.replace('+', '%2B')}")
    page.selectbox(key="spec.stages").set_value("one").run()
    assert page.session_state["loss_text"] == own
    assert "come with two stages; this run has one stage" in said(page)
    click(page, "mend-caution-0")
    assert page.session_state["spec.stages"] == "two" and "this run has" not in said(page)


def test_boxes_that_stall_are_told_and_a_click_takes_a_loss_that_pulls(
    at_page, supervisor: Supervisor
) -> None:
    text = OBJECTIVE.replace("giou_loss", "iou_loss")
    spec = RunSpec(task="detection", dataset="digits", loss=text)
    loss = {"terms": ["o * objectness", "b * box"], "latex": "", "text": text, "warnings": []}
    loss |= {"parameters": [{"name": "o", "value": 1.0}], "inputs": ["p_object", "boxes_pred"]}
    run_id = supervisor.store.create(spec, "me")
    supervisor.store.record(run_id, replace(started(), loss=loss))
    numbers = {
        "ap50": 0.0, "ap": 0.0, "mask_iou": 0.0, "recall": 0.0, "class_accuracy": 0.0,
        "box_iou": 0.01, "item_chance": 0.5, "background_chance": 0.1, "loss": 2.0,
    }  # fmt: skip
    for step in (200, 300, 400):
        supervisor.store.record(
            run_id, Evaluated(step, step / 90, "validation", 10, True, dict(numbers))
        )
    supervisor.store.record(run_id, Changed(350, "rate", "learning_rate", 0.002))
    supervisor.store.record(run_id, Finished(400, "completed", 9.0, {}))
    page = at_page(f"run={run_id}")
    assert "Boxes miss their items: they overlap them by an IoU of 0.01" in said(page)
    assert "iou_loss has no gradient" in said(page)
    assert "Take giou_loss in the place of iou_loss." in said(page)
    click(page, "next-step")
    assert page.session_state["loss_text"] == OBJECTIVE
    assert page.session_state["spec.learning_rate"] == 0.002  # as it was changed while it trained
