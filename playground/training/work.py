"""What a task does in the worker: the one run's rows, its network and how it is measured.

`Work` is what the graph and the loop know of a task; `playground.tasks.Task.work` makes the one of
a spec. Above the line "traced" a method runs once; those below it are traced into the graph, where
dictionaries cost nothing, and those at the end see NumPy arrays between intervals.
"""

from collections.abc import Hashable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from playground import datasets, models
from playground.spec import RunSpec
from playground.streams import stream
from playground.training import objective
from playground.training.events import Arrays
from playground.training.weighers import Weigher

STRIP = 64  # test images whose answers every evaluation repeats

Tensors = Mapping[str, Any]


@dataclass(frozen=True)
class Phase:
    """A part of a run: its `rows` are the indices of the training rows that it learns from, int
    (n,), for so many of the run's epochs (as `Task.phase_epochs` says); `fresh` lets the optimiser
    begin anew with it, `anew` the learning rate's schedule, which else counts over the whole run,
    and `rate` is what the learning rate is multiplied by. With `waits` a run that somebody attends
    pauses before it.

    An epoch has one length throughout a run: the steps of a pass over the rows of its largest
    phase. A smaller phase goes over its rows more than once in it, in a new order each time. Steps,
    epochs and progress count over the whole run.
    """

    name: str
    rows: np.ndarray
    epochs: int
    fresh: bool = False
    anew: bool = False
    rate: float = 1.0
    waits: bool = False


@dataclass(frozen=True)
class Batch:
    """Rows as the network takes them: its `inputs` by name, and the targets to learn with how much
    each counts (one, or two that are blended)."""

    inputs: Tensors
    parts: Sequence[tuple[Any, Tensors]]


@dataclass(frozen=True)
class Seen:
    """The network on some rows: the mean loss, what `Work.answers` wanted of it, by name, and the
    metrics' values."""

    loss: float
    answers: Arrays
    metrics: dict[str, float]


@dataclass(frozen=True)
class Judged:
    """What an evaluation says beside the loss and the spec's metrics."""

    metrics: dict[str, float] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


