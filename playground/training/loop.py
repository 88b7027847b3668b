"""The training loop: a spec in, events out.

One interval is less than a tenth of a second of steps (`INTERVAL`): after each, commands are
taken, so Stop and Pause take effect at once; reports are sent four times a second (`REPORT`).
Neither changes a number: a spec gives the same metrics bit for bit on one machine.
"""

import json
import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import keras
import numpy as np
import tensorflow as tf

import losses
from playground import datasets, models
from playground.errors import SpecError
from playground.spec import RunSpec
from playground.streams import stream
from playground.tasks import TASKS
from playground.training import fit, objective, optimizers, terms
from playground.training.changes import (
    BACK,
    BEST,
    BROKEN,
    LOSS,
    PARAMETER,
    PHASE,
    RATE,
    STATE,
    with_loss,
)
from playground.training.control import Command, Control
from playground.training.events import (
    Arrays,
    Changed,
    Evaluated,
    Event,
    Failed,
    Finished,
    Preparing,
    Progress,
    Snapshot,
    Started,
)
from playground.training.graph import Graph
from playground.training.work import Work

INTERVAL = 0.06  # seconds of steps between two looks at the commands
REPORT = 0.25  # seconds between two Progress events
SAMPLE = 512  # validation images of an evaluation inside an epoch; the last of each sees all
EARLY = (1, 5, 10, 20, 40)  # steps of a phase that are followed by an evaluation in any case

_log = logging.getLogger(__name__)
Result = TypeVar("Result")


def run(spec: RunSpec, control: Control, prepared: "Training | None" = None) -> Iterator[Event]:
    """Trains the spec and yields its events; `prepared` (from `prepare`) saves the time to build.

    Raises DataError, SpecError and losses.LossError before the first step; later faults end the
    events with Failed.
    """
    if prepared is None or prepared.spec != spec:
        title = datasets.facts(spec.dataset).title
        yield Preparing(f"Reading {title}")
        dataset = yield from _with_progress(
            lambda report: datasets.load(spec.dataset, report), control
        )
        if dataset is None:
            yield Finished(0, "stopped", 0.0)
            return
        yield Preparing("Building the network")
        prepared = Training(spec, dataset)
    yield prepared.started()
    yield from prepared.events(control)


def prepare(spec: RunSpec) -> "Training":
    """A run of the spec that can begin at once: data loaded, network built, graphs traced. The
    numbers it will give are those of a run that was not prepared. Raises as `run` does."""
    training = Training(spec, datasets.load(spec.dataset))
    training.graph.warm()
    return training


