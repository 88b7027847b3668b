"""The numbers of a race by lane and seed, none of which a loss owns.

A loss' own value is never among them: two losses measure in different units, and each is least
where it was made to be. What is compared is what the network answers on test images that no lane
was trained on, chosen by or stopped by.
"""

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from playground.races.progress import Progress
from playground.races.race import MOST_RUNS, Race
from playground.runs.records import RunRecord
from playground.runs.store import Store
from playground.training.clusters import PREFIX

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True)
class Measure:
    """A number of the scoreboard: its title, its unit ("%", "s" or ""), which way is better, and
    what it says."""

    title: str
    unit: str
    higher: bool
    means: str

    def said(self, value: float, signed: bool = False) -> str:
        """A value as it stands in a table; "–" where there is none."""
        if not math.isfinite(value):
            return "–"
        sign = "+" if signed else ""
        if self.unit == "%":
            return f"{100 * value:{sign}.2f}" if signed else f"{100 * value:.2f}%"
        if self.unit == "steps":
            return f"{value:{sign},.0f}"
        return f"{value:{sign}.1f} s" if self.unit == "s" else f"{value:{sign}.4g}"

    def summary(self, found: Mapping[int, float]) -> str:
        """Mean and standard deviation of a lane's numbers as they stand in a table."""
        if len(found) < 2:
            return self.said(mean(found))
        around = self.said(spread(found)) if self.unit else f"{spread(found):.2g}"
        return f"{self.said(mean(found))} ± {around}"


MEASURES: Mapping[str, Measure] = {
    "accuracy": Measure("Accuracy", "%", True, "Share of the test images that are told right."),
    "nll": Measure(
        "NLL",
        "",
        False,
        "Negative log-likelihood of the right class in nats: punishes being sure and wrong. "
        "Cross-entropy is trained on it; here all lanes are measured by it.",
    ),
    "brier": Measure(
        "Brier score",
        "",
        False,
        "Squared distance of the probabilities to the right answer, summed over classes.",
    ),
    "ece": Measure(
        "ECE",
        "%",
        False,
        "Expected calibration error: how far confidence and share right lie apart, over 15 bins.",
    ),
    "macro_f1": Measure(
        "Macro F1", "%", True, "F1 of each class, averaged: rare ones count alike."
    ),
    "worst_class": Measure("Worst class", "%", True, "Share told right of the class told worst."),
    "knn_1": Measure(
        "kNN-1",
        "%",
        True,
        "Share told right by the nearest other image in the features: what the embedding knows "
        "without the last layer (512 test images).",
    ),
    "within_between": Measure(
        "Within / between",
        "",
        False,
        "Distance of an image to its class' mean over that between class means, in the features.",
    ),
    "steps": Measure(
        "Steps to target",
        "steps",
        False,
        "Steps until the validation accuracy first reached the target at an evaluation.",
    ),
    "seconds": Measure(
        "Seconds to target",
        "s",
        False,
        "Seconds of training until then. Of this machine and what else ran on it: the only number "
        "here that another run of the same race does not repeat.",
    ),
    "memorised": Measure(
        "Noise memorised",
        "%",
        False,
        "Share of wrong training labels that the network answers with: learned by heart.",
    ),
}
TIMED = frozenset({"steps", "seconds"})
WHY_NO_LOSS = (
    "Losses are not compared by their values: each measures in a unit of its own. Twice a loss is "
    "the same loss and twice the number."
)
_OF_RUNS = {
    "accuracy": ("test_accuracy",),
    "nll": ("test_negative_log_likelihood", "test_nll"),
    "brier": ("test_brier",),
    "ece": ("test_expected_calibration_error",),
    "knn_1": (f"test_{PREFIX}knn_1",),
    "memorised": ("train_given_accuracy",),
}


@dataclass(frozen=True)
class Results:
    """`values[measure][lane]` has the finite numbers of a lane by seed place; `reached[lane]` how
    many of its runs came to the target. `hashes[lane]` has what each run recorded of itself by seed
    place (`training.identity`), `broken[lane]` why runs ended otherwise."""

    race: Race
    values: Mapping[str, list[dict[int, float]]]
    reached: list[int]
    hashes: list[dict[int, dict[str, str]]]
    broken: list[dict[int, str]]

    @property
    def judged(self) -> list[dict[int, float]]:
        """The numbers that the race is judged by."""
        return self.values[self.race.judge]

    def measured(self) -> list[str]:
        """The measures that any lane has."""
        return [name for name, lanes in self.values.items() if any(lanes)]

    def best(self, measure: str) -> set[int]:
        """The lanes with the best mean, of those with the most runs; none where one has any."""
        most = max(map(len, self.values[measure]), default=0)
        whole = [(i, each) for i, each in enumerate(self.values[measure]) if len(each) == most]
        means = {lane: mean(found) for lane, found in whole if found}
        if len(means) < 2:
            return set()
        best = (max if MEASURES[measure].higher else min)(means.values())
        return {lane for lane, value in means.items() if value == best}

    def same(self, name: str) -> bool | None:
        """Whether of each seed all runs recorded the same hash of this name; None where no seed has
        two."""
        pairs = self._by_seed(name)
        return all(len(set(each)) == 1 for each in pairs) if pairs else None

    def _by_seed(self, name: str) -> list[list[str]]:
        found = []
        for seed in range(self.race.seeds):
            here = [lane[seed][name] for lane in self.hashes if name in lane.get(seed, {})]
            if len(here) > 1:
                found.append(here)
        return found


