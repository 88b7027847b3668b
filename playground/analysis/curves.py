"""What the recorded curves of a run amount to beside themselves: the generalisation gap at each
evaluation on the validation images, and all curves as one table. NumPy on what the store has."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from playground.errors import SpecError
from playground.runs.records import RunRecord
from playground.runs.store import Store

ORDER = ("loss", "accuracy", "gradient_norm", "learning_rate")  # then what else there is
CLOCK = "seconds"  # of training without pauses, after each step; runs of before have none


class Source(Protocol):
    """What has the series of runs: a store, or a view of one run."""

    def series(self, run_id: str, name: str, after: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """As `Store.series`."""


def gap(store: Source, run_id: str, after: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Steps (N,) of the evaluations after step `after`, and the validation loss there less the mean
    training loss of the steps just before, the last third since the evaluation before.

    An evaluation whose steps are not recorded yet is left out; NaN where no loss of them is finite.
    Raises StoreError.
    """
    ends, held = store.series(run_id, "validation_loss")
    since = np.concatenate([[0], ends[:-1]])
    first = ends - np.maximum(1, -(-(ends - since) // 3))  # the window is (first, end]
    new = ends > after
    if not new.any():
        return ends[:0], held[:0]
    steps, losses = store.series(run_id, "loss", after=max(0, int(first[new][0])))
    new &= ends <= (steps[-1] if len(steps) else 0)
    finite = np.isfinite(losses)
    # Sums up to each step, so that a window is a difference of two.
    total = np.concatenate([[0.0], np.cumsum(np.where(finite, losses, 0), dtype=np.float64)])
    count = np.concatenate([[0], np.cumsum(finite)])
    low = np.searchsorted(steps, first[new], "right")
    high = np.searchsorted(steps, ends[new], "right")
    known = count[high] - count[low]
    mean = np.where(known, (total[high] - total[low]) / np.maximum(known, 1), np.nan)
    return ends[new], held[new] - mean


def clock(store: Source, run_id: str, after: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """At most `most` steps after step `after`, evenly spread, the newest among them, and the
    seconds of training until the end of each. Empty for a run that did not record them."""
    steps, seconds = store.series(run_id, CLOCK, after)
    count = min(most, len(steps))
    chosen = len(steps) - 1 - np.arange(count)[::-1] * len(steps) // max(count, 1)
    return steps[chosen], seconds[chosen]


@dataclass(frozen=True)
class Recorded:
    """All that was recorded of a run: its `steps` (N,) at which there is something, ascending, the
    `epoch` of each (empty for a run that was not built), and by its name of each series the places
    in `steps` at which it has a value, and the values. Of the clock first, then of what has one at
    every step, then of the evaluations of a split."""

    record: RunRecord
    steps: np.ndarray
    epoch: np.ndarray
    series: Mapping[str, tuple[np.ndarray, np.ndarray]]


def recorded(store: Store, run_id: str) -> Recorded:
    """What the store has of a run's curves. Raises SpecError for an unknown run, StoreError."""
    record = store.run(run_id)
    if record is None:
        raise SpecError("run", f"there is no run {run_id[:20]!r} in the history")
    names = store.series_names(run_id)
    of_steps = sorted(
        (name for name in names if name != CLOCK),
        key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name),
    )
    columns = [*([CLOCK] if CLOCK in names else []), *of_steps, *record.metrics]
    found = {name: store.series(run_id, name) for name in columns}
    steps = np.unique(np.concatenate([np.empty(0, np.int64), *(at for at, _ in found.values())]))
    started = store.started(run_id)
    return Recorded(
        record,
        steps,
        steps[:0] / 1.0 if started is None else steps / started.steps_per_epoch,
        {name: (np.searchsorted(steps, at), values) for name, (at, values) in found.items()},
    )


def table(store: Store, run_id: str) -> str:
    """All that was recorded of a run as CSV (RFC 4180): a row for each step at which there is
    something, empty where there is not, `nan` and `inf` for what is no number. Columns: step,
    epoch, seconds, those of each step, those of the evaluations of a split. Raises SpecError for an
    unknown run, StoreError."""
    found = recorded(store, run_id)
    cells: dict[str, list[Any]] = {"step": found.steps.tolist()}
    if len(found.epoch):
        cells["epoch"] = [f"{epoch:.6g}" for epoch in found.epoch]
    for name, (places, values) in found.series.items():
        column = np.full(len(found.steps), "", object)
        column[places] = [str(value) for value in values]
        cells[name] = column.tolist()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(cells)
    writer.writerows(zip(*cells.values(), strict=True))
    return text.getvalue()
