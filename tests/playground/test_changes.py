"""A whole loss changed mid-run, and a run whose loss breaks: it waits, is mended and goes on."""

import json

import numpy as np
import pytest

from playground.errors import SpecError
from playground.spec import RunSpec
from playground.training import loop
from playground.training.changes import as_changed, broken, loss_change, with_loss
from playground.training.control import Control
from playground.training.events import Changed, Failed, Finished, Progress, Snapshot

SMALL = {"dataset": "digits", "train_images": 300, "width": 4, "epochs": 6, "batch_size": 32}
# Finite while the network is unsure, and no longer once it has learnt something.
BREAKS = "-sum(y_true * log(y_pred), axis=-1) + 0.01 * log(0.25 - max(y_pred, axis=-1))"


def test_a_change_of_the_loss_is_read_back() -> None:
    spec = RunSpec(loss="focal", loss_parameters={"gamma": 1.0})
    other = RunSpec(loss="-log(p_true) * k", loss_parameters={"k": 2.0})
    marks = [
        Changed(5, "gamma", 3.0),
        Changed(9, "learning_rate", 0.1),
        Changed(10, "loss", loss_change(other)),
        Changed(12, "k", 0.5),
        Changed(13, "state", "paused"),
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
                control.send("change", "loss", loss_change(wrong))  # left out
                wanted = RunSpec(loss="100 + brier()")
                control.send("change", "loss", loss_change(wanted))
    (change,) = [event for event in seen if isinstance(event, Changed)]
    assert change.what == "loss" and json.loads(str(change.value))["loss"] == "100 + brier()"
    assert max(losses[: change.step]) < 50 < 100 < min(losses[change.step :])
    assert isinstance(seen[-1], Finished) and seen[-1].metrics["loss"] > 100
    assert seen[-1].metrics["accuracy"] > 0.2


def test_a_run_that_breaks_waits_is_mended_and_goes_on() -> None:
    spec = RunSpec(**SMALL, loss=BREAKS, seed=1)
    control, seen, mended = Control(attended=True), [], ""
    for event in loop.run(spec, control):
        seen.append(event)
        if isinstance(event, Changed) and event.what == "broken":
            found = broken([event])
            assert found is not None and found["step"] == event.step
            assert found["where"]["fragment"].startswith("log(0.25 - max")
            assert "NaN" in found["message"] or "infinite" in found["message"]
            mended = found["mended"]
        if isinstance(event, Changed) and event.what == "state" and event.value == "paused":
            kept = [each for each in seen if isinstance(each, Snapshot)][-1]
            assert all(np.isfinite(array).all() for array in kept.arrays.values())
            control.send("change", "loss", loss_change(spec.model_copy(update={"loss": mended})))
            control.send("resume")
    what = [event.what for event in seen if isinstance(event, Changed)]
    assert what == ["broken", "state", "loss", "state"]
    assert "maximum(" in mended
    assert isinstance(seen[-1], Finished) and seen[-1].reason == "completed"
    assert np.isfinite(seen[-1].metrics["loss"])


def test_with_nobody_to_ask_a_run_that_breaks_fails() -> None:
    events = list(loop.run(RunSpec(**SMALL, loss=BREAKS, seed=1), Control()))
    assert isinstance(events[-1], Failed) and events[-1].kind == "nonfinite"
    assert not any(isinstance(event, Changed) for event in events)