def mean(found: Mapping[int, float]) -> float:
    """Of the numbers of a lane; NaN of none."""
    return float(np.mean([found[seed] for seed in sorted(found)])) if found else math.nan


def spread(found: Mapping[int, float]) -> float:
    """Their standard deviation; NaN of fewer than two."""
    return float(np.std(list(found.values()), ddof=1)) if len(found) > 1 else math.nan


MOST_KEPT = 2 * MOST_RUNS  # runs of which a reader keeps what it read


def _keep(known: OrderedDict[K, V], key: K, value: V) -> None:
    """Keeps something read, and forgets what was read longest ago."""
    known[key] = value
    while len(known) > MOST_KEPT:
        known.popitem(last=False)


class Reader:
    """Reads results of a store; what it read of a run that has completed it keeps for a while."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[tuple[str, float], dict[str, float]] = OrderedDict()
        self._hashes: OrderedDict[str, dict[str, str]] = OrderedDict()

    def results(self, race: Race, progress: Progress) -> Results:
        """The numbers of a race as far as they are there. Raises StoreError."""
        count = len(race.lanes)
        values: dict[str, list[dict[int, float]]] = {
            name: [{} for _ in range(count)] for name in MEASURES
        }
        reached = [0] * count
        hashes: list[dict[int, dict[str, str]]] = [{} for _ in range(count)]
        broken: list[dict[int, str]] = [{} for _ in range(count)]
        for cell in progress.final():
            if cell.record is None:
                continue
            if found := self.identity(cell.record):
                hashes[cell.lane][cell.seed] = found
            if cell.state in ("failed", "stopped"):
                broken[cell.lane][cell.seed] = cell.record.message or cell.state
            if not cell.completed:
                continue
            numbers = self.numbers(cell.record, race.target)
            reached[cell.lane] += "steps" in numbers
            for name, value in numbers.items():
                values[name][cell.lane][cell.seed] = value
        return Results(race, values, reached, hashes, broken)

    def identity(self, record: RunRecord) -> dict[str, str]:
        """The hashes that a run recorded; none before it began, or of an earlier version's."""
        if record.id not in self._hashes:
            started = self._store.started(record.id)
            if started is None:
                return {}
            _keep(self._hashes, record.id, started.identity)
        return self._hashes[record.id]

    def numbers(self, record: RunRecord, target: float) -> dict[str, float]:
        """A completed run's numbers by the names of MEASURES, those that are finite."""
        key = record.id, target
        if key not in self._kept:
            found = {
                name: next((record.metrics[n] for n in names if n in record.metrics), math.nan)
                for name, names in _OF_RUNS.items()
            }
            within, between = (
                record.metrics.get(f"test_{PREFIX}{name}", math.nan)
                for name in ("within", "between")
            )
            found["within_between"] = within / between if between else math.nan
            found |= self._of_classes(record) | self._to_target(record, target)
            _keep(self._kept, key, {n: float(v) for n, v in found.items() if math.isfinite(v)})
        return self._kept[key]

    def _of_classes(self, record: RunRecord) -> dict[str, float]:
        evaluated = self._store.evaluation(record.id, "test")
        confusion = None if evaluated is None else evaluated.arrays.get("confusion")
        return {} if confusion is None else of_classes(confusion)

    def _to_target(self, record: RunRecord, target: float) -> dict[str, float]:
        steps, accuracy = self._store.series(record.id, "validation_accuracy")
        there = np.flatnonzero(accuracy >= np.float32(target))
        if not len(there):
            return {}
        step = int(steps[there[0]])
        at, seconds = self._store.series(record.id, "seconds")
        until = seconds[np.searchsorted(at, step, side="right") - 1] if len(at) else math.nan
        return {"steps": float(step), "seconds": float(until) if step else 0.0}


def of_classes(confusion: np.ndarray) -> dict[str, float]:
    """Macro F1, of classes that occur or are answered, and the share told right of the class told
    worst, out of a confusion matrix (C, C), rows the true class."""
    right = np.diag(confusion).astype(float)
    true, said = confusion.sum(axis=1).astype(float), confusion.sum(axis=0).astype(float)
    there = true + said > 0
    f1 = 2 * right[there] / (true + said)[there]
    recall = right[true > 0] / true[true > 0]
    return {
        "macro_f1": float(f1.mean()) if len(f1) else math.nan,
        "worst_class": float(recall.min()) if len(recall) else math.nan,
    }
