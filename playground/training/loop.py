"""The training loop: a spec in, events out.

One interval is less than a tenth of a second of steps (`INTERVAL`): after each, commands are
taken, so Stop and Pause take effect at once; reports are sent four times a second
(`reports.REPORT`). Neither changes a number: a spec gives the same metrics bit for bit on one
machine. What is measured between steps is in `evaluation`, what breaks in `failure`, when a run
ends before its last epoch in `stopping`.
"""

import logging
import math
import time
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf

from playground import datasets, models
from playground.errors import PlaygroundError, SpecError
from playground.spec import RunSpec
from playground.streams import stream
from playground.tasks import TASKS
from playground.training import checkpoint, failure, identity, objective, optimizers, terms
from playground.training.changes import (
    BACK,
    BEST,
    LOSS,
    PARAMETER,
    PHASE,
    RATE,
    STATE,
    with_loss,
    with_parameter,
)
from playground.training.compiled import Graph
from playground.training.control import Command, Control
from playground.training.evaluation import Evaluation
from playground.training.events import (
    Arrays,
    Changed,
    Evaluated,
    Event,
    Failed,
    Finished,
    Preparing,
    Resumed,
    Snapshot,
    Started,
)
from playground.training.loading import with_progress
from playground.training.reports import Clock, Pending
from playground.training.stopping import BestEpoch, Good
from playground.training.work import Work

INTERVAL = 0.06  # seconds of steps between two looks at the commands

_log = logging.getLogger(__name__)


def run(
    spec: RunSpec,
    control: Control,
    prepared: "Training | None" = None,
    start: checkpoint.Start | None = None,
) -> Iterator[Event]:
    """Trains the spec and yields its events; `prepared` (from `prepare`) saves the time to build,
    and a `start` says that it goes on from a checkpoint.

    Raises DataError, SpecError, RefusedLoss and CheckpointError before the first step; later faults
    end the events with Failed.
    """
    if prepared is None or prepared.spec != spec:
        title = datasets.source_of(spec.dataset).title
        yield Preparing(f"Reading {title}")
        dataset = yield from with_progress(
            lambda report: datasets.load(spec.dataset, report), control
        )
        if dataset is None:
            yield Finished(0, "stopped", 0.0)
            return
        yield Preparing("Building the network")
        prepared = Training(spec, dataset)
    if start is not None and start.arrays:
        checkpoint.restore(prepared, start)
    yield prepared.started()
    if start is not None:
        emitted = prepared.emitted
        yield Resumed(prepared.step, emitted["Changed"], emitted["Evaluated"])
    yield from prepared.events(control)


def prepare(spec: RunSpec) -> "Training":
    """A run of the spec that can begin at once: data loaded, network built, graphs traced. The
    numbers it will give are those of a run that was not prepared. Raises as `run` does."""
    training = Training(spec, datasets.load(spec.dataset))
    training.graph.warm()
    training.identity = identity.of(training)
    return training


