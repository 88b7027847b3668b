"""What a run says while it trains. The order of a run's life:

Preparing* → Started → Resumed? → (Progress | Evaluated | Snapshot | Changed)* → Finished | Failed

An event is plain numbers, text and NumPy arrays, so that it crosses a pipe as JSON and raw bytes
(`playground.runs.wire`) and is never pickled. `step` counts optimiser steps from 1; `epoch` is
a fraction: 1.5 is the middle of the second pass. Times are seconds of training without pauses.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Preparing:
    """What is done before the first step; `fraction` of it done, None where that is unknown."""

    message: str
    fraction: float | None = None


@dataclass(frozen=True)
class Started:
    """The run is built. `strip_images` (N, H, W, C) uint8 and `strip_labels` (N,) are test images
    whose predictions every Evaluated repeats."""

    parameters: int
    layers: list[dict[str, Any]]  # name, kind, shape, parameters: as models.describe gives them
    steps: int
    steps_per_epoch: int
    train_images: int
    validation_images: int
    test_images: int
    class_names: list[str]
    loss: dict[str, Any]  # text, latex, inputs, parameters, warnings, remarks, terms
    arrays: Arrays = field(default_factory=dict)
    baseline: dict[str, float] = field(default_factory=dict)  # of guessing: fit_record.baseline
    identity: dict[str, str] = field(default_factory=dict)  # hashes: training.identity.of


@dataclass(frozen=True)
class Resumed:
    """The run goes on after `step`, from a checkpoint; what it had said of later steps comes again.
    Until then it had said so many `marks` (Changed) and `evaluations`."""

    step: int
    marks: int
    evaluations: int


@dataclass(frozen=True)
class Progress:
    """One reporting interval: `series[name]` holds one float32 a step, the last at `step`.

    Names: loss, accuracy and nll, the negative log-likelihood in nats whatever the loss is (of each
    training batch, with dropout on), gradient_norm, learning_rate, seconds (until the end of each
    step, evenly spread over the interval).
    """

    step: int
    epoch: float
    seconds: float
    images_per_second: float
    series: Arrays


@dataclass(frozen=True)
class Evaluated:
    """The model on images it does not train on, or `split="train"`, dropout off.

    `metrics`: loss, accuracy and the spec's own by `spec.metric_key`, over all of these images;
    `embedding_...`, how well the features part the classes (`clusters`), over a sample of them;
    what `training.signs` gives: nll, nll_error, spread, dead, unanswered, commonest; with
    `watch_fit` those of `spec.FIT_METRICS`;
    under label noise of "train" also what `training.fit_record.memorised` gives.
    `arrays`: confusion (C, C) int32, rows the true class, columns the predicted; reliability
    (3, 15) float32, see `training.fit_record.reliability`;
    strip_probabilities (N, C) float32 for the strip of Started; of a full test evaluation also
    mistake_images, mistake_labels, mistake_probabilities (highest loss first).
    """

    step: int
    epoch: float
    split: str  # "train", "validation", "test"
    images: int
    full: bool  # the whole split, or a fixed sample of it
    metrics: dict[str, float]
    arrays: Arrays = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """Arrays worth keeping; `kind` is "weights", for views, or "checkpoint" (`checkpoint`)."""

    step: int
    kind: str
    arrays: Arrays


@dataclass(frozen=True)
class Changed:
    """Something was changed mid-run, of a kind: "state" (paused, running), "rate" (the field
    `name` of the spec), "parameter" (`name` of the loss), "loss" (to what, as JSON), "broken" (the
    loss is not finite: JSON of message, hint, where, mended and back), "back" (the step whose
    weights were put back), "best" (the epoch whose weights were restored) or "phase" (that of
    `name` begins, its number from 1); every chart marks all but "state". See `changes`."""

    step: int
    kind: str
    name: str
    value: float | str


@dataclass(frozen=True)
class Finished:
    """The run ended as asked; `reason` is "completed" or "stopped"; `metrics` of the test set
    (empty for a stopped run)."""

    step: int
    reason: str
    seconds: float
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """The run ended otherwise. `where` has line, column, end_line, end_column and fragment of a
    written loss when the fault could be traced to it. What was recorded stays."""

    step: int
    kind: str  # "nonfinite", "data", "loss", "spec", "memory", "worker", "store"
    message: str
    hint: str = ""
    where: dict[str, Any] | None = None


def seconds_left(step: int, steps: int, seconds: float) -> float | None:
    """About how many seconds of training are left of a run that took `seconds` for `step` of its
    `steps`; None before the first."""
    return seconds / step * max(0, steps - step) if step and steps and seconds else None


Event = (
    Preparing | Started | Resumed | Progress | Evaluated | Snapshot | Changed | Finished | Failed
)
KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        *(Preparing, Started, Resumed, Progress, Evaluated, Snapshot, Changed, Finished, Failed),
    )
}
