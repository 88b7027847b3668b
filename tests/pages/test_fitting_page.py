"""The page Fitting: the three nets, the lessons, the verdict, what a viewer is sent."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.live.feed import Reader
from pages.parts import judged
from pages.parts.lessons import LESSONS, TRIO
from pages.parts.robust_card import LOSSES, NOISE, STORED
from pages.parts.url import MOST_LESSONS, View
from playground.runs.supervisor import Supervisor
from playground.spec import RunSpec
from playground.tasks.classification import fit_series
from playground.training.events import Evaluated, Finished, Progress
from playground.verdicts import judging
from tests.pages.conftest import Visit, said
from tests.pages.test_playground import click, started

Opened = Callable[..., AppTest]


@pytest.fixture
def at_fitting(visit: Visit) -> Opened:
    return partial(visit, at="fitting.py")


def test_it_begins_with_a_net_that_fits_and_asks_to_train(at_fitting: Opened) -> None:
    page = at_fitting()
    assert page.number_input(key="spec.train_images").value == TRIO["About right"].train_images
    assert "what the curves amount to will stand here" in said(page)
    assert page.session_state["spec.watch_fit"] is True


def test_what_it_begins_with_is_not_carried_elsewhere(at_fitting: Opened) -> None:
    page = at_fitting()
    page.switch_page("playground.py").run()
    assert page.selectbox(key="spec.dataset").value == RunSpec().dataset
    assert page.slider(key="spec.label_noise").value == 0
    page.switch_page("fitting.py").run()
    page.slider(key="spec.width").set_value(10).run()
    page.switch_page("playground.py").run()
    assert page.slider(key="spec.width").value == 10
    assert page.slider(key="spec.label_noise").value == TRIO["About right"].label_noise


def test_what_was_trained_with_stays(at_fitting: Opened) -> None:
    page = click(at_fitting(), "train")
    assert page.session_state["run"]
    page.switch_page("playground.py").run()
    assert page.slider(key="spec.label_noise").value == TRIO["About right"].label_noise


def test_settings_that_were_made_elsewhere_stay(at_fitting: Opened) -> None:
    page = at_fitting("dataset=digits&width=10&label_noise=0.2")
    assert page.slider(key="spec.width").value == 10
    assert page.slider(key="spec.label_noise").value == 0.2


def test_three_nets_start_with_one_click(at_fitting: Opened, supervisor: Supervisor) -> None:
    page = click(at_fitting(), "train-three")
    state = page.session_state
    runs = [supervisor.store.run(each) for each in (state["run"], *state["compare"])]
    assert [run.spec for run in runs if run is not None] == list(TRIO.values())
    text = said(page)
    assert all(name in text for name in TRIO) and text.count("Not enough evidence yet") == 3
    assert page.button(key="train-three").disabled


def test_losses_under_noise_as_measured_on_either_data_set(at_fitting: Opened) -> None:
    page = at_fitting()
    shown = {}
    for name, title in STORED.items():
        page.segmented_control(key="robust-dataset").set_value(name).run()
        assert not page.exception, page.exception
        table = page.table[0].value
        assert len(table) == len(LOSSES) and len(table.columns) == 5
        assert f"images of {title}" in said(page)
        shown[name] = table.to_string()
    assert shown["mnist"] != shown["cifar10"]


def overfitted(supervisor: Supervisor, spec: RunSpec) -> str:
    """A run of twelve epochs that overfits from the fourth on."""
    run_id = supervisor.store.create(spec, "me")
    supervisor.store.record(run_id, replace(started(), validation_images=500))
    for epoch in range(1, 13):
        ten = np.full(100, 1.0 / epoch, np.float32)
        supervisor.store.record(
            run_id,
            Progress(100 * epoch, epoch, epoch, 9.0, {"loss": ten, "accuracy": ten}),
        )
        for split, nll, accuracy in (
            ("train", 2 / epoch**2, 1 - 0.5 / epoch**2),
            ("validation", 0.5 + abs(epoch - 4) / 10, 0.8 - max(0, epoch - 4) / 50),
        ):
            metrics = {"loss": nll, "accuracy": accuracy, "negative_log_likelihood": nll}
            metrics |= {"nll_error": 0.02, "expected_calibration_error": 0.1, "brier": 0.3}
            supervisor.store.record(
                run_id, Evaluated(100 * epoch, epoch, split, 500, True, metrics, {})
            )
    return run_id


def test_the_verdict_stands_there_with_its_evidence(
    at_fitting: Opened, supervisor: Supervisor
) -> None:
    run_id = overfitted(supervisor, RunSpec(dataset="digits", watch_fit=True))
    supervisor.store.set_state(run_id, "stopped")
    page = at_fitting(f"run={run_id}")
    assert "Overfitting since epoch 4" in said(page)
    table = page.table[0].value.astype(str).to_string()
    assert "Validation NLL, least" in table and "at epoch 4" in table


def test_a_verdict_is_worked_out_once_for_all_who_look_and_anew_when_the_run_ends(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = overfitted(supervisor, RunSpec(dataset="digits", watch_fit=True))
    worked, judge = [], judging.judge

    def noted(*given: Any) -> Any:
        worked.append(given)
        return judge(*given)

    monkeypatch.setattr(judging, "judge", noted)

    def look() -> str:
        record = supervisor.store.run(run_id)
        assert record is not None
        return judged.verdict(record).sentence

    assert len({look() for _ in range(50)}) == 1 and len(worked) < 50
    before = len(worked)
    supervisor.store.set_state(run_id, "stopped")
    look()
    assert len(worked) == before + 1


def test_a_viewer_is_sent_what_the_charts_of_fitting_draw(supervisor: Supervisor) -> None:
    run_id = overfitted(supervisor, RunSpec(dataset="digits", watch_fit=True))
    reader = Reader(run_id, supervisor.store, supervisor)
    news = reader.news()
    assert news is not None
    assert set(fit_series(RunSpec(watch_fit=True))) <= set(news["series"])
    assert news["steps_per_epoch"] == 100 and "baseline" in news


@pytest.mark.parametrize("number", range(1, MOST_LESSONS + 1))
def test_a_lesson_is_a_link_that_opens_the_page_in_its_state(
    at_fitting: Opened, number: int
) -> None:
    lesson = LESSONS[number - 1]
    query = lesson.spec.to_query()
    assert RunSpec.from_query(query) == (lesson.spec, [])
    page = at_fitting(urlencode({**query, "lesson": number}))
    assert lesson.means in [words.value.split("** ", 1)[-1] for words in page.markdown]
    assert page.slider(key="spec.width").value == lesson.spec.width
    pressed = click(at_fitting(), f"open-lesson-{number}")
    assert pressed.query_params["lesson"] in (str(number), [str(number)])
    assert pressed.slider(key="spec.width").value == lesson.spec.width


def test_there_are_as_many_lessons_as_links_may_name() -> None:
    assert len(LESSONS) == MOST_LESSONS
    assert View.from_query({"lesson": "3"}) == (View(lesson=3), [])
    assert View.from_query({"lesson": "9"})[1]


def test_a_sweep_is_planned_started_and_found_again(
    at_fitting: Opened, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = at_fitting("dataset=digits&train_images=400&validation_images=500&sweep=dropout")
    assert "5 runs around the present settings" in said(page)
    page = click(page, "sweep-run")
    (first,) = supervisor.store.runs()  # the others are started as workers are free
    assert first.spec.dropout == 0.0
    assert "0 of 5 points; 5 train or wait" in said(page)
    monkeypatch.setattr(type(supervisor._executor), "waits", "a Ray node with 1 CPU")
    assert "; 5 train or wait, for a Ray node with 1 CPU" in said(page.run())
    supervisor.store.record(first.id, started())
    supervisor.store.record(
        first.id,
        Evaluated(100, 1.0, "validation", 500, True, {"loss": 1.0, "accuracy": 0.9}),
    )
    supervisor.store.record(first.id, Finished(100, "completed", 1.0, {"accuracy": 0.91}))
    page.run()
    assert "1 of 5 points; 4 train or wait" in said(page)
    again = at_fitting("dataset=digits&train_images=400&validation_images=500&sweep=dropout")
    assert "1 of 5 points" in said(again)


def test_a_sweep_nobody_knows_falls_back_with_a_note() -> None:
    found, notes = View.from_query({"sweep": "<b>"})
    assert found == View() and "expected one of width" in notes[0]


def test_four_losses_start_from_the_same_settings_with_noise(
    at_fitting: Opened, supervisor: Supervisor
) -> None:
    page = at_fitting("dataset=digits&train_images=300&validation_images=300&width=6")
    click(page, "train-robust")
    runs = supervisor.store.runs()
    assert sorted(run.spec.loss for run in runs) == sorted(LOSSES)
    assert {(run.spec.label_noise, run.spec.width, run.spec.seed) for run in runs} == {
        (NOISE, 6, 0)
    }
    assert len(page.session_state["compare"]) == 3
    table = page.table[-1].value.astype(str).to_string()
    assert all(name in table for name in LOSSES.values()) and "%" in table


def test_what_the_curves_lie_along_is_in_the_address() -> None:
    assert View(axis="seconds").to_query("pick", "focal") == {"along": "seconds"}
    assert View.from_query({"along": "epoch"}) == (View(axis="epoch"), [])
    found, notes = View.from_query({"along": "<b>"})
    assert found == View() and "expected one of step, epoch, seconds" in notes[0]