class Training:
    """One run in progress: what is trained, on what, and how far it is."""

    def __init__(self, spec: RunSpec, dataset: datasets.Dataset) -> None:
        keras.utils.set_random_seed(spec.seed)
        self.spec = spec
        self.dataset = dataset
        self.work: Work = TASKS[spec.task].work(spec, dataset)
        self.loss = self.work.loss
        self.current = spec  # with the loss and its parameters as they are by now
        self.learning_rate = spec.learning_rate  # as it is by now, without its schedule
        phases = self.work.phases
        if [each.epochs for each in phases] != list(TASKS[spec.task].phase_epochs(spec)):
            raise ValueError("the phases of the work are not those of its task")
        count = max(len(phase.rows) for phase in phases)
        self.batch = min(spec.batch_size, count)
        self.steps_per_epoch = datasets.steps_per_epoch(count, self.batch)
        self.steps = self.steps_per_epoch * spec.epochs
        self.ends = self.steps_per_epoch * np.cumsum([phase.epochs for phase in phases])
        self.phase = 0  # the number of the one that is trained
        self.rates = optimizers.rates_of_phases(spec, phases, self.steps_per_epoch)
        self.model = self.work.built.model
        self.graph = Graph(
            self.work, optimizers.build(spec), self.batch, self.steps, self.steps_per_epoch
        )
        self.best = BestEpoch(spec.patience)
        self.evaluation = Evaluation(self.graph, self.steps_per_epoch)
        self.order = np.zeros((0, self.batch), np.int32)
        self.step = 0
        self.clock = Clock()
        self.interval = 1  # steps; grows to fill INTERVAL
        self.allowed: float = math.inf  # steps until the run pauses
        self.was_paused = False  # when the checkpoint was taken that it goes on from
        self.owed: list[str] = []  # splits whose evaluation comes next
        self.kept = Snapshot(0, "weights", self.weights())  # the last that were sent
        self.good = Good(0, math.inf, self.kept.arrays)
        self.identity: dict[str, str] = {}  # once it was worked out
        self.emitted: Counter[str] = Counter()  # events so far, by their kind
        self.pace = checkpoint.Pace()
        self.unsaved = 0.0  # what a checkpoint that is due may take of the time; 0: none is

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
                "warnings": objective.warnings(loss, self.spec),
                "remarks": objective.remarks(loss, self.spec),
                "terms": terms.watched(loss),
            },
            arrays=self.work.shown(),
            baseline=self.work.baseline(),
            identity=self.identity or identity.of(self),
        )

    def events(self, control: Control) -> Iterator[Event]:
        """Trains to the end, or as the control says."""
        for event in self._events(control):
            self.emitted[type(event).__name__] += 1
            yield event

    def _events(self, control: Control) -> Iterator[Event]:
        pending = Pending(self)
        final: dict[str, float] = {}  # metrics of the last evaluation
        yield self.keep()
        self.clock.start()
        if self.was_paused and self.allowed:
            yield Changed(self.step, STATE, "", "running")
        while self.step < self.steps or self.owed:
            if not self.allowed and self.clock.running:
                yield from self.pause(pending)
            if self.unsaved and control.keeping:
                yield from self.save(pending)
            command = control.receive() if self.allowed else control.wait()
            if command is not None and command.do == "stop":
                yield from pending.flush()
                if self.kept.step != self.step:
                    yield self.keep()
                self.unsaved = checkpoint.ALWAYS
                if control.keeping:
                    yield from self.save(pending)
                yield Finished(self.step, "stopped", self.clock.seconds)
                return
            if command is not None:
                yield from self.obey(command, pending)
                if command.do in ("change", "look", "pause", "keep"):
                    continue
            if self.owed:
                found = self.evaluation.measure(self.owed[0], self.step, control)
                if found is None:
                    continue  # a pause or a stop goes first; then the same once more
                self.owed.pop(0)
                final = found.metrics
                yield found
                yield from self.after(found)
                if self.owed or self.step == self.steps:
                    continue
            if self.step == self.ends[self.phase]:
                yield self.turn()
                if self.work.phases[self.phase].waits and control.attended:
                    self.allowed = 0
                    continue
            finite = self.advance(pending, min(self.interval, self.allowed))
            if not finite:
                failed = yield from self.broke(pending, control.attended)
                if not control.attended:
                    yield failed
                    return
                continue
            due = self.evaluation.due(self.step)
            if pending.due or due:
                yield from pending.flush()
            if due:
                self.owed += self.evaluation.splits()
            if self.step == self.steps:
                self.owed.append("test")
        yield Finished(self.step, "completed", self.clock.seconds, final)

    def pause(self, pending: Pending) -> Iterator[Event]:
        """The run stands still until it is told to go on."""
        yield from pending.flush()
        self.clock.stop()
        yield Changed(self.step, STATE, "", "paused")
        self.unsaved = checkpoint.ALWAYS

    def save(self, pending: Pending) -> Iterator[Event]:
        """The checkpoint that is due, where the pace allows it: one at an evaluation is left out
        otherwise, one after a change is taken as soon as it does."""
        if self.allowed and not self.pace.allows(self.unsaved):
            if self.unsaved == checkpoint.AT_EVALUATION:
                self.unsaved = 0.0
            return
        yield from pending.flush()
        began = time.thread_time()
        yield Snapshot(self.step, checkpoint.KIND, checkpoint.take(self))
        self.pace.took(time.thread_time() - began)
        self.unsaved = 0.0

    def keep(self) -> Snapshot:
        """The weights of now, which are then the last that were sent."""
        self.kept = Snapshot(self.step, "weights", self.weights())
        return self.kept

    def obey(self, command: Command, pending: Pending) -> Iterator[Event]:
        """Does what a command other than stop says; a pause takes effect before the next step."""
        if command.do == "change":
            yield from self.change(command)
        elif command.do == "keep":
            self.unsaved = checkpoint.ALWAYS
        elif command.do == "look":
            if self.kept.step != self.step:
                yield from pending.flush()
                yield self.keep()
        else:
            self.allowed = {"pause": 0, "step": 1, "resume": math.inf}[command.do]
            if self.allowed and not self.clock.running:
                self.clock.start()
                if command.do == "resume":
                    yield Changed(self.step, STATE, "", "running")
                    self.unsaved = checkpoint.ALWAYS  # it would come back paused

    def after(self, found: Evaluated) -> Iterator[Event]:
        """What follows from an evaluation: the weights it saw are kept, the best of them as what
        one can go back to, and the run may end early."""
        if found.split != "validation":
            return
        yield self.keep()
        last = self.step == self.steps
        self.unsaved = max(self.unsaved, checkpoint.ALWAYS if last else checkpoint.AT_EVALUATION)
        if found.metrics["loss"] <= self.good.loss:
            self.good = Good(self.step, found.metrics["loss"], self.kept.arrays)
        if self.spec.patience and found.full and self.last:
            yield from self.end_early(found.metrics["loss"])

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
        self.evaluation.begin_phase(self.phase, self.step)
        self.good = Good(self.step, math.inf, self.weights())
        return Changed(self.step, PHASE, phase.name, self.phase + 1)

    def end_early(self, loss: float) -> Iterator[Event]:
        """After an epoch's evaluation: at the run's end, or when patience has run out and this is
        its end, the best epoch's weights are restored for the test and for whoever looks."""
        out = self.best.update(round(self.epoch), self.step, loss, self.kept.arrays)
        if self.step < self.steps:
            if not out:
                return
            self.steps = self.step
            self.owed.append("test")
        yield Changed(self.best.step, BEST, "", self.best.epoch)
        if self.best.step != self.step:
            self.restore(self.best.weights)
            yield self.keep()

    def advance(self, pending: Pending, most: float) -> bool:
        """Takes up to `most` steps, not past an evaluation or the epoch's end; False when a loss
        or gradient was not finite, in which case the last step changed nothing."""
        within = self.step % self.steps_per_epoch
        if within == 0:
            self.begin_epoch()
        until = min(self.evaluation.next(self.step), self.steps)
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
        self.allowed -= taken
        if not finite:
            batch = self.order[within + taken - 1]
            targets = self.graph.targets_of(batch, self.step)
            self.broken = self.graph.provided(outputs, targets, tf.constant(self.step))
            return False
        # At most double: the first intervals carry one-time costs that say nothing of the rest.
        fitting = int(INTERVAL / max(seconds / taken, 1e-6))
        self.interval = max(1, min(fitting, 2 * self.interval))
        return True

    def begin_epoch(self) -> None:
        """Puts the batches of the epoch that the next step is in into their order."""
        self.order = self.shuffled(self.step // self.steps_per_epoch)

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
                self.unsaved = max(self.unsaved, checkpoint.AFTER_CHANGE)
                yield Changed(self.step, BACK, "", float(self.good.step))
                return
            if command.kind == PARAMETER:
                self.loss.set_parameter(command.name, value)
                self.current = with_parameter(self.current, command.name, value)
                self.begin_anew()
            elif command.kind == RATE and command.name == "learning_rate":
                self.set_learning_rate(value)
            elif command.kind == RATE:
                self.work.set_rate(command.name, value)
            else:
                raise ValueError("this run has nothing of that name")
        except ValueError as error:
            _log.warning("A change of %s was not applied: %s", command.name, error)
            return
        self.unsaved = max(self.unsaved, checkpoint.AFTER_CHANGE)
        yield Changed(self.step, command.kind, command.name, value)

    def set_learning_rate(self, value: float) -> None:
        """Trains with this rate from the next step, times what the schedule says."""
        scale = value / self.spec.learning_rate
        plain = optimizers.rates_of_phases(self.spec, self.work.phases, self.steps_per_epoch)
        self.rates = (plain * scale).astype(np.float32)
        self.learning_rate = value

    def change_loss(self, value: float | str) -> Iterator[Changed]:
        """Goes on with another loss from the next step; the optimiser keeps what it has gathered.
        One that cannot be trained here is left out and costs nothing but a line in the log."""
        try:
            self.take_loss(value)
        except PlaygroundError as error:
            _log.warning("The loss was not changed: %s", error)
            return
        self.begin_anew()
        self.unsaved = max(self.unsaved, checkpoint.AFTER_CHANGE)
        yield Changed(self.step, LOSS, "", value)

    def take_loss(self, value: float | str) -> None:
        """Trains with the loss of a change from the next step. Raises PlaygroundError where it
        cannot be trained here."""
        changed = with_loss(self.spec, value)
        loss = objective.build(changed)
        if refused := self.work.can_take(loss):
            raise SpecError("loss", refused)
        self.loss = self.work.loss = loss
        self.current = changed
        self.graph.adopt(loss)

    def begin_anew(self) -> None:
        """Forgets which evaluation and which epoch were the best: the values of another loss say
        nothing of this one's."""
        self.good = replace(self.good, loss=math.inf)
        self.best = BestEpoch(
            self.spec.patience,
            int(self.epoch),
            self.step,
            weights=self.weights() if self.spec.patience else {},
        )

    def go_back(self, step: float) -> None:
        """Puts the weights of the best evaluation so far back, with a fresh optimiser: what it has
        gathered is of where the run went astray. Raises ValueError for another step."""
        if step != self.good.step:
            raise ValueError(f"the weights of step {step:g} are not at hand")
        self.restore(self.good.arrays)
        self.graph.forget()

    def restore(self, arrays: Arrays) -> None:
        """Sets the weights, and what no gradient moves, to those of a snapshot."""
        self.set_network(arrays)
        self.work.restore(arrays)

    def set_network(self, arrays: Arrays) -> None:
        """Sets every weight by its path."""
        for weight in self.model.weights:
            weight.assign(arrays[weight.path])

    def network_state(self) -> dict[str, np.ndarray]:
        """A copy of every weight by its path, such as `block1_conv/kernel`."""
        return {weight.path: np.array(weight.numpy()) for weight in self.model.weights}

    def weights(self) -> dict[str, np.ndarray]:
        """A copy of all that the network is: every weight by its path, and what the work keeps
        beside: the pixel statistics (`models.restore` takes both), the class centres of a run that
        has them."""
        return {**self.network_state(), **self.work.as_arrays()}

    def finite_weights(self, earlier: Arrays) -> Arrays:
        """The weights as they are, or `earlier` ones if a running statistic took the damage that
        the skipped step kept from the rest."""
        now = self.weights()
        return now if all(np.isfinite(array).all() for array in now.values()) else earlier

    def broke(self, pending: Pending, attended: bool) -> Generator[Event, None, Failed]:
        """After a step whose loss or gradient was not finite; returns what became so. A run that is
        attended is marked, and pauses with the weights that are finite."""
        yield from pending.flush()
        finite = self.finite_weights(self.kept.arrays)
        self.kept = Snapshot(self.step - 1, "weights", finite)
        yield self.kept
        tensors = self.work.tensors(self.loss, self.broken)
        failed = failure.nonfinite(self.loss, tensors, self.step, self.epoch)
        if attended:
            self.restore(finite)
            tensors = self.work.tensors(self.loss, self.broken)
            yield failure.mark(failed, self.loss, tensors, self.good.step)
            self.allowed = 0
            if self.step == self.steps:
                self.owed.append("test")
        return failed
