"""One run as the store has it at one moment, read with few statements whatever is asked of it."""

from collections import defaultdict

import numpy as np

from playground.runs.records import RunRecord
from playground.runs.store import Store
from playground.training.events import Changed, Evaluated, Started

Series = tuple[np.ndarray, np.ndarray]  # steps, values


class RunView:
    """Answers what `Store` answers of one run, under the same names, as it was at the last
    `refresh`. What is asked twice is read once; the numbers of all evaluations come with one
    statement, of which the next refresh reads the new ones. For one thread at a time.

    Methods raise StoreError.
    """

    def __init__(self, store: Store, run_id: str) -> None:
        self._store, self.run_id = store, run_id
        self._numbers: dict[str, dict[int, float]] = defaultdict(dict)  # of evaluations
        self._read_to = 0  # the number of the last evaluation that was read
        self.refresh()

    def refresh(self) -> None:
        """Forgets what may have changed since; it is read when it is asked for."""
        self._record: RunRecord | None = None
        self._marks: list[Changed] | None = None
        self._started: Started | None = None
        self._evaluations: dict[tuple[str, bool | None], Evaluated | None] = {}
        self._of_steps: dict[str, tuple[int, Series]] = {}
        self._numbers_known = False

    def run(self, run_id: str) -> RunRecord | None:
        """As `Store.run`."""
        if self._record is None:
            self._record = self._store.run(self.run_id)
        return self._record

    def marks(self, run_id: str) -> list[Changed]:
        """As `Store.marks`."""
        if self._marks is None:
            self._marks = self._store.marks(self.run_id)
        return self._marks

    def started(self, run_id: str) -> Started | None:
        """As `Store.started`."""
        if self._started is None:
            self._started = self._store.started(self.run_id)
        return self._started

    def snapshots(self, run_id: str, kind: str) -> list[int]:
        """As `Store.snapshots`."""
        return self._store.snapshots(self.run_id, kind)

    def evaluation(
        self, run_id: str, split: str = "validation", full: bool | None = None
    ) -> Evaluated | None:
        """As `Store.evaluation`."""
        asked = split, full
        if asked not in self._evaluations:
            self._evaluations[asked] = self._store.evaluation(self.run_id, split, full)
        return self._evaluations[asked]

    def read_steps(self, after: dict[str, int]) -> None:
        """Reads series of every step, each after a step, with one statement."""
        for name, series in self._store.all_series(self.run_id, after).items():
            self._of_steps[name] = after[name], series

    def series(self, run_id: str, name: str, after: int = 0) -> Series:
        """As `Store.series`."""
        if self._store.of_evaluations(name):
            self._read_numbers()
            known = self._numbers.get(name, {})
            steps = np.array(sorted(step for step in known if step > after), np.int32)
            return steps, np.array([known[step] for step in steps.tolist()], np.float32)
        begun, found = self._of_steps.get(name, (None, None))
        if found is None or begun is None or begun > after:
            found = self._store.series(self.run_id, name, after)
            self._of_steps[name] = after, found
        start = int(np.searchsorted(found[0], after, side="right"))
        return found[0][start:], found[1][start:]

    def _read_numbers(self) -> None:
        if self._numbers_known:
            return
        for number, split, step, metrics in self._store.numbers(self.run_id, self._read_to):
            self._read_to = max(self._read_to, number)
            for metric, value in metrics.items():
                self._numbers[f"{split}_{metric}"][step] = value  # of two, the later counts
        self._numbers_known = True
