"""A run of two phases: the toy learns from digits 0 to 4, and then from 7 to 9 something else."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from playground import Control, RunSpec
from playground.errors import SpecError
from playground.runs.store import open_store
from playground.settings import Settings
from playground.tasks import TASKS
from playground.training import loop
from playground.training.evaluation import EARLY
from playground.training.events import Changed, Evaluated, Event, Progress, Snapshot, Started
from playground.training.optimizers import rates_of_phases
from playground.training.work import Phase
from tests.playground.toy import Toy

FIRST = 3  # epochs of the first phase


class Turning(Toy):
    """The toy, whose answers all move up by one with the second phase."""

    def phase_epochs(self, spec: Any) -> tuple[int, int]:
        return (FIRST, 2)

    def work(self, spec: Any, dataset: Any) -> Any:
        import tensorflow as tf

        from playground.training.work import Phase

        class TurningWork(type(super().work(spec, dataset))):  # type: ignore[misc]
            def __init__(self, spec: Any, dataset: Any) -> None:
                super().__init__(spec, dataset)
                labels = self.rows["train"]["labels"]
                low, high = np.flatnonzero(labels < 5), np.flatnonzero(labels >= 7)
                self.phases = [Phase("0 to 4", low, FIRST), Phase("7 to 9", high, 2, fresh=True)]
                self.moved_up = tf.Variable(0.0)
                self.seen: list[Any] = []

            def turn(self, number: int) -> None:
                kernel = self.built.model.get_layer("brightness").kernel
                self.seen.append((number, kernel.numpy().copy()))
                self.moved_up.assign(1.0)

            def provided(self, outputs: Any, targets: Any, clock: Any) -> Any:
                known = super().provided(outputs, targets, clock)
                return {**known, "y_true": known["y_true"] + self.moved_up}

        return TurningWork(spec, dataset)


@pytest.fixture(autouse=True)
def turning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "toy", Turning())


def run(pausing: bool, epochs: int = FIRST + 2) -> tuple[loop.Training, list[Event], np.ndarray]:
    """A run, perhaps paused in its second phase, its events and the rows of each step."""
    spec = RunSpec(task="toy", dataset="digits", epochs=epochs, batch_size=16, evaluations=2)
    training, control = loop.prepare(spec), Control()
    events: list[Event] = []
    taken: list[np.ndarray] = []
    train = training.graph.train

    def told(indices: np.ndarray, rates: np.ndarray, first_step: int) -> Any:
        taken.append(indices)
        return train(indices, rates, first_step)

    training.graph.train = told  # type: ignore[method-assign]
    for event in loop.run(spec, control, training):
        events.append(event)
        if pausing and isinstance(event, Changed) and event.kind == "phase":
            for do in ("pause", "step", "resume"):
                control.send(do)
    return training, events, np.concatenate(taken)


def of(events: list[Event], kind: type) -> list[Any]:
    return [each for each in events if isinstance(each, kind)]


def test_two_phases_train_on_their_rows_and_are_marked_paused_and_evaluated(
    tmp_path: Path,
) -> None:
    training, events, batches = run(pausing=True)
    low, high = (set(phase.rows.tolist()) for phase in training.work.phases)
    assert len(low) > len(high)
    an_epoch = len(low) // 16
    end, steps = FIRST * an_epoch, (FIRST + 2) * an_epoch
    [started] = of(events, Started)
    assert (started.steps_per_epoch, started.steps, len(batches)) == (an_epoch, steps, steps)

    assert set(batches[:end].flat) <= low and set(batches[end:].flat) == high
    assert len(set(batches[:an_epoch].flat)) == an_epoch * 16  # a pass takes no row twice

    [mark] = [each for each in of(events, Changed) if each.kind == "phase"]
    assert mark == Changed(end, "phase", "7 to 9", 2)
    paused = [each for each in of(events, Changed) if each.kind == "state"]
    assert [each.value for each in paused] == ["paused", "paused", "running"]
    assert all(end < each.step < steps for each in paused)

    path = "brightness/kernel"
    first, *_ = of(events, Snapshot)
    *_, ended = [each for each in of(events, Snapshot) if each.step == end]
    [(number, seen)] = training.work.seen  # type: ignore[attr-defined]
    assert number == 1 and np.array_equal(seen, ended.arrays[path])
    assert not np.array_equal(seen, first.arrays[path])
    assert training.graph._optimizer.iterations.numpy() == steps - end  # began anew

    looks = {each.step: each for each in of(events, Evaluated) if each.split == "validation"}
    assert {*EARLY, end, *(end + early for early in EARLY), steps} <= set(looks)
    assert looks[end].full and looks[end].epoch == FIRST
    loss = np.concatenate([each.series["loss"] for each in of(events, Progress)])
    assert len(loss) == steps
    assert loss[end] > 0.5 > 0.1 > loss[end - 1]  # the graph knows of the turn
    with pytest.raises(ValueError, match="not at hand"):
        training.go_back(end - 1)
    assert training.good.step >= end

    store = open_store(Settings(home=tmp_path))
    run_id = store.create(training.spec, "me")
    for event in events:
        store.record(run_id, event)
    assert store.marks(run_id)[0] == mark
    assert len(store.series(run_id, "loss")[0]) == steps
    store.close()


def test_a_pause_in_the_second_phase_changes_no_number() -> None:
    one, other = (run(pausing)[1] for pausing in (False, True))
    assert [e.metrics for e in of(one, Evaluated)] == [e.metrics for e in of(other, Evaluated)]


def test_phases_that_do_not_share_out_the_epochs_are_refused() -> None:
    with pytest.raises(SpecError, match="epochs: the phases of this run take 5 epochs together"):
        RunSpec.parse({"task": "toy", "dataset": "digits", "epochs": 4})


def test_a_phase_has_its_own_rate_and_perhaps_a_schedule_of_its_own() -> None:
    """Cosine over two phases of 10 steps, by hand: 0.5 (1 + cos(pi t / T))."""
    spec = RunSpec(dataset="digits", learning_rate=0.1, schedule="cosine")
    rows = np.arange(8)
    t = np.arange(20)
    first, second = Phase("a", rows, 2), Phase("b", rows, 2, rate=0.5)
    whole = 0.1 * 0.5 * (1 + np.cos(np.pi * t / 20)) * np.where(t < 10, 1, 0.5)
    np.testing.assert_allclose(rates_of_phases(spec, [first, second], 5), whole, rtol=1e-5)
    again = Phase("b", rows, 2, anew=True, rate=0.5)
    parts = 0.1 * 0.5 * (1 + np.cos(np.pi * (t % 10) / 10)) * np.where(t < 10, 1, 0.5)
    np.testing.assert_allclose(rates_of_phases(spec, [first, again], 5), parts, rtol=1e-5)


def test_only_the_last_phase_is_ended_by_patience() -> None:
    """The best network of an earlier one has not learned what came since: it is not put back."""
    loss = "mean(square(y_true - y_pred), axis=-1) + epoch"  # worse with every epoch
    spec = RunSpec(task="toy", dataset="digits", epochs=FIRST + 2, patience=1, loss=loss)
    events = list(loop.run(spec, Control()))
    [started] = of(events, Started)
    marks = [(each.kind, each.step // started.steps_per_epoch) for each in of(events, Changed)]
    assert marks == [("phase", FIRST), ("best", FIRST + 1)]