class Work:
    """A run of a task, with the usual answers: nothing moves, nothing is reported beside the loss.

    `outputs` names the layers that a loss is computed from, `trunk` the layers at which the
    gradient of each of its terms is measured (none: it is not), or `shared` the one whose kernel it
    is measured at, because the trunk is called more than once; `reports` what every step reports.
    `phases` follow one another and share the spec's epochs among them; one by default.
    """

    outputs: tuple[str, ...] = ()
    trunk: tuple[str, ...] = ()
    shared = ""
    reports: tuple[str, ...] = ()
    weigher: Weigher | None = None  # of the loss' terms, where their weights set themselves

    def __init__(self, spec: RunSpec, dataset: datasets.Dataset) -> None:
        self.spec = spec
        self.dataset = dataset
        self.split = datasets.split(dataset, spec)
        self.rows: dict[str, Mapping[str, np.ndarray]] = {
            "train": {"images": self.split.train_images, "labels": self.split.train_labels},
            "validation": {
                "images": self.split.validation_images,
                "labels": self.split.validation_labels,
            },
            "test": dataset.test_rows,
        }
        everything = np.arange(len(self.rows["train"]["images"]))
        self.phases = [Phase("", everything, spec.epochs)]
        self.loss = objective.build(spec)
        self.metrics = objective.metrics(spec)
        self.statistics = models.pixel_statistics(self.pictures(), spec.normalise)
        self.built = models.connect(spec, self.statistics, training=True)
        self.draw = stream(spec.seed, "samples")

    def pictures(self) -> np.ndarray:
        """What the network takes, uint8 (N, H, W, C), for the statistics of its pixels."""
        return self.rows["train"]["images"]

    def choose_strip(self) -> None:
        """Draws the test rows that every evaluation repeats."""
        count = len(self.rows["test"]["images"])
        self.strip = np.sort(self.draw.permutation(count)[:STRIP])

    def rows_of(self, split: str, chosen: np.ndarray | None = None) -> Mapping[str, np.ndarray]:
        """All rows of a split, or the chosen ones."""
        rows = self.rows[split]
        return rows if chosen is None else {name: each[chosen] for name, each in rows.items()}

    def can_take(self, loss: Any) -> str:
        """Why the run cannot go on with another loss; "" if it can."""
        return ""

    def set_rate(self, name: str, value: float) -> None:
        """Sets a rate of the task's own. Raises ValueError where there is none of that name."""
        raise ValueError("this run has nothing of that name")

    def traced_by(self) -> Hashable | None:
        """What of the spec and the rows is in the graphs as such, and not in a variable. Runs that
        have the same share their graphs (`training.traces`); None: with nobody."""
        return None

    def variables(self) -> list[Any]:
        """The variables of TensorFlow beside the network's and the optimiser's that the traced
        methods, the loss and the metrics read or move, always in the same order."""
        measures = [metric.measure for metric in self.metrics.values()]
        parameters = [each.value for made in (self.loss, *measures) for each in made.variables]
        return [*self.built.constants, *parameters]

    # Traced ---------------------------------------------------------------------------------

    def gather(self, rows: Tensors, indices: Any, step: Any) -> dict[str, Any]:
        """The rows of a batch of training, of all rows (N, ...) those at `indices` (B,). A task
        that draws what belongs to them, a partner or a canvas, draws it here by the step's number
        (`stream`), and has the like of an evaluation ready in `rows_of`."""
        return {name: tf.gather(each, indices) for name, each in rows.items()}

    def batch(self, rows: Tensors, step: Any | None) -> Batch:
        """Gathered rows as a batch, augmented for a step of training; as they are for None."""
        raise NotImplementedError

    def provided(
        self, outputs: Tensors, targets: Tensors, clock: Sequence[Any]
    ) -> Mapping[str, Any]:
        """What the inputs of a loss are made of; `clock` is step, epoch and progress."""
        step, epoch, progress = clock
        return {**outputs, **targets, "step": step, "epoch": epoch, "progress": progress}

    def tensors(self, loss: Any, provided: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs that a loss or a metric asks for, by name. What follows from others, such as
        p_true from y_true and y_pred, it works out itself where `provided` has it not."""
        return {name: provided[name] for name in loss.sources if name in provided}

    def trained(self, loss: Any, provided: Mapping[str, Any]) -> Any:
        """What a step minimises."""
        return loss.on(self.tensors(loss, provided))

    def trained_terms(self, loss: Any, provided: Mapping[str, Any]) -> list[Any]:
        """The terms of that, of a written loss."""
        return list(loss.terms_on(self.tensors(loss, provided)))

    def report(self, outputs: Tensors, targets: Tensors) -> Tensors:
        """Scalars of every step, by the names of `reports`."""
        return {}

    def stepping(self, gradients: Sequence[Any]) -> AbstractContextManager[None]:
        """Around the optimiser's step of a batch that counts, with the slopes of what is minimised
        by the network's trainable variables: for who follows how the weights move."""
        return nullcontext()

    def moved(self, outputs: Tensors, rows: Tensors) -> None:
        """After a step that counts: moves what no gradient moves."""

    def answers(self, provided: Mapping[str, Any]) -> Tensors:
        """What `judge` and `show` want of all rows of an evaluation."""
        return {}

    # Between intervals, NumPy ---------------------------------------------------------------

    def turn(self, number: int) -> None:
        """Before the phase of this number, counted from 0, which is never the first; `built.model`
        is the network as it was trained so far: what the phase needs of it is taken here, into
        variables that the traced methods read. May put a phase with other rows in its place."""

    def measured_rows(self, split: str) -> np.ndarray | None:
        """Which rows of "train" are measured with every evaluation; None: none are."""
        return None

    def judge(self, seen: Seen, rows: Mapping[str, np.ndarray], split: str) -> Judged:
        """What an evaluation of these rows of a split says."""
        return Judged()

    def show(self, seen: Seen) -> dict[str, np.ndarray]:
        """What an evaluation keeps of the strip of test rows."""
        return {}

    def shown(self) -> dict[str, np.ndarray]:
        """The strip itself, for Started."""
        rows = self.rows_of("test", self.strip)
        return {"strip_images": rows["images"], "strip_labels": rows["labels"]}

    def baseline(self) -> dict[str, float]:
        """What guessing gives on the held-out rows."""
        return {}

    def as_arrays(self) -> dict[str, np.ndarray]:
        """What a snapshot keeps beside the network's weights."""
        return self.statistics.as_arrays()

    def restore(self, arrays: Arrays) -> None:
        """Sets what no gradient moves to what it was in a snapshot."""

    def recall(self, arrays: Arrays, epoch: float) -> frozenset[str]:
        """Does so to look into the network as it was then, at this epoch, whatever went before it;
        returns the names of the inputs of a loss that a snapshot does not know."""
        self.restore(arrays)
        return frozenset()

    def answerable(self) -> np.ndarray | None:
        """Which classes the network is asked for by now, (C,) bool; None: all."""
        return None

    def state(self) -> dict[str, np.ndarray]:
        """What a checkpoint keeps beside the network: all that the rest of the run depends on and
        that does not follow from spec, step and phase. A task that has more says so here, and takes
        it in `resume`."""
        learned = [] if self.weigher is None else self.weigher.variables
        return {f"weigher/{i}": np.array(each.numpy()) for i, each in enumerate(learned)}

    def resume(self, arrays: Arrays, phase: int, branch: bool) -> None:
        """Goes on with what `state` gave, in the phase of this number, with the network as it was
        then. A `branch` has a spec of its own: it takes what still means the same. Raises KeyError
        or ValueError where something is missing or does not fit."""
        learned = [] if self.weigher is None else self.weigher.variables
        known = [arrays.get(f"weigher/{i}") for i in range(len(learned))]
        fits = len(known) == sum(name.startswith("weigher/") for name in arrays) and all(
            value is not None and value.shape == tuple(variable.shape)
            for value, variable in zip(known, learned, strict=True)
        )
        if not fits and not branch:
            raise ValueError("other weights of the terms")
        for variable, value in zip(learned, known, strict=True) if fits else ():
            variable.assign(value)
