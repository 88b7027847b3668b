"""Sweeps: one run for each value of a setting, all else as chosen, and what came of them.

A point is found in the store by its spec's digest, so a sweep fills as its runs finish, shows again
whenever it is asked for, and never trains a spec twice.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from playground import datasets, models
from playground.runs.store import RunRecord
from playground.spec import RunSpec, knobs


@dataclass(frozen=True)
class Sweep:
    """`field` takes these values; beside the width the embedding is `beside` times as wide."""

    field: str
    title: str
    axis: str
    values: tuple[float, ...]
    log: bool = True
    beside: int = 0


@dataclass(frozen=True)
class Point:
    """One run of a sweep: `x` on the chart, errors as shares, those of validation images with their
    standard error; NaN until the run has finished."""

    x: float
    spec: RunSpec
    state: str = ""  # of its run; "" is none yet
    train: float = math.nan
    held_out: float = math.nan
    error: float = math.nan


SWEEPS: Mapping[str, Sweep] = {
    sweep.field: sweep
    for sweep in (
        Sweep("width", "Capacity", "weights", (2, 4, 8, 16, 32, 64), beside=4),
        Sweep("train_images", "Images", "training images", (50, 100, 200, 400, 800)),
        Sweep("dropout", "Dropout", "dropout", (0.0, 0.2, 0.4, 0.6, 0.8), log=False),
        Sweep("l2", "L2", "L2 strength λ", (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)),
    )
}


def specs(sweep: Sweep, base: RunSpec) -> list[RunSpec]:
    """The runs of a sweep around a spec, those that are possible with its data."""
    kept = base.model_dump() | {"watch_fit": True, "evaluations": 1}
    if not kept["validation_images"] and sweep.field == "train_images":
        kept["validation_images"] = 500  # the same images judge every point
    found = []
    for value in sweep.values:
        values = {**kept, sweep.field: value}
        if sweep.field == "train_images":
            if value + values["validation_images"] > datasets.source_of(base.dataset).train_count:
                continue
            values["train_images"] = int(value)
        if sweep.beside:
            most = knobs()["embedding"].high or 512
            values |= {"width": int(value), "embedding": min(int(most), sweep.beside * int(value))}
        found.append(RunSpec(**values))
    return found


def points(sweep: Sweep, planned: Sequence[RunSpec], known: Mapping[str, RunRecord]) -> list[Point]:
    """The points of planned specs; `known` are runs by digest (`Store.by_digest`)."""
    return [_point(sweep, spec, known.get(spec.digest)) for spec in planned]


def _point(sweep: Sweep, spec: RunSpec, record: RunRecord | None) -> Point:
    x = models.parameter_count(spec) if sweep.field == "width" else getattr(spec, sweep.field)
    if record is None:
        return Point(x, spec)
    measured = record.metrics
    if record.state != "completed" or "validation_accuracy" not in measured:
        return Point(x, spec, record.state)
    share = 1 - measured["validation_accuracy"]
    images = datasets.counts(spec).held_out
    clean = measured.get("train_clean_accuracy", measured.get("train_accuracy", math.nan))
    return Point(
        x, spec, record.state, 1 - clean, share, math.sqrt(max(share * (1 - share), 1e-9) / images)
    )
