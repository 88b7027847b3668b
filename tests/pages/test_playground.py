"""The Playground page's logic: what a link, a click or a bad value does to it."""

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.parts import visitor
from playground.errors import RunError
from playground.runs.records import TERMINAL
from playground.runs.removal import LEAST_RUNS
from playground.runs.supervisor import Supervisor
from playground.spec import RunSpec
from playground.training.events import Changed, Evaluated, Failed, Preparing, Progress, Started
from tests.pages.conftest import Visit, answer, said, verdicts

WRITTEN = "gamma = 2.0  # 0..5\n-(1 - p_true)**gamma * log(p_true)"


def begun(supervisor: Supervisor, spec: RunSpec, owner: str = "me") -> str:
    """A run that trains and has done ten steps."""
    run_id = supervisor.store.create(spec, owner)
    supervisor.store.record(run_id, Preparing("Reading"))
    supervisor.store.record(run_id, started())
    ten = np.linspace(2.3, 1.0, 10, dtype=np.float32)
    supervisor.store.record(run_id, Progress(10, 0.1, 1.0, 500.0, {"loss": ten, "accuracy": ten}))
    return run_id


def started() -> Started:
    names = [str(digit) for digit in range(10)]
    loss = {"title": "", "latex": "", "text": "", "parameters": [], "warnings": [], "inputs": []}
    arrays = {
        "strip_images": np.zeros((4, 8, 8, 1), np.uint8),
        "strip_labels": np.arange(4),
    }
    return Started(1000, [], 100, 100, 90, 10, 10, names, loss, arrays)


def click(page: AppTest, key: str) -> AppTest:
    page.button(key=key).click().run()
    assert not page.exception, page.exception
    return page


def test_first_visit_is_ready_to_train(visit: Visit, warm: Supervisor) -> None:
    page = visit("dataset=digits")
    assert not page.button(key="train").disabled
    assert all(page.button(key=key).disabled for key in ("pause", "step", "stop", "reset"))
    assert page.selectbox(key="loss_name").value == "categorical_crossentropy"
    assert "1,293 to train on · 144 for validation · 360 test" in said(page)
    assert said(page).count("weights in") == 1
    assert page.latex[0].value


def test_page_stands_before_workers_are_warm(visit: Visit) -> None:
    page = visit("dataset=digits&loss=huber")
    assert "TensorFlow is starting" in said(page)
    assert not page.button(key="train").disabled


def test_missing_data_offers_digits_and_says_what_is_missing(
    visit: Visit, warm: Supervisor
) -> None:
    page = visit()
    assert "MNIST is not on this machine" in said(page)
    assert "PLAYGROUND_DATA" in said(page)
    click(page, "use-digits")
    assert page.selectbox(key="spec.dataset").value == "digits"
    assert page.number_input(key="spec.epochs").value == 30
    assert page.query_params["dataset"] == "digits"


def test_url_sets_every_kind_of_control(visit: Visit, warm: Supervisor) -> None:
    query = (
        "dataset=cifar10&width=8&dropout=0.5&learning_rate=0.0042&schedule=cosine&batch_norm=0"
        "&loss=huber&loss.delta=0.3&smoothing=0.8&log=1"
    )
    page = visit(query)
    assert page.selectbox(key="spec.dataset").value == "cifar10"
    assert page.slider(key="spec.width").value == 8
    assert page.slider(key="spec.dropout").value == 0.5
    assert page.select_slider(key="spec.learning_rate").value == 0.0042
    assert page.selectbox(key="spec.schedule").value == "cosine"
    assert page.toggle(key="spec.batch_norm").value is False
    assert page.number_input(key="spec.embedding").value == 128  # CIFAR-10's own default
    assert page.selectbox(key="loss_name").value == "huber"
    assert page.slider(key="parameter.pick.delta").value == 0.3
    assert page.slider(key="view.smoothing").value == 0.8
    assert page.toggle(key="view.log").value is True
    assert "notes" not in page.session_state or not page.session_state["notes"]
    given = dict(part.split("=") for part in query.split("&"))
    assert {name: page.query_params[name] for name in given} == given


def test_bad_values_fall_back_with_a_note_until_it_is_dismissed(
    visit: Visit, warm: Supervisor
) -> None:
    page = visit("dataset=digits&epochs=900&wdith=4&smoothing=7&run=nosuchrun123&log=maybe")
    for part in (
        "epochs: expected 1 to 200; got 900",
        "wdith: not a setting",
        "smoothing:",
        "log:",
    ):
        assert part in said(page)
    assert "there is no run 'nosuchrun123'" in said(page)
    assert page.number_input(key="spec.epochs").value == 30
    assert set(page.query_params) == {"dataset"}
    click(page, "dismiss-notes")
    assert "epochs: expected" not in said(page)


