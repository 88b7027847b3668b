"""Families of runs: a branch with what the runs that it leaves had recorded up to there, as one
run; and which run leaves which."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np


class Joined:
    """A store (`runs.store.Store`, or a view of a run) in which the series of a branch begin with
    those of the runs that it leaves, as far as these are still there. All else is the store's."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def series(self, run_id: str, name: str, after: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """As `Store.series`. Of two values at the step where it leaves, the branch's own counts."""
        steps, values = self._store.series(run_id, name, after)
        record = self._store.run(run_id)
        if record is None or record.parent is None or after >= record.parent_step:
            return steps, values
        before, earlier = self.series(record.parent, name, after)
        first = steps[0] if len(steps) else record.parent_step + 1
        kept = before < min(first, record.parent_step + 1)
        return np.append(before[kept], steps), np.append(earlier[kept], values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def families(parents: Mapping[str, str | None]) -> list[list[tuple[str, int]]]:
    """Runs by their families: each begins with the run that leaves none of these, and has every
    branch, with how many branches deep it is, after what it leaves. Families and branches come in
    the order of the runs in `parents`, which says of each what it leaves."""
    children: defaultdict[str | None, list[str]] = defaultdict(list)
    for run_id, parent in parents.items():
        children[parent if parent in parents else None].append(run_id)
    found = []
    for root in children[None]:
        family, waiting = [], [(root, 0)]
        while waiting:
            run_id, depth = waiting.pop()
            family.append((run_id, depth))
            waiting += [(child, depth + 1) for child in reversed(children[run_id])]
        found.append(family)
    return found
