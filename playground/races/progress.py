"""How far a race is: which of its runs are there, which come next, and which lanes go on where
halving lets the worst ones out.

A run is found by its spec's digest, so that a race fills as runs finish, whoever trained them, and
no spec is trained twice. A run that goes on counts only where it was started for a race of the same
owner (`records.serves`): anybody else may pause theirs for ever. With the same runs in the store
every program comes to the same.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from playground.races.race import Race
from playground.runs.records import FINAL, SHARE, RunRecord

Known = Mapping[str, RunRecord]  # runs by their specs' digests
Find = Callable[[Sequence[str]], Known]  # `Store.by_digest`, for an owner
LOWER = frozenset({"nll", "brier", "ece"})  # of which less is better
_VALIDATION = {
    "accuracy": "validation_accuracy",
    "nll": "validation_negative_log_likelihood",
    "brier": "validation_brier",
    "ece": "validation_expected_calibration_error",
    "knn_1": "validation_embedding_knn_1",
}


@dataclass(frozen=True)
class Cell:
    """One run of a race: of a lane (from 0), with the seed of a place, for so many epochs (0: the
    lane's own), with the digest of its spec."""

    lane: int
    seed: int
    epochs: int
    digest: str
    record: RunRecord | None = None

    @property
    def state(self) -> str:
        """Of its run; "" is none yet."""
        return self.record.state if self.record is not None else ""

    @property
    def completed(self) -> bool:
        """Whether its numbers are there."""
        return self.state == "completed"


@dataclass(frozen=True)
class Progress:
    """The `cells` of all rounds so far, in the order in which they are trained: with one seed all
    lanes, then with the next. `rounds` has the lanes of each round of halving that has begun, one
    without halving. `missing` are the cells to be trained now; `done` says whether nothing is and
    nothing trains."""

    cells: list[Cell]
    rounds: list[list[int]]
    missing: list[Cell] = field(default_factory=list)
    done: bool = False

    @property
    def live(self) -> list[Cell]:
        """Those whose runs train or wait."""
        return [cell for cell in self.cells if cell.record is not None and cell.record.live]

    def last(self) -> dict[int, int]:
        """Of each lane the epochs of the last round that it came to."""
        return {cell.lane: cell.epochs for cell in self.cells}

    def final(self) -> list[Cell]:
        """Of each lane the cells of the last round that it came to."""
        last = self.last()
        return [cell for cell in self.cells if cell.epochs == last[cell.lane]]


def follow(race: Race, find: Find, begun: float = 0.0) -> Progress:
    """How far a race is. A run that ended otherwise than completed, before `begun` (seconds since
    1970), is trained again, unless it would end so again; one that the server stopped for others is
    trained further in any case."""
    lanes = list(range(len(race.lanes)))
    cells: list[Cell] = []
    rounds: list[list[int]] = []
    for number, epochs in enumerate(race.rungs):
        here = [
            Cell(lane, seed, epochs, race.digest_of(lane, seed, epochs))
            for seed in range(race.seeds)
            for lane in lanes
        ]
        known = find([cell.digest for cell in here])
        here = [replace(cell, record=known.get(cell.digest)) for cell in here]
        cells += here
        rounds.append(lanes)
        missing = [cell for cell in here if _is_missing(cell, begun)]
        busy = any(cell.record is not None and cell.record.live for cell in here)
        if missing or busy:
            return Progress(cells, rounds, missing)
        if number + 1 < len(race.rungs):
            lanes = survivors(race, here)
    return Progress(cells, rounds, done=True)


def validated(race: Race, cells: Sequence[Cell]) -> dict[int, list[float]]:
    """Of each lane the numbers of its runs on validation images, by which a sweep chooses: what the
    race is judged by, or the accuracy where validation does not record it."""
    found: dict[int, list[float]] = {}
    for cell in cells:
        score = _score(race, cell)
        if math.isfinite(score):
            found.setdefault(cell.lane, []).append(-score if race.judge in LOWER else score)
    return found


def chosen_by(race: Race) -> str:
    """The number by which a sweep chooses."""
    return race.judge if race.judge in _VALIDATION else "accuracy"


def ranked(race: Race, progress: Progress) -> list[int]:
    """The lanes of a sweep that have numbers, the best on validation images first: those of a later
    round of halving before those of an earlier."""
    last, sign = progress.last(), 1 if race.judge in LOWER else -1
    means = {lane: float(np.mean(v)) for lane, v in validated(race, progress.final()).items()}
    return sorted(means, key=lambda lane: (-last[lane], sign * means[lane], lane))


def survivors(race: Race, cells: Sequence[Cell]) -> list[int]:
    """The lanes that go on: of so many as `race.halving` says the best one, by the mean over seeds
    of what the race is judged by, on validation images; a lane that broke with any seed is last.
    Of equal ones the first."""
    scores: dict[int, list[float]] = {}
    for cell in cells:
        scores.setdefault(cell.lane, []).append(_score(race, cell))
    count = math.ceil(len(scores) / race.halving)
    order = sorted(scores, key=lambda lane: (-float(np.mean(scores[lane])), lane))
    return sorted(order[:count])


def _score(race: Race, cell: Cell) -> float:
    """Higher is better; minus infinity of a run without the number."""
    if cell.record is None or not cell.completed:
        return -math.inf
    # What validation does not record by itself, such as the worst class, accuracy stands for.
    name = _VALIDATION.get(race.judge, "validation_accuracy")
    value = cell.record.metrics.get(name, math.nan)
    if not math.isfinite(value):
        return -math.inf
    return -value if race.judge in LOWER else value


def may_be_tried_again(cell: Cell) -> bool:
    """Whether its run ended for no fault of its own: it was stopped, or its worker was killed."""
    record = cell.record
    ended = record is not None and record.state in ("stopped", "failed")
    return record is not None and ended and record.kind not in FINAL


def _is_missing(cell: Cell, begun: float) -> bool:
    record = cell.record
    if record is None:
        return True
    if not may_be_tried_again(cell):
        return False
    ended = record.finished or record.created
    return record.kind == SHARE or ended.timestamp() < begun