def test_another_data_set_brings_its_own_defaults(visit: Visit, warm: Supervisor) -> None:
    page = visit("dataset=digits&width=8&learning_rate=0.01")
    page.selectbox(key="spec.dataset").select("cifar10").run()
    assert page.slider(key="spec.width").value == 32
    assert page.number_input(key="spec.epochs").value == 10
    assert page.toggle(key="spec.batch_norm").value is True
    assert page.select_slider(key="spec.learning_rate").value == 0.01  # suits any data set
    page.number_input(key="spec.train_images").set_value(5000).run()
    page.selectbox(key="spec.dataset").select("digits").run()
    assert page.number_input(key="spec.train_images").value == 0  # digits has fewer


def test_moved_control_is_in_the_url(visit: Visit, warm: Supervisor) -> None:
    page = visit("dataset=digits")
    page.slider(key="spec.width").set_value(8).run()
    page.toggle(key="view.log").set_value(True).run()
    assert dict(page.query_params) == {"dataset": "digits", "width": "8", "log": "1"}
    page.slider(key="spec.width").set_value(16).run()
    assert "width" not in page.query_params


def test_wrong_setting_is_told_at_its_control(visit: Visit, warm: Supervisor) -> None:
    page = visit("dataset=digits")
    page.number_input(key="spec.train_images").set_value(20).run()
    fault = page.container(key="fault-train_images").text[0].value
    assert fault.startswith("expected 0 (all)")
    assert fault.endswith("got 20")
    assert page.button(key="train").disabled
    assert page.number_input(key="spec.train_images").value == 20


def test_named_loss_opens_in_the_editor(visit: Visit, warm: Supervisor) -> None:
    page = visit("dataset=digits&loss=categorical_focal_crossentropy&loss.gamma=3")
    click(page, "edit-as-text")
    assert page.session_state["loss_mode"] == "write"
    assert "gamma = 2.0" in page.session_state["loss_text"]
    assert page.slider(key="parameter.write.gamma").value == 3
    assert page.query_params["loss"] == page.session_state["loss_text"]
    assert page.query_params["loss.gamma"] == "3"
    page.segmented_control(key="loss_mode").set_value("pick").run()
    assert page.query_params["loss"] == "categorical_focal_crossentropy"


def test_text_starts_from_a_named_loss_and_comes_back(visit: Visit, warm: Supervisor) -> None:
    page = visit("dataset=digits&loss=-log(p_true)*3")
    page.selectbox(key="start_from").select("focal").run()
    assert "(1 - pt)**gamma" in page.session_state["loss_text"]
    assert page.selectbox(key="start_from").value is None
    click(page, "back-to-mine")
    assert page.session_state["loss_text"] == "-log(p_true)*3"
    assert not [button for button in page.button if button.key == "back-to-mine"]


def test_every_named_loss_can_be_searched_and_edited(visit: Visit, warm: Supervisor) -> None:
    options = visit("dataset=digits").selectbox(key="loss_name").options
    for words in ("log loss", "BCE", "MSE", "noise", "imbalance", "Noisy labels"):
        assert [option for option in options if words in option], words
    assert all(info["text"] for info in warm.questions.ask("catalog"))


def test_written_loss_has_sliders_and_forgets_those_that_left(
    visit: Visit, warm: Supervisor
) -> None:
    page = visit(f"dataset=digits&loss={WRITTEN.replace('+', '%2B')}&loss.delta=4")
    assert [slider.label for slider in page.container(key="panel-loss").slider] == ["gamma"]
    page.slider(key="parameter.write.gamma").set_value(1.0).run()
    assert page.query_params["loss.gamma"] == "1"
    assert "loss.delta" not in page.query_params


def test_faulty_loss_is_not_trained_and_kept(visit: Visit, warm: Supervisor) -> None:
    text = "-sum(y_tru * log(y_pred), axis=-1)"
    page = click(visit(f"dataset=digits&loss={text}"), "train")
    assert "Line 1, column 6: unknown name 'y_tru'" in said(page)
    assert warm.store.runs() == []
    assert page.query_params["loss"] == text


