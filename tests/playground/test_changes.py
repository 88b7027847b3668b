"""A whole loss changed mid-run, and a run whose loss breaks: it waits, is mended and goes on."""

import json
from contextlib import closing

import numpy as np
import pytest

from playground.errors import SpecError
from playground.runs.store import open_store
from playground.settings import Settings
from playground.spec import RunSpec, knobs
from playground.training import loop
from playground.training.changes import BACK, as_changed, broken, loss_change, with_loss
from playground.training.control import Control
from playground.training.events import Changed, Failed, Finished, Progress, Snapshot
from playground.training.reports import Pending

SMALL = {"dataset": "digits", "train_images": 300, "width": 4, "epochs": 6, "batch_size": 32}
# Finite while the network is unsure, and no longer once it has learnt something.
BREAKS = "-sum(y_true * log(y_pred), axis=-1) + 0.01 * log(0.25 - max(y_pred, axis=-1))"


def test_a_change_of_the_loss_is_read_back() -> None:
    spec = RunSpec(loss="focal", loss_parameters={"gamma": 1.0})
    other = RunSpec(loss="-log(p_true) * k", loss_parameters={"k": 2.0})
    marks = [
        Changed(5, "parameter", "gamma", 3.0),
        Changed(9, "rate", "learning_rate", 0.1),
        Changed(10, "loss", "", loss_change(other)),
        Changed(12, "parameter", "k", 0.5),
        Changed(13, "state", "", "paused"),
        Changed(14, BACK, "", 9.0),
    ]
    assert as_changed(spec, marks, 4) == spec
    assert as_changed(spec, marks, 9).loss_parameters == {"gamma": 3.0}
    assert as_changed(spec, marks, 10).loss == other.loss
    assert as_changed(spec, marks).loss_parameters == {"k": 0.5}
    for value in ("no json", "[]", '{"loss": 3}', 2.0, '{"loss": "", "loss_parameters": {}}'):
        with pytest.raises(SpecError):
            with_loss(spec, value)
    assert broken(marks) is None


def test_the_whole_loss_is_changed_mid_run() -> None:
    spec = RunSpec(**SMALL, loss="categorical_crossentropy", seed=1)
    control, seen, losses = Control(), [], []
    for event in loop.run(spec, control):
        seen.append(event)
        if isinstance(event, Progress):
            losses += event.series["loss"].tolist()
            if not any(isinstance(each, Changed) for each in seen):
                wrong = RunSpec(loss="-log(p_tru)")
                control.send("change", "loss", "", loss_change(wrong))  # left out
                wanted = RunSpec(loss="100 + brier()")
                control.send("change", "loss", "", loss_change(wanted))
    (change,) = [event for event in seen if isinstance(event, Changed)]
    assert change.kind == "loss" and json.loads(str(change.value))["loss"] == "100 + brier()"
    assert max(losses[: change.step]) < 50 < 100 < min(losses[change.step :])
    assert isinstance(seen[-1], Finished) and seen[-1].metrics["loss"] > 100
    assert seen[-1].metrics["accuracy"] > 0.2


