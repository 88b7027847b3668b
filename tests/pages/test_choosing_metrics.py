"""Choosing and writing metrics: what reaches the spec, the link and the charts."""

import json
import re

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts import metrics
from playground.knobs import metric_key
from playground.runs.supervisor import Supervisor
from playground.spec import RunSpec
from tests.pages.conftest import Visit, said
from tests.pages.test_playground import click

WRITTEN = "mean(p_true > 0.9, axis=-1)"


def write(page: AppTest, text: str) -> AppTest:
    """What the editor would give, and a click on Add."""
    page.session_state["metric_text"] = text
    page.session_state["metric-editor.memory"].given = text
    return click(page, "add-metric")


def test_chosen_metrics_are_in_the_link_and_in_the_run(visit: Visit, warm: Supervisor) -> None:
    page = visit("dataset=digits")
    assert "metrics" not in page.query_params
    page.pills(key="metrics-named").set_value(["brier", "macro_f1"]).run()
    assert page.query_params["metrics"] == "brier,macro_f1"
    assert "Brier 1950" in said(page)
    page.pills(key="metrics-named").unselect("brier").run()
    assert page.query_params["metrics"] == "macro_f1"
    click(page, "train")
    [record] = warm.store.runs()
    assert record.spec == RunSpec(dataset="digits", metrics=("macro_f1",))


def test_metrics_that_a_task_cannot_have_are_said_and_not_offered(
    visit: Visit, warm: Supervisor
) -> None:
    page = visit("task=siamese&dataset=digits")
    offered = [pills for pills in page.pills if pills.key == "metrics-named"]
    names = [option.content for pills in offered for option in pills.options]
    assert "Brier score" not in names
    assert re.search(r"Not here: .*Brier score.*\. Each needs y_true, y_pred, which", said(page))
    assert "Not here" not in said(visit("dataset=digits"))


def test_a_link_chooses_metrics(visit: Visit, warm: Supervisor) -> None:
    page = visit(f"dataset=digits&metrics={json.dumps(['brier', WRITTEN])}")
    assert page.pills(key="metrics-named").value == ["brier"]
    assert [block.value for block in page.code] == [WRITTEN]
    click(page, f"metric-remove-{metric_key(WRITTEN)}")
    assert page.query_params["metrics"] == "brier"
    assert "notes" not in page.session_state or not page.session_state["notes"]


def test_a_written_metric_is_added_once_and_the_editor_is_empty_again(
    visit: Visit, warm: Supervisor
) -> None:
    page = write(visit("dataset=digits&metrics=brier"), WRITTEN)
    assert metrics.KEY in page.session_state
    assert page.session_state[metrics.KEY] == ["brier", WRITTEN]
    assert page.session_state["metric_text"] == ""
    page = write(page, WRITTEN)
    assert page.session_state[metrics.KEY] == ["brier", WRITTEN]
    page = write(page, " accuracy ")  # is there anyway
    assert page.session_state[metrics.KEY] == ["brier", WRITTEN]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("mean(y_ture)", "Line 1, column 6: unknown name 'y_ture'"),
        ("y_true", "the metric does not use the prediction"),
        (" ", "Write a metric first"),
    ],
)
def test_a_faulty_metric_is_told_with_its_place_and_not_added(
    visit: Visit, warm: Supervisor, text: str, fault: str
) -> None:
    page = write(visit("dataset=digits"), text)
    assert fault in page.container(key="fault-metric").text[0].value
    assert page.session_state[metrics.KEY] == []
    assert page.session_state["metric_text"] == text
    page = write(page, WRITTEN)
    assert not [each for each in page.text if fault in each.value]


def test_a_faulty_metric_of_a_link_is_not_trained(visit: Visit, warm: Supervisor) -> None:
    page = click(visit("dataset=digits&metrics=mean(y_ture)"), "train")
    assert "The metric mean(y_ture): Line 1, column 6: unknown name 'y_ture'" in said(page)
    assert warm.store.runs() == []
    click(page, f"metric-remove-{metric_key('mean(y_ture)')}")
    assert "y_ture" not in said(page)
    click(page, "train")
    assert len(warm.store.runs()) == 1


def test_there_are_never_more_than_six(visit: Visit, warm: Supervisor) -> None:
    names = [info["name"] for info in warm.questions.ask("metrics")][1:]
    page = visit("dataset=digits")
    page.pills(key="metrics-named").set_value(names[:7]).run()
    assert page.session_state[metrics.KEY] == names[:6]
    assert page.button(key="add-metric").disabled
    assert not page.button(key="train").disabled


def test_metrics_of_a_link_wait_for_the_worker(visit: Visit) -> None:
    page = visit("dataset=digits&metrics=brier")
    assert "the list follows in a few seconds" in said(page)
    assert page.query_params["metrics"] == "brier"


def test_what_a_chart_is_called(warm: Supervisor) -> None:
    named, text = metrics.described(["expected_calibration_error", "a = 1\n" + "p_true + " * 9])
    assert (named.key, named.short, named.unit) == ("expected_calibration_error", "ECE", "%")
    assert named.better == "lower"
    assert text.title.startswith("p_true + p_true +") and len(text.title) == 60
    assert len(text.short) == 14
    assert text.better == text.unit == ""
    [sure] = metrics.described(["# surely right\np_true > 0.9"])
    assert sure.title == sure.short == "surely right"
    assert metrics.described(["#\np_true"])[0].title == "p_true"
    [pasted] = metrics.described(["def earth_mover(y_true, y_pred):\n    return mean(y_pred)"])
    assert pasted.title == pasted.short == "earth_mover"
