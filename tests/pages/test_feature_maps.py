"""The page of feature maps: what a link and an upload do to it."""

import io
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from PIL import Image

from pages.live import component
from pages.live.component import Seen, seen_of
from pages.parts.url import View
from playground.runs.supervisor import Supervisor
from playground.spec import RunSpec
from playground.training.events import Changed, Snapshot
from tests.pages.conftest import Visit, said
from tests.pages.test_playground import begun, started


@pytest.fixture
def at_maps(visit: Visit, supervisor: Supervisor):
    return partial(visit, at="feature_maps.py")


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def test_it_stands_without_a_run(at_maps) -> None:
    page = at_maps("dataset=digits")
    assert not page.button(key="train").disabled
    assert page.subheader[-1].value == "Feature maps" or "Feature maps" in [
        each.value for each in page.subheader
    ]


def test_walking_there_and_back_loses_no_setting(at_maps, supervisor: Supervisor) -> None:
    first, second = (begun(supervisor, RunSpec(dataset="digits", seed=seed)) for seed in (1, 2))
    for run_id in (first, second):
        supervisor.store.set_state(run_id, "stopped")
    page = at_maps(f"dataset=digits&width=8&seed=5&run={first}&compare={second}&smoothing=0.3")
    assert page.session_state["compare"] == [second]
    page.switch_page("playground.py").run()
    assert not page.exception, page.exception
    assert page.slider(key="spec.width").value == 8
    assert page.number_input(key="spec.seed").value == 5
    assert page.session_state["compare"] == [second]
    assert page.query_params["run"] in (first, [first])


def test_any_lane_of_a_race_can_stand_beside_the_shown_one(
    at_maps, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    maps = component.maps

    def noted(*args, other=None, **more):
        drawn.append(other)
        return maps(*args, other=other, **more)

    monkeypatch.setattr(component, "maps", noted)
    lanes = [begun(supervisor, RunSpec(dataset="digits", dropout=rate)) for rate in (0, 0.2, 0.4)]
    page = at_maps(f"run={lanes[0]}&compare={','.join(lanes[1:])}")
    assert drawn[-1].id == lanes[1]
    page.selectbox(key="maps.beside").set_value(lanes[2]).run()
    assert drawn[-1].id == lanes[2]


def test_what_is_looked_at_is_in_the_link_and_back() -> None:
    seen = Seen(image=17, step=120, layer="block2_conv", unit=3)
    query = View(seen=seen).to_query("pick", "focal")
    assert View.from_query(query) == (View(seen=seen), [])
    assert View(seen=Seen()).to_query("pick", "focal") == {}


@pytest.mark.parametrize(
    "query",
    [{"image": "-1"}, {"image": "one"}, {"at": "1.5"}, {"layer": "<b>"}, {"filter": "x" * 99}],
)
def test_a_bad_value_falls_back_with_a_note(query: dict) -> None:
    found, notes = View.from_query(query)
    assert found.seen == Seen() and len(notes) == 1 and next(iter(query)) in notes[0]


@pytest.mark.parametrize(
    "view",
    [
        None,
        5,
        {},
        {"image": "1"},
        {"image": 1, "unit": 2, "step": "x", "layer": ""},
        {"image": 1.5, "unit": 2, "step": 1, "layer": ""},
        {"image": -5, "unit": 2, "step": 1, "layer": ""},
        {"image": 1, "unit": 2, "step": 10**30, "layer": ""},
        {"image": 1, "unit": 2, "step": 1, "layer": 7},
    ],
)
def test_what_a_browser_says_is_checked(view: object) -> None:
    assert seen_of(view, Seen(3)) == Seen(3)


def test_a_picture_is_kept_when_the_next_cannot_be_used(at_maps) -> None:
    page = at_maps("dataset=mnist")
    page.file_uploader(key="upload").set_value(
        ("seven.png", png(Image.new("L", (40, 40), 9)), "image/png")
    ).run()
    digest, name, _ = page.session_state["picture"]
    assert name == "seven.png"
    page.file_uploader(key="upload").set_value(("not.png", b"hello", "image/png")).run()
    assert not page.exception, page.exception
    assert "This is not a picture that can be read." in said(page)
    assert page.session_state["picture"][0] == digest


def test_a_run_from_before_is_said_to_be_so(supervisor: Supervisor) -> None:
    from playground.errors import RunError

    run_id = begun(supervisor, RunSpec(dataset="digits"))
    with pytest.raises(RunError, match="no weights yet"):
        supervisor.questions.ask("maps", run=run_id)
    supervisor.store.record(run_id, Snapshot(3, "weights", {"a": np.ones(2)}))
    with pytest.raises(RunError, match="before networks could be looked into"):
        supervisor.questions.ask("maps", run=run_id)
    with pytest.raises(RunError, match="no such run"):
        supervisor.questions.ask("maps", run="nothing")


def test_weights_are_those_nearest_to_the_step(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    looker = supervisor.questions._clients["look"]
    monkeypatch.setattr(looker, "start", lambda: None)
    monkeypatch.setattr(looker, "ask", lambda *_, **asked: {"of": asked["weights"]["a"][0]})
    run_id = begun(supervisor, RunSpec(dataset="digits"))
    for step in (0, 10, 40):
        arrays = {"a": np.array([step]), "normalise/mean": np.zeros(1)}
        supervisor.store.record(run_id, Snapshot(step, "weights", arrays))
    assert supervisor.questions.ask("maps", run=run_id, step=13) == {"of": 10, "step": 10}
    assert supervisor.questions.ask("maps", run=run_id, step=10**8) == {"of": 40, "step": 40}
    assert supervisor.questions.ask("maps", run=run_id) == {"of": 40, "step": 40}


def test_gradients_are_those_of_the_loss_as_it_was_changed(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    looker = supervisor.questions._clients["look"]
    monkeypatch.setattr(looker, "start", lambda: None)
    monkeypatch.setattr(looker, "ask", lambda *_, **asked: {"spec": asked["spec"]})
    spec = RunSpec(dataset="digits", loss="focal", loss_parameters={"gamma": 1.0})
    run_id = supervisor.store.create(spec, "me")
    loss = {**started().loss, "parameters": [{"name": "gamma"}]}
    supervisor.store.record(run_id, replace(started(), loss=loss))
    for step in (0, 10):
        arrays = {"normalise/mean": np.zeros(1)}
        supervisor.store.record(run_id, Snapshot(step, "weights", arrays))
    supervisor.store.record(run_id, Changed(5, "parameter", "gamma", 4.0))
    supervisor.store.record(run_id, Changed(6, "rate", "learning_rate", 0.5))

    def gamma(step: int) -> dict[str, float]:
        spec = RunSpec.from_json(supervisor.questions.ask("maps", run=run_id, step=step)["spec"])
        return spec.loss_parameters

    assert gamma(0) == {"gamma": 1.0} and gamma(10) == {"gamma": 4.0}