class Training:
    """One run in progress: what is trained, on what, and how far it is."""

    def __init__(self, spec: RunSpec, dataset: datasets.Dataset) -> None:
        keras.utils.set_random_seed(spec.seed)
        self.spec = spec
        self.dataset = dataset
        self.work: Work = TASKS[spec.task].work(spec, dataset)
        self.loss = self.work.loss
        phases = self.work.phases
        if (shared := sum(phase.epochs for phase in phases)) != spec.epochs:
            said = f"the phases of this run take {shared} epochs together, not {spec.epochs}"
            raise SpecError("epochs", said)
        count = max(len(phase.rows) for phase in phases)
        self.batch = min(spec.batch_size, count)
        self.steps_per_epoch = datasets.steps_per_epoch(count, self.batch)
        self.steps = self.steps_per_epoch * spec.epochs
        self.ends = self.steps_per_epoch * np.cumsum([phase.epochs for phase in phases])
        self.phase = 0  # the number of the one that is trained
        self.rates = optimizers.rates(spec, self.steps)
        self.model = self.work.built.model
        self.graph = Graph(
            self.work, optimizers.build(spec), self.batch, self.steps, self.steps_per_epoch
        )
        self.best = fit.BestEpoch(spec.patience)
        held = len(self.work.rows["validation"]["images"])
        self.sample = np.sort(self.work.draw.permutation(held)[:SAMPLE])
        self.work.choose_strip()
        self.terms = self.probe()
        self.order = np.zeros((0, self.batch), np.int32)
        self.step = 0
        self.clock = Clock()
        self.interval = 1  # steps; grows to fill INTERVAL
        self.good = Good(0, math.inf, self.weights())

    @property
    def epoch(self) -> float:
        """Passes over the training images so far, of the largest phase where there are several."""
        return self.step / self.steps_per_epoch

    def started(self) -> Started:
        """What the run is made of."""
        dataset, loss = self.dataset, self.loss
        return Started(
            parameters=models.parameter_count(self.spec),
            layers=models.describe(self.spec),
            steps=self.steps,
            steps_per_epoch=self.steps_per_epoch,
            train_images=len(self.work.rows["train"]["images"]),
            validation_images=len(self.work.rows["validation"]["images"]),
            test_images=len(self.work.rows["test"]["images"]),
            class_names=list(dataset.class_names),
            loss={
                "text": self.spec.loss,
                "latex": loss.latex,
                "inputs": list(loss.inputs),
                "parameters": [parameter.as_dict() for parameter in loss.parameters.values()],
                "warnings": objective.warnings(loss),
                "terms": terms.watched(loss),
            },
            arrays=self.work.shown(),
            baseline=self.work.baseline(),
        )

    def events(self, control: Control) -> Iterator[Event]:
        """Trains to the end, or as the control says."""
        pending = Pending(self)
        allowed = math.inf  # steps until the run pauses
        kept = Snapshot(self.step, "weights", self.weights())  # the last that were sent
        yield kept
        owed: list[str] = []  # splits whose evaluation comes next
        final: dict[str, float] = {}  # metrics of the last one
        self.clock.start()
        while self.step < self.steps or owed:
            if not allowed and self.clock.running:
                yield from pending.flush()
                self.clock.stop()
                yield Changed(self.step, STATE, "", "paused")
            command = control.receive() if allowed else control.wait()
            if command is not None:
                if command.do == "stop":
                    yield from pending.flush()
                    if kept.step != self.step:
                        yield Snapshot(self.step, "weights", self.weights())
                    yield Finished(self.step, "stopped", self.clock.seconds)
                    return
                if command.do == "change":
                    yield from self.change(command)
                    continue
                if command.do == "look":
                    if kept.step != self.step:
                        yield from pending.flush()
                        kept = Snapshot(self.step, "weights", self.weights())
                        yield kept
                    continue
                allowed = {"pause": 0, "step": 1, "resume": math.inf}[command.do]
                if allowed and not self.clock.running:
                    self.clock.start()
                    if command.do == "resume":
                        yield Changed(self.step, STATE, "", "running")
                if not allowed:
                    continue
            if owed:
                found = self.evaluate(owed[0], control)
                if found is None:
                    continue  # a pause or a stop goes first; then the same once more
                owed.pop(0)
                yield found
                final = found.metrics
                if found.split == "validation":
                    kept = Snapshot(self.step, "weights", self.weights())
                    yield kept
                    if found.metrics["loss"] <= self.good.loss:
                        self.good = Good(self.step, found.metrics["loss"], kept.arrays)
                    if self.spec.patience and found.full and self.last:
                        yield from self.end_early(found, kept, owed)
                if owed or self.step == self.steps:
                    continue
            if self.step == self.ends[self.phase]:
                yield self.turn()
            before = self.step
            finite = self.advance(pending, min(self.interval, allowed))
            allowed -= self.step - before
            if not finite:
                yield from pending.flush()
                kept = Snapshot(self.step - 1, "weights", self.finite_weights(kept.arrays))
                yield kept
                failed = self.failure()
                if not control.attended:
                    yield failed
                    return
                yield self.broke(failed, kept.arrays)
                allowed = 0
                if self.step == self.steps:
                    owed.append("test")
                continue
            if pending.due or self.evaluation_due:
                yield from pending.flush()
            if self.evaluation_due:
                if self.work.looks("train") is not None:
                    owed.append("train")
                owed.append("validation")
            if self.step == self.steps:
                owed.append("test")
        yield Finished(self.step, "completed", self.clock.seconds, final)

    @property
    def last(self) -> bool:
        """Whether this is the last phase, the only one that may end early: the network of an
        earlier one, however good there, has not learned what came since."""
        return self.phase == len(self.ends) - 1

    def turn(self) -> Changed:
        """Begins the next phase and marks it, numbered from 1: the work takes what it needs of the
        network; the graphs stay as they are, because a batch is rows by their indices. The run can
        go back to here, not behind it."""
        self.phase += 1
        self.work.turn(self.phase)
        phase = self.work.phases[self.phase]
        if phase.fresh:
            self.graph.forget()
        self.terms = self.probe()
        self.good = Good(self.step, math.inf, self.weights())
        return Changed(self.step, PHASE, phase.name, self.phase + 1)

    def probe(self) -> terms.TermProbe:
        """What measures the loss' terms on a sample of the phase's rows."""
        rows = self.work.phases[self.phase].rows
        chosen = rows[np.sort(self.work.draw.permutation(len(rows))[: terms.SAMPLE])]
        return terms.TermProbe(self.graph, self.work.rows_of("train", chosen))

    def end_early(self, found: Evaluated, kept: Snapshot, owed: list[str]) -> Iterator[Event]:
        """After an epoch's evaluation: at the run's end, or when patience has run out and this is
        its end, the best epoch's weights are restored for the test and for whoever looks."""
        loss = found.metrics["loss"]
        out = self.best.look(round(self.epoch), self.step, loss, kept.arrays)
        if self.step < self.steps:
            if not out:
                return
            self.steps = self.step
            owed.append("test")
        yield Changed(self.best.step, BEST, "", self.best.epoch)
        if self.best.step != self.step:
            self.restore(self.best.weights)
            yield Snapshot(self.step, "weights", self.weights())

    @property
    def evaluation_due(self) -> bool:
        """Whether the validation images are looked at after this step."""
        return self.step == self.next_evaluation(self.step - 1)

    def next_evaluation(self, step: int) -> int:
        """The first step after `step` that is followed by an evaluation; each epoch has the same,
        evenly spread, the last at its end. A phase's first steps, where most happens, have more."""
        epoch, within = divmod(step, self.steps_per_epoch)
        looks = min(self.spec.evaluations, self.steps_per_epoch)
        number = within * looks // self.steps_per_epoch + 1
        due = epoch * self.steps_per_epoch - (-number * self.steps_per_epoch // looks)
        begun = int(self.ends[self.phase - 1]) if self.phase else 0
        return min([due, *(begun + early for early in EARLY if step < begun + early)])

    def advance(self, pending: "Pending", most: float) -> bool:
        """Takes up to `most` steps, not past an evaluation or the epoch's end; False when a loss
        or gradient was not finite, in which case the last step changed nothing."""
        within = self.step % self.steps_per_epoch
        if within == 0:
            self.order = self.shuffled(self.step // self.steps_per_epoch)
        until = min(self.next_evaluation(self.step), self.steps)
        steps = int(min(most, until - self.step, self.steps_per_epoch - within))
        began = time.perf_counter()
        rates = self.rates[self.step : self.step + steps]
        taken, finite, reports, outputs = self.graph.train(
            self.order[within : within + steps], rates, self.step + 1
        )
        taken, finite = int(taken), bool(finite)
        seconds = time.perf_counter() - began
        pending.add(reports.numpy()[:taken], rates[:taken])
        self.step += taken
        if not finite:
            batch = self.order[within + taken - 1]
            targets = self.graph.targets_of(batch, self.step)
            self.broken = self.graph.facts(outputs, targets, tf.constant(self.step))
            return False
        # At most double: the first intervals carry one-time costs that say nothing of the rest.
        fitting = int(INTERVAL / max(seconds / taken, 1e-6))
        self.interval = max(1, min(fitting, 2 * self.interval))
        return True

    def shuffled(self, epoch: int) -> np.ndarray:
        """The batches of an epoch of the phase, int32 (steps_per_epoch, batch): its rows in a new
        order, and in another when all were used."""
        rows, wanted = self.work.phases[self.phase].rows, self.steps_per_epoch * self.batch
        draw = stream(self.spec.seed, "shuffle", epoch)
        passes = [draw.permutation(len(rows)) for _ in range(math.ceil(wanted / len(rows)))]
        used = rows[np.concatenate(passes)[:wanted]].astype(np.int32)
        return used.reshape(self.steps_per_epoch, self.batch)

    def change(self, command: Command) -> Iterator[Changed]:
        """Applies a change mid-run: the learning rate, that of the class centres, or a parameter
        of the loss. One that does not fit the run is left out and costs nothing but a line in the
        log."""
        if command.kind == LOSS:
            yield from self.change_loss(command.value)
            return
        try:
            value = float(command.value)
            if command.kind == BACK:
                self.go_back(value)
                yield Changed(self.step, BACK, "", float(self.good.step))
                return
            if command.kind == PARAMETER:
                self.loss.set_parameter(command.name, value)
            elif command.kind == RATE and command.name == "learning_rate":
                scale = value / self.spec.learning_rate
                self.rates = (optimizers.rates(self.spec, self.steps) * scale).astype(np.float32)
            elif command.kind == RATE:
                self.work.set_rate(command.name, value)
            else:
                raise ValueError("this run has nothing of that name")
        except ValueError as error:
            _log.warning("A change of %s was not applied: %s", command.name, error)
            return
        yield Changed(self.step, command.kind, command.name, value)

    def change_loss(self, value: float | str) -> Iterator[Changed]:
        """Goes on with another loss from the next step; the optimiser keeps what it has gathered.
        One that cannot be trained here is left out and costs nothing but a line in the log."""
        try:
            loss = objective.build(with_loss(self.spec, value))
            if refused := self.work.can_take(loss):
                raise SpecError("loss", refused)
        except (SpecError, losses.LossError) as error:
            _log.warning("The loss was not changed: %s", error)
            return
        self.loss = loss
        self.graph.adopt(loss)
        self.good = replace(self.good, loss=math.inf)  # its values say nothing of this one's
        yield Changed(self.step, LOSS, "", value)

    def go_back(self, step: float) -> None:
        """Puts the weights of the best look so far back, with a fresh optimiser: what it has
        gathered is of where the run went astray. Raises ValueError for another step."""
        if step != self.good.step:
            raise ValueError(f"the weights of step {step:g} are not at hand")
        self.restore(self.good.arrays)
        self.graph.forget()

    def restore(self, arrays: Arrays) -> None:
        """Sets the weights, and what no gradient moves, to those of a snapshot."""
        for weight in self.model.weights:
            weight.assign(arrays[weight.path])
        self.work.restore(arrays)

    def evaluate(self, split: str, control: Control) -> Evaluated | None:
        """The network on a split, dropout and augmentation off; None if a pause or a stop came in
        between. Of "train" the rows that the work looks at; of "validation" all at an epoch's end,
        else a fixed sample, with the strip of test rows; of "test" all."""
        chosen = self.work.looks(split)
        if split == "validation" and self.step % self.steps_per_epoch:
            chosen = self.sample
        rows = self.work.rows_of(split, chosen)
        seen = self.graph.evaluate(rows, self.step, lambda: control.pressing)
        if seen is None:
            return None
        judged = self.work.judge(seen, rows, split)
        metrics, arrays = {"loss": seen.loss, **seen.metrics, **judged.metrics}, judged.arrays
        if split == "validation":
            strip = self.graph.evaluate(
                self.work.rows_of("test", self.work.strip), self.step, lambda: control.pressing
            )
            if strip is None:
                return None
            metrics |= self.terms.measure(self.step)
            arrays = {**arrays, **self.work.show(strip)}
        count, whole = (len(each["images"]) for each in (rows, self.work.rows[split]))
        full = chosen is None or (split == "train" and count == whole)
        return Evaluated(self.step, self.epoch, split, count, full, metrics, arrays)

    def weights(self) -> dict[str, np.ndarray]:
        """A copy of all that the network is: every weight by its path, such as
        `block1_conv/kernel`, and what the work keeps beside: the pixel statistics
        (`models.restore` takes both), the class centres of a run that has them."""
        found = {weight.path: np.array(weight.numpy()) for weight in self.model.weights}
        return {**found, **self.work.as_arrays()}

    def finite_weights(self, earlier: Arrays) -> Arrays:
        """The weights as they are, or `earlier` ones if a running statistic took the damage that
        the skipped step kept from the rest."""
        now = self.weights()
        return now if all(np.isfinite(array).all() for array in now.values()) else earlier

    def broke(self, failed: Failed, finite: Arrays) -> Changed:
        """The mark of a loss that is not finite, after which the run pauses with the weights that
        are; with the text that would have been finite on this batch, where there is one."""
        self.restore(finite)
        found = {
            "message": failed.message,
            "hint": failed.hint,
            "where": failed.where,
            "mended": self.loss.mended(self.work.tensors(self.loss, self.broken)),
            "back": self.good.step,
        }
        return Changed(self.step, BROKEN, "", json.dumps(found))

    def failure(self) -> Failed:
        """What became non-finite at this step and, for a written loss, where in its text."""
        found = self.loss.find_nonfinite(self.work.tensors(self.loss, self.broken))
        at = f"at step {self.step:,} (epoch {self.epoch:.2f})"
        kept = f"The weights of step {self.step - 1:,} are kept, and so is all that was recorded."
        if found is None:
            return Failed(
                self.step,
                "nonfinite",
                f"The loss or its gradient stopped being a finite number {at}. {kept}",
                "Try a smaller learning rate, or a loss that stays finite.",
            )
        value = {"nan": "NaN", "inf": "infinite", "-inf": "minus infinite"}[found["value"]]
        what = "" if found["kind"] == "value" else "The gradient of "
        of = "" if found["sample"] is None else f" for image {found['sample'] + 1} of the batch"
        places = ("line", "column", "end_line", "end_column", "fragment")
        return Failed(
            self.step,
            "nonfinite",
            f"{what}'{found['fragment']}' became {value}{of} {at}. {kept}",
            "Keep its argument away from where it breaks (clip it, or add a small number), or try "
            "a smaller learning rate.",
            {place: found[place] for place in places},
        )


@dataclass(frozen=True)
class Good:
    """The weights of the look at the validation images with the least loss so far, or those the
    run began with: what it can go back to."""

    step: int
    loss: float
    arrays: Arrays


class Clock:
    """Seconds of training, pauses left out."""

    def __init__(self) -> None:
        self._before = 0.0
        self._since: float | None = None

    @property
    def running(self) -> bool:
        """Whether it goes."""
        return self._since is not None

    def start(self) -> None:
        """Goes on."""
        self._since = time.perf_counter()

    def stop(self) -> None:
        """Stands still."""
        self._before, self._since = self.seconds, None

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        running = time.perf_counter() - self._since if self._since is not None else 0.0
        return self._before + running


class Pending:
    """Steps taken and not yet reported."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._names = ("loss", "gradient_norm", *training.work.reports)
        self._reports: list[np.ndarray] = []
        self._rates: list[np.ndarray] = []
        self._seconds = 0.0  # of training when the last report went out
        self._reported = False

    def add(self, reports: np.ndarray, rates: np.ndarray) -> None:
        """Keeps an interval's (k, 2 + r) reports and (k,) rates."""
        self._reports.append(reports)
        self._rates.append(rates)

    @property
    def due(self) -> bool:
        """Whether a report should go out now; the first goes out as soon as there is one."""
        waited = self._training.clock.seconds - self._seconds
        return not self._reported or waited >= REPORT

    def flush(self) -> Iterator[Progress]:
        """What is pending, as one event; nothing if nothing is."""
        if not self._reports:
            return
        reports = np.concatenate(self._reports)
        rates = np.concatenate(self._rates)
        seconds = self._training.clock.seconds
        images = len(reports) * self._training.batch
        yield Progress(
            step=self._training.step,
            epoch=self._training.epoch,
            seconds=seconds,
            images_per_second=images / max(seconds - self._seconds, 1e-9),
            series={
                **{name: reports[:, i] for i, name in enumerate(self._names)},
                "learning_rate": rates,
                "seconds": np.linspace(self._seconds, seconds, len(reports) + 1, dtype=np.float32)[
                    1:
                ],
            },
        )
        self._reports, self._rates = [], []
        self._seconds, self._reported = seconds, True


def _with_progress(
    work: Callable[[datasets.OnProgress], Result], control: Control
) -> Generator[Event, None, Result | None]:
    """Does `work` in a thread and yields what it reports; returns its result, or None if a stop
    came first (the thread then ends with what it does)."""
    reports: queue.SimpleQueue[Preparing | None] = queue.SimpleQueue()
    outcome: dict[str, Any] = {}

    def target() -> None:
        try:
            outcome["result"] = work(
                lambda message, fraction: reports.put(Preparing(message, fraction))
            )
        except BaseException as error:
            outcome["error"] = error
        reports.put(None)

    threading.Thread(target=target, name="load", daemon=True).start()
    while True:
        if control.stopping:
            return None
        try:
            report = reports.get(timeout=INTERVAL)
        except queue.Empty:
            continue
        if report is None:
            break
        yield report
    if "error" in outcome:
        raise outcome["error"]
    return outcome["result"]
