"""The page of the embedding: experiments, live sliders, links."""

from functools import partial

import pytest

from playground.errors import RunError
from playground.presets import PRESETS, WEIGHTS, paper, with_centers
from playground.races.feeder import Feeder
from playground.runs.supervisor import Supervisor
from playground.spec import RunSpec
from playground.training.events import Changed
from tests.pages.conftest import Visit, said, slid, slide
from tests.pages.test_playground import begun


@pytest.fixture
def at_embedding(visit: Visit, warm: Supervisor):
    return partial(visit, at="embedding.py")


def test_every_experiment_holds_runs_that_differ_in_what_it_says() -> None:
    sweep = PRESETS["sweep"].specs()
    assert [spec.loss for spec in sweep[1:]] == [with_centers(weight) for weight in WEIGHTS]
    assert {spec.center_rate for spec in sweep} == {0.5} and len(paper()) == 6
    for preset in PRESETS.values():
        specs = preset.specs()
        assert len({spec.digest for spec in specs}) == len(specs) <= 8
        assert len({(spec.seed, spec.width, spec.model) for spec in specs}) == 1
        assert all(spec.embedding == 2 for spec in specs)
    assert not any(spec.logits_bias for spec in PRESETS["ring"].specs()[:1])


def test_one_click_trains_an_experiment_side_by_side(
    at_embedding, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[list[RunSpec]] = []

    def submit_all(specs, visitor, attended=True):
        taken.append(list(specs))
        return [supervisor.store.create(spec, visitor, attended=attended) for spec in specs]

    monkeypatch.setattr(supervisor, "submit_all", submit_all)
    page = at_embedding("dataset=digits&epochs=7&seed=3")
    page.selectbox(key="lab-preset").set_value("collapse").run()
    page.button(key="train-lab").click().run()
    assert not page.exception, page.exception
    (specs,) = taken
    assert [spec.loss for spec in specs] == [with_centers(0.01), with_centers(100.0, 100.0)]
    assert {(spec.dataset, spec.epochs, spec.seed) for spec in specs} == {("digits", 7, 3)}
    first, second = (page.query_params[name] for name in ("run", "compare"))
    assert first and second and first != second


def test_an_experiment_that_waits_for_room_says_so(
    at_embedding, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Feeder, "tick", lambda self: None)  # no worker is free
    page = at_embedding("dataset=digits&epochs=7&seed=3")
    page.selectbox(key="lab-preset").set_value("collapse").run()
    page.button(key="train-lab").click().run()
    assert "run" not in page.query_params and not page.exception
    assert "these begin by themselves as soon as there is room" in said(page)
    assert "a race of 2 lanes" in said(page)
    assert len(supervisor.store.races.of(["me"])) == 1


def test_sliders_move_the_run_that_trains(
    at_embedding, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []
    monkeypatch.setattr(supervisor, "command", lambda *given: sent.append(given[2:]))
    run_id = begun(supervisor, RunSpec(dataset="digits", loss=with_centers(0.01)))
    page = at_embedding(f"run={run_id}")
    rate, weight = f"slider.{run_id}.rate.center_rate", f"slider.{run_id}.parameter.λ"
    slide(page, rate, 0.2)
    slide(page, weight, 0.1)
    assert not page.exception, page.exception
    assert sent == [("change", "rate", "center_rate", 0.2), ("change", "parameter", "λ", 0.1)]
    # They stay where they were put until the run has obeyed, and are the next run's as well.
    assert (slid(page, rate)["value"], slid(page, weight)["value"]) == (0.2, 0.1)
    assert page.query_params["center_rate"] in ("0.2", ["0.2"])
    assert page.query_params["loss.λ"] in ("0.1", ["0.1"])
    for value in (0.2, 0.3):  # and then show what it obeys, whoever said so
        supervisor.store.record(run_id, Changed(5, "rate", "center_rate", value))
        page.run()
        assert slid(page, rate)["value"] == value
    assert len(sent) == 2  # each once, however often the page is drawn


def test_a_slider_takes_nothing_but_numbers_of_its_range(
    at_embedding, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []
    monkeypatch.setattr(supervisor, "command", lambda *given: sent.append(given[-1]))
    run_id = begun(supervisor, RunSpec(dataset="digits", loss=with_centers(0.01)))
    page = at_embedding(f"run={run_id}")
    for value in ("much", float("nan"), 1e9):
        slide(page, f"slider.{run_id}.rate.center_rate", value)
        assert not page.exception, page.exception
    assert sent == [1.0]


def test_a_slider_goes_back_where_the_run_refuses(
    at_embedding, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RunError("This run is over.")

    monkeypatch.setattr(supervisor, "command", refuse)
    run_id = begun(supervisor, RunSpec(dataset="digits", loss=with_centers(0.01)))
    page = at_embedding(f"dataset=digits&run={run_id}")
    slide(page, key := f"slider.{run_id}.rate.center_rate", 0.2)
    assert slid(page, key)["value"] == 0.5 and slid(page, key)["heard"] == 1
    assert "This run is over." in said(page)


def test_without_a_run_sliders_set_the_next_one(at_embedding) -> None:
    page = at_embedding("dataset=digits&loss=" + "cross_entropy() %2B 0.1 * center()")
    slide(page, "slider..rate.center_rate", 0.25)
    assert not page.exception, page.exception
    assert page.query_params["center_rate"] in ("0.25", ["0.25"])
    slide(page, "slider..rate.center_rate", 0.5)
    assert "center_rate" not in page.query_params


def test_a_loss_that_ignores_the_embedding_has_no_sliders_here(at_embedding) -> None:
    page = at_embedding("dataset=digits")
    assert "-slider." not in "".join(each.proto.id for each in page.get("bidi_component"))
    assert "Measured on validation images" in said(page)


def test_it_says_what_two_features_behind_relu_cost_and_offers_linear_ones(at_embedding) -> None:
    page = at_embedding("dataset=digits&embedding=2")
    assert "share one corner of the plane" in said(page) and "57%" in said(page)
    page.button(key="linear-embedding").click().run()
    assert "corner" not in said(page)
    assert "corner" not in said(at_embedding("dataset=digits&embedding=64"))