def test_early_stopping_begins_anew_with_another_loss() -> None:
    """A loss that is a hundred times larger is never beaten by the values before: without a new
    beginning the run would stop after `patience` epochs with weights of before the change."""
    spec = RunSpec(**{**SMALL, "epochs": 8, "patience": 2, "evaluations": 1}, seed=1)
    control, seen = Control(), []
    for event in loop.run(spec, control):
        seen.append(event)
        if (
            isinstance(event, Progress)
            and event.epoch >= 2
            and not any(isinstance(each, Changed) for each in seen)
        ):
            control.send("change", "loss", "", loss_change(RunSpec(loss="100 + brier()")))
    change, best = (event for event in seen if isinstance(event, Changed))
    assert (change.kind, best.kind) == ("loss", "best")
    assert best.step > change.step
    assert seen[-1].step > change.step + 2 * (best.step // best.value)


def test_a_run_that_breaks_waits_is_mended_and_goes_on() -> None:
    spec = RunSpec(**SMALL, loss=BREAKS, seed=1)
    control, seen, mended = Control(attended=True), [], ""
    for event in loop.run(spec, control):
        seen.append(event)
        if isinstance(event, Changed) and event.kind == "broken":
            found = broken([event])
            assert found is not None and found["step"] == event.step
            assert found["where"]["fragment"].startswith("log(0.25 - max")
            assert "NaN" in found["message"] or "infinite" in found["message"]
            mended = found["mended"]
        if isinstance(event, Changed) and event.kind == "state" and event.value == "paused":
            kept = [each for each in seen if isinstance(each, Snapshot)][-1]
            assert all(np.isfinite(array).all() for array in kept.arrays.values())
            control.send(
                "change", "loss", "", loss_change(spec.model_copy(update={"loss": mended}))
            )
            control.send("resume")
    what = [event.kind for event in seen if isinstance(event, Changed)]
    assert what == ["broken", "state", "loss", "state"]
    assert "maximum(" in mended
    assert isinstance(seen[-1], Finished) and seen[-1].reason == "completed"
    assert np.isfinite(seen[-1].metrics["loss"])


def test_back_with_a_tenth_of_the_rate_until_it_learns() -> None:
    """Squared error on logits by plain gradient descent: at rate 10 it doubles and doubles, and no
    unit of this network can die of it."""
    spec = RunSpec(
        **SMALL,
        loss="mean(square(y_true - logits), axis=-1)",
        activation="leaky_relu",
        optimizer="sgd",
        schedule="constant",
        learning_rate=10.0,
    )
    control, rate, marks, snapshots, back = Control(attended=True), 10.0, [], [], None
    for event in loop.run(spec, control):
        if isinstance(event, Snapshot):
            if back is not None:  # the first look after it: what it went on from
                for name, array in back.arrays.items():
                    assert np.array_equal(event.arrays[name], array), name
                back = None
            snapshots.append(event)
        if isinstance(event, Changed):
            marks.append(event)
        if isinstance(event, Changed) and event.kind == "state" and event.value == "paused":
            found = broken(marks)
            assert found is not None and rate > 1e-4
            rate /= 10
            back = next(each for each in snapshots if each.step == found["back"])
            control.send("change", BACK, "", -1.0)  # there is no such step: left out
            control.send("change", BACK, "", float(found["back"]))
            control.send("change", "rate", "learning_rate", rate)
            control.send("look")
            control.send("resume")
    assert isinstance(event, Finished) and event.reason == "completed"
    assert event.metrics["loss"] < 1  # it began with 6 and had been at 1e29
    gone = [mark for mark in marks if mark.kind == BACK]
    assert gone and all(mark.value >= 0 for mark in gone)
    assert broken(marks) is None
    assert as_changed(spec, marks) == spec.model_copy(update={"learning_rate": pytest.approx(rate)})


@pytest.mark.parametrize("optimizer", list(knobs()["optimizer"].choices or {}))
def test_a_fresh_optimiser_takes_the_first_step_again(optimizer: str) -> None:
    training = loop.prepare(RunSpec(**SMALL, optimizer=optimizer))
    begun = training.good.arrays
    once = [after_a_step(training)]
    for _ in range(3):
        training.step = 0
        training.go_back(0)
        assert all(np.array_equal(training.weights()[name], begun[name]) for name in begun)
        once.append(after_a_step(training))
    assert all(np.array_equal(once[0][name], each[name]) for each in once for name in begun)


def after_a_step(training: loop.Training) -> dict[str, np.ndarray]:
    training.advance(Pending(training), 1)
    return training.weights()


def test_with_nobody_to_ask_a_run_that_breaks_fails() -> None:
    events = list(loop.run(RunSpec(**SMALL, loss=BREAKS, seed=1), Control()))
    assert isinstance(events[-1], Failed) and events[-1].kind == "nonfinite"
    assert not any(isinstance(event, Changed) for event in events)


@pytest.mark.parametrize("name", ["learning_rate", "center_rate", "state", "loss", "best_epoch"])
def test_a_parameter_may_be_called_what_it_likes(name: str, tmp_path) -> None:
    """It moves the loss and nothing else, on the way through control, loop, store and back."""
    text = f"{name} = 1.0  # 0..9\n{name} + 0 * y_pred[:, 0]"
    spec = RunSpec(**{**SMALL, "epochs": 3}, loss=text)
    control, losses, sent = Control(), [], False
    with closing(open_store(Settings(home=tmp_path))) as store:
        run_id = store.create(spec, "me")
        for event in loop.run(spec, control):
            store.record(run_id, event)
            if isinstance(event, Progress):
                losses += event.series["loss"].tolist()
                rates = event.series["learning_rate"]
                if not sent:
                    control.send("change", "parameter", name, 7.0)
                    sent = True
        (mark,) = store.marks(run_id)
        assert (mark.kind, mark.name, mark.value) == ("parameter", name, 7.0)
        by_now = as_changed(spec, store.marks(run_id))
        assert by_now == spec.model_copy(update={"loss_parameters": {name: 7.0}})
        record = store.run(run_id)
        assert record is not None and record.state == "completed"
    assert losses[: mark.step] == [1.0] * mark.step and losses[mark.step :] == [7.0] * (
        len(losses) - mark.step
    )
    assert rates[-1] < spec.learning_rate
