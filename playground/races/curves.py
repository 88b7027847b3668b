"""The curves of a race: of each lane the median over seeds, and the band of its middle half."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from playground.races.progress import Progress
from playground.races.race import Race
from playground.runs.store import Store

# The series that are drawn, with title and unit; none is a loss' own value.
DRAWN: Mapping[str, tuple[str, str]] = {
    "validation_accuracy": ("Validation accuracy", "%"),
    "validation_negative_log_likelihood": ("Validation NLL", ""),
    "train_given_accuracy": ("Wrong labels learned by heart", "%"),
}


@dataclass(frozen=True)
class Curve:
    """Of a lane over `steps`: `median` of its runs, `low` and `high` quartiles (equal to it of one
    run), and from how many `seeds`."""

    lane: int
    steps: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    seeds: int


def curves(store: Store, race: Race, progress: Progress, name: str) -> list[Curve]:
    """The curves of a series of all lanes that have it. Where runs are of different length, such as
    one that trains yet, a step has those that came so far. Raises StoreError."""
    runs: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
    for cell in progress.final():
        if cell.record is None or not cell.record.step:
            continue
        steps, values = store.series(cell.record.id, name)
        if len(steps):
            runs.setdefault(cell.lane, []).append((steps, values))
    return [_curve(lane, found) for lane, found in sorted(runs.items())]


def _curve(lane: int, runs: list[tuple[np.ndarray, np.ndarray]]) -> Curve:
    steps = np.unique(np.concatenate([each for each, _ in runs]))
    table = np.full((len(runs), len(steps)), np.nan, np.float64)
    for row, (at, values) in zip(table, runs, strict=True):
        row[np.searchsorted(steps, at)] = values
    kept = np.isfinite(table).any(axis=0)
    steps, table = steps[kept], table[:, kept]
    low, median, high = np.nanquantile(table, [0.25, 0.5, 0.75], axis=0)
    return Curve(lane, steps, median, low, high, len(runs))