def test_train_queues_a_run_that_stop_takes_back(visit: Visit, warm: Supervisor) -> None:
    page = click(visit("dataset=digits&width=8"), "train")
    [record] = warm.store.runs()
    assert record.spec == RunSpec(dataset="digits", width=8)
    assert record.owner == "me"
    assert page.query_params["run"] == record.id
    assert page.button(key="train").disabled
    assert page.button(key="pause").disabled
    click(page, "stop")
    assert warm.store.run(record.id).state == "stopped"
    page.run()
    assert not page.button(key="train").disabled


def test_second_run_leaves_the_first_on_the_charts(visit: Visit, warm: Supervisor) -> None:
    first = begun(warm, RunSpec(dataset="digits"))
    warm.store.set_state(first, "stopped")
    page = click(visit(f"run={first}"), "train")
    assert page.session_state["compare"] == [first]
    assert page.query_params["compare"] == first
    assert page.query_params["run"] != first


def test_full_queue_is_said_and_nothing_is_lost(
    visit: Visit, warm: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(specs: list[RunSpec], visitor: str) -> list[str]:
        raise RunError("All workers are busy and 16 runs wait.", "Try again later.")

    monkeypatch.setattr(warm, "submit_all", full)
    page = click(visit(f"dataset=digits&loss={WRITTEN}"), "train")
    assert "All workers are busy and 16 runs wait." in said(page)
    assert "Try again later." in said(page)
    assert page.session_state["loss_text"] == WRITTEN
    click(page, "dismiss-problem-recalled")
    assert "All workers" not in said(page)


def test_link_to_a_run_shows_its_settings_unless_it_says_otherwise(
    visit: Visit, warm: Supervisor
) -> None:
    spec = RunSpec(dataset="digits", width=8, learning_rate=0.02, loss="huber")
    run_id = begun(warm, spec)
    page = visit(f"run={run_id}&learning_rate=0.001")
    assert page.slider(key="spec.width").value == 8
    assert page.selectbox(key="loss_name").value == "huber"
    assert page.select_slider(key="spec.learning_rate").value == 0.001
    again = visit("&".join(f"{name}={value}" for name, value in page.query_params.items()))
    assert again.select_slider(key="spec.learning_rate").value == 0.001
    assert again.slider(key="spec.width").value == 8


def test_only_its_owner_steers_a_run(visit: Visit, warm: Supervisor) -> None:
    spec = RunSpec(dataset="digits", width=8)
    run_id = begun(warm, spec, owner="someone else")
    page = visit(f"run={run_id}")
    assert "Only the browser that started this run can steer it." in said(page)
    assert all(page.button(key=key).disabled for key in ("pause", "step", "stop"))
    click(page, "train-copy")
    mine = warm.store.runs(owner="me")
    assert [record.spec for record in mine] == [spec]
    assert page.query_params["run"] == mine[0].id


@pytest.mark.parametrize("local", [True, False])
def test_a_terminals_run_is_listed_on_its_machine_and_obeys_the_terminal_alone(
    visit: Visit, warm: Supervisor, monkeypatch: pytest.MonkeyPatch, local: bool
) -> None:
    monkeypatch.setattr(visitor, "local", lambda: local)
    mine = begun(warm, RunSpec(dataset="digits"))
    theirs = begun(warm, RunSpec(dataset="digits", loss="huber"), owner=TERMINAL)
    page = visit(f"run={mine}")
    offered = page.selectbox(key="run-shown").options
    assert [name for name in offered if "terminal" in name] == (
        ["#2 Huber · Digits (8×8) · terminal"] if local else []
    )
    page = visit(f"run={theirs}")  # whoever has the link may watch
    assert "This run trains in a terminal: Ctrl-C there stops it." in said(page)
    assert all(page.button(key=key).disabled for key in ("pause", "step", "stop"))
    with pytest.raises(RunError, match="in a terminal"):
        warm.command(theirs, "me", "stop")


def test_runs_that_went_are_named_where_they_are_missed(visit: Visit, warm: Supervisor) -> None:
    ids = [begun(warm, RunSpec(dataset="digits")) for _ in range(LEAST_RUNS + 3)]
    for run_id in ids:
        warm.store.set_state(run_id, "stopped")
    warm.store.delete(ids[-1:])
    warm.store._most_bytes = 1
    assert len(warm.store.make_room()) == 2
    page = visit(f"run={ids[0]}")
    assert "Removed, the oldest without a star first" in said(page)
    assert "your runs within 10 GiB and all within 10: #2, #1." in said(page)
    assert re.search(r"#1 was removed on \S+ to make room for others", said(page))
    assert re.search(r"#11 was removed on \S+ by who keeps", said(visit(f"run={ids[-1]}")))


def test_live_run_is_steered_and_changed(
    visit: Visit, warm: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []
    monkeypatch.setattr(warm, "command", lambda *command: sent.append(command))
    run_id = begun(warm, RunSpec(dataset="digits"))
    page = visit(f"run={run_id}")
    assert "These settings apply to the next run." in said(page)
    click(page, "pause")
    assert sent.pop() == (run_id, "me", "pause", "", "", 0.0)
    warm.store.record(run_id, Changed(10, "state", "", "paused"))
    click(page.run(), "resume")
    assert sent.pop()[2] == "resume"
    page.select_slider(key="spec.learning_rate").set_value(0.01).run()
    click(page, "apply-rate-learning_rate")
    assert sent.pop() == (run_id, "me", "change", "rate", "learning_rate", 0.01)
    warm.store.record(run_id, Changed(11, "rate", "learning_rate", 0.01))
    page.run()
    assert not [button for button in page.button if button.key == "apply-rate-learning_rate"]


def test_runs_side_by_side_are_steered_as_one(
    visit: Visit, warm: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []
    monkeypatch.setattr(warm, "command", lambda *command: sent.append(command[:3]))
    first, second = (begun(warm, RunSpec(dataset="digits", seed=seed)) for seed in range(2))
    theirs = begun(warm, RunSpec(dataset="digits"), owner="other")
    done = begun(warm, RunSpec(dataset="digits"))
    warm.store.set_state(done, "stopped")
    page = visit(f"run={first}&compare={second},{theirs},{done}")
    assert page.button(key="stop").label == "Stop all"
    click(page, "pause")
    assert sent == [(first, "me", "pause"), (second, "me", "pause")]
    warm.store.record(first, Changed(10, "state", "", "paused"))
    assert click(page.run(), "pause").button(key="pause").label == "Pause all"
    assert sent[2:] == [(second, "me", "pause")]
    warm.store.set_state(first, "stopped")
    click(page.run(), "stop")
    assert sent[3:] == [(second, "me", "stop")]


def test_failed_run_says_what_where_and_what_was_kept(visit: Visit, warm: Supervisor) -> None:
    run_id = begun(warm, RunSpec(dataset="digits", loss="log(y_pred - 1)"))
    where = {"line": 1, "column": 1, "end_line": 1, "end_column": 16, "fragment": "log(y_pred - 1)"}
    warm.store.record(
        run_id, Failed(10, "nonfinite", "The loss is NaN at step 10.", "Clip it.", where)
    )
    page = visit(f"run={run_id}")
    panel = page.container(key="failed")
    assert panel.text[0].value == "The loss is NaN at step 10."
    assert "log(y_pred - 1)\n^^^^" in panel.code[0].value
    assert panel.caption[0].value == "Line 1, column 1:"
    assert panel.text[1].value == "Clip it. Then press Train."
    assert not page.button(key="train").disabled


def test_reset_puts_the_run_away(visit: Visit, warm: Supervisor) -> None:
    run_id = begun(warm, RunSpec(dataset="digits"))
    warm.store.set_state(run_id, "stopped")
    page = click(visit(f"run={run_id}"), "reset")
    assert "run" not in page.query_params
    assert page.button(key="reset").disabled


def test_visitor_text_is_never_markdown(visit: Visit, warm: Supervisor) -> None:
    text = "**bold** <b>x</b> [a](javascript:1) :red[x]"
    run_id = begun(warm, RunSpec(dataset="digits", loss=text))
    warm.store.record(run_id, Failed(10, "loss", f"cannot read '{text}'", text))
    page = click(visit(f"run={run_id}&nonsense=<b>**x**"), "train")
    rendered = [*page.markdown, *page.caption, *page.latex, *page.subheader]
    assert not [element for element in rendered if "bold" in element.value]


def test_evaluation_does_not_disturb_the_page(visit: Visit, warm: Supervisor) -> None:
    run_id = begun(warm, RunSpec(dataset="digits"))
    arrays = {
        "confusion": np.eye(10, dtype=np.int32),
        "strip_probabilities": np.full((4, 10), 0.1, np.float32),
    }
    metrics = {"loss": 1.0, "accuracy": 1.0}
    warm.store.record(run_id, Evaluated(10, 0.1, "validation", 10, True, metrics, arrays))
    visit(f"run={run_id}")


REFUSED = {
    "message": "this loss needs teacher_logits, which a run of Classification does not have",
    "hint": "Choose a loss of y_true.",
    "fix": None,
}
REMARK = {
    "message": "no gradient reaches the last layer",
    "hint": "add cross_entropy()",
    "fix": "margin = 0.2  # 0..2\ncross_entropy() + triplet(margin=margin)",
}


@pytest.fixture
def judged(warm: Supervisor, monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    """The same with what a worker says of a loss without a teacher and of one of features."""
    ask = warm.questions.ask

    def judge(**asked: Any) -> dict:
        text = asked["text"]
        told = {"refusal": None, "remark": None}
        if "distillation" in text:
            told["refusal"] = REFUSED
        elif "triplet" in text and "cross_entropy" not in text:
            told["remark"] = REMARK
        return {**ask("check", **asked), **told}

    answer(monkeypatch, warm, check=judge)
    return warm


@pytest.mark.parametrize("loss", ["distillation", "0.5 * distillation()"])
def test_a_loss_that_cannot_be_trained_here_says_so_before_train(
    visit: Visit, judged: Supervisor, loss: str
) -> None:
    page = visit(f"dataset=digits&loss={loss}")
    assert "This loss needs teacher_logits" in said(page)
    click(page, "train")
    assert judged.store.runs() == []
    assert said(page).count("This loss needs teacher_logits") == 2  # and what Train said
    page.segmented_control(key="loss_mode").set_value("pick").run()
    page.selectbox(key="loss_name").select("huber").run()
    assert "needs teacher_logits" not in said(page)
    assert not page.exception


@pytest.mark.parametrize("at", ["train-robust", "train-three"])
def test_what_starts_several_runs_refuses_too(
    visit: Visit, judged: Supervisor, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = visit("dataset=digits", at="fitting.py")
    answer(monkeypatch, judged, check=lambda **_: {"ok": True, "error": None, "refusal": REFUSED})
    st.cache_data.clear()
    click(page, at)
    assert judged.store.runs() == []
    assert "This loss needs teacher_logits" in said(page)


def test_a_loss_that_teaches_the_last_layer_nothing_is_mended_with_one_click(
    visit: Visit, judged: Supervisor
) -> None:
    page = visit("dataset=digits&loss=triplet&loss.margin=0.5")
    assert "No gradient reaches the last layer." in said(page)
    click(page, "add-term")
    assert page.session_state["loss_text"] == REMARK["fix"]
    assert page.query_params["loss"] == REMARK["fix"]
    assert page.query_params["loss.margin"] == "0.5"
    assert "last layer" not in said(page)
    click(page, "train")
    assert len(judged.store.runs()) == 1


def test_a_loss_that_learns_features_only_may_be_trained(visit: Visit, judged: Supervisor) -> None:
    click(visit("dataset=digits&loss=triplet"), "train")
    assert len(judged.store.runs()) == 1


def test_two_features_behind_relu_are_made_linear_with_a_click(visit: Visit) -> None:
    page = visit("dataset=digits&embedding=2")
    assert "share one corner of the plane" in said(page)
    page.button(key="linear-embedding").click().run()
    assert "corner" not in said(page)
    assert page.query_params["linear_embedding"] in ("1", ["1"])
    for query in ("embedding=2&activation=tanh", "embedding=4", "embedding=3&linear_embedding=1"):
        assert "corner" not in said(visit(f"dataset=digits&{query}"))


def broken_run(supervisor: Supervisor, **fields: object) -> str:
    """A run that waits at step 10 because its loss broke, and can go back to step 5."""
    run_id = begun(supervisor, RunSpec(dataset="digits", learning_rate=10.0, **fields))
    found = {"message": "It became NaN.", "hint": "", "where": None, "mended": None, "back": 5}
    supervisor.store.record(run_id, Changed(10, "broken", "", json.dumps(found)))
    supervisor.store.record(run_id, Changed(10, "state", "", "paused"))
    return run_id


def test_a_broken_run_goes_back_with_a_tenth_of_the_rate(
    visit: Visit, warm: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = broken_run(warm)
    page = visit(f"run={run_id}")
    assert page.button(key="go-back").label == "Back to step 5, a tenth of the rate"
    assert not page.button(key="skip-batch").disabled
    sent: list[tuple[object, ...]] = []
    monkeypatch.setattr(warm, "command", lambda run, visitor, *what: sent.append(what))
    click(page, "go-back")
    assert sent == [
        ("change", "back", "", 5.0),
        ("change", "rate", "learning_rate", 1.0),
        ("resume", "", "", 0.0),
    ]
    assert page.select_slider(key="spec.learning_rate").value == 1.0


def test_only_the_step_at_hand_can_be_gone_back_to(warm: Supervisor) -> None:
    run_id = broken_run(warm)
    with pytest.raises(RunError, match="not at hand"):
        warm.command(run_id, "me", "change", "back", "", 4.0)
    other = begun(warm, RunSpec(dataset="digits"))
    with pytest.raises(RunError, match="not at hand"):
        warm.command(other, "me", "change", "back", "", 0.0)


def test_what_the_doctor_calls_unsound_is_said_before_training(
    visit: Visit, warm: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = "It should not be trained with: it has no lower bound."
    unsound = [
        {**each, "state": "no", "sentence": told} if each["name"] == "sound" else each
        for each in verdicts("")
    ]
    assert told not in said(visit())
    st.cache_data.clear()
    answer(monkeypatch, warm, doctor=lambda text, parameters, task, classes: {"findings": unsound})
    assert f"The doctor warns: {told}" in said(visit())


def test_a_run_that_stays_at_chance_is_told_so(visit: Visit, warm: Supervisor) -> None:
    run_id = warm.store.create(RunSpec(dataset="digits", learning_rate=10.0), "me")
    warm.store.record(run_id, Preparing("Reading"))
    guess = {"accuracy": 0.1, "nll": 2.3}
    warm.store.record(run_id, replace(started(), baseline=guess, validation_images=400))
    for step in (100, 200, 300):
        metrics = {"loss": 2.3, "accuracy": 0.11}
        warm.store.record(run_id, Evaluated(step, step / 100, "validation", 400, True, metrics, {}))
    page = visit(f"run={run_id}")
    assert "It stays at guessing, 11.0%: the learning rate of 10" in said(page)
    assert "Lower the learning rate to 0.003" in said(page)
    click(page, "next-step")
    assert page.session_state["spec.learning_rate"] == 0.003
    metrics = {"loss": 1.3, "accuracy": 0.5}
    warm.store.record(run_id, Evaluated(400, 4.0, "validation", 400, True, metrics, {}))
    st.cache_resource.clear()  # a verdict on a live run holds for a second
    assert "stays at guessing" not in said(page.run())


def test_log_scale_has_a_control_of_its_own(visit: Visit, warm: Supervisor) -> None:
    page = visit("dataset=digits")
    page.toggle(key="view.log").set_value(True).run()
    assert page.query_params["log"] == "1"


def test_the_picture_of_the_network_follows_the_controls(visit: Visit) -> None:
    def drawn(page: AppTest) -> list[dict[str, Any]]:
        views = [json.loads(one.proto.json or "{}") for one in page.get("bidi_component")]
        [network] = [view for view in views if view.get("view") == "network"]
        return network["stages"]

    page = visit("dataset=digits&width=8&depth=1&embedding=16")
    assert [stage["name"] for stage in drawn(page)] == [
        "images", "block1 conv", "block1 pool", "features", "logits",
    ]  # fmt: skip
    assert drawn(page)[1]["weights"] == 3 * 3 * 8 + 8
    page.slider(key="spec.width").set_value(16).run()
    assert drawn(page)[1]["shape"] == [8, 8, 16]
    assert drawn(page)[1]["weights"] == 3 * 3 * 16 + 16


def test_a_run_that_waits_is_offered_nothing_that_it_cannot_take(
    visit: Visit, warm: Supervisor
) -> None:
    page = click(visit(f"dataset=digits&loss={WRITTEN}"), "train")
    page.segmented_control(key="loss_mode").set_value("pick").run()
    assert warm.store.run(page.session_state["run"]).state == "queued"
    assert "apply-loss" not in [each.key for each in page.button]


def test_what_is_folded_keeps_its_settings_and_is_drawn_when_it_is_opened(visit, warm) -> None:
    page = visit("dataset=digits&shift=1")
    assert "Computed from this loss" not in said(page)
    assert "spec.shift" not in {each.key for each in page.slider}
    assert page.query_params["shift"] in ("1", ["1"])
    page.session_state["augmentation"] = page.session_state["verdicts-all"] = True
    page.run()
    assert not page.exception, page.exception
    assert "Computed from this loss" in said(page)
    assert page.slider(key="spec.shift").value == 1
