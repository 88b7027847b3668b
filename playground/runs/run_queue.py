"""The queue of runs that wait for a worker: short runs first, and visitors take turns."""

import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from playground.spec import RunSpec

GATHER_SECONDS = 20.0  # for so long the lanes of a race wait for workers that are starting
PATIENCE_SECONDS = 120.0  # a run that has waited so long lets no more short ones pass


@dataclass(frozen=True)
class QueuedRun:
    """One waiting run; `number` counts arrivals, `since` is a time of the caller's clock. One that
    is not `attended` ends where its loss breaks; any other waits for its visitor. `again`: it does
    not begin, but goes on; `paused`: as it was, if it was paused. A `short` one goes before others
    until those have waited for long."""

    run_id: str
    visitor: str
    spec: RunSpec
    since: float
    number: int = 0
    attended: bool = True
    again: bool = False
    paused: bool = False
    short: bool = False

    def later(self) -> "QueuedRun":
        """The same run as it goes on by itself."""
        return replace(self, again=True, paused=True)


class RunQueue:
    """Who was served longest ago comes first; of one visitor, what came first. Runs that are
    `short` when they join come before others, but for those that have waited for PATIENCE_SECONDS.
    Not thread-safe. `clock` is the one of the runs' `since`."""

    _REMEMBERED = 1000  # visitors whose last turn is known

    def __init__(
        self,
        short: Callable[[RunSpec], bool] = lambda spec: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._short, self._clock = short, clock
        self._waiting: dict[str, QueuedRun] = {}
        self._served: OrderedDict[str, int] = OrderedDict()  # visitor -> turn
        self._turn = 0
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def find(self, run_id: str) -> QueuedRun | None:
        """The run's entry, or None if it does not wait."""
        return self._waiting.get(run_id)

    def count(self, visitor: str) -> int:
        """How many runs of this visitor wait."""
        return sum(one.visitor == visitor for one in self._waiting.values())

    def unattended(self, visitor: str | None = None) -> int:
        """How many runs of races wait, of all visitors or of one."""
        waiting = [one for one in self._waiting.values() if not one.attended]
        return sum(visitor in (None, one.visitor) for one in waiting)

    def others_since(self, visitor: str) -> float | None:
        """Since when runs of anyone else wait; None if none do."""
        times = [one.since for one in self._waiting.values() if one.visitor != visitor]
        return min(times, default=None)

    def longest_wait(self, now: float) -> float:
        """Seconds that the run which waits longest has waited by `now`; 0 where none does."""
        return max((now - one.since for one in self._waiting.values()), default=0.0)

    def join(self, one: QueuedRun) -> QueuedRun:
        """Puts a run behind all that its visitor has waiting; gives it as it waits."""
        self._arrivals += 1
        short = self._short(one.spec)
        joined = replace(one, number=self._arrivals, short=short)
        self._waiting[one.run_id] = joined
        return joined

    def rejoin(self, one: QueuedRun) -> None:
        """Puts a run that was taken, and given back, in front of all."""
        self._waiting[one.run_id] = replace(one, number=0)
        self._served.pop(one.visitor, None)

    def leave(self, run_id: str) -> None:
        """Takes a run out."""
        self._waiting.pop(run_id, None)

    def first(self, full: Collection[str] = ()) -> QueuedRun | None:
        """The run whose turn it is; None of an empty queue. Visitors who are `full` let others
        pass."""
        order = self.order()
        return next((one for one in order if one.visitor not in full), next(iter(order), None))

    def gathers(self, full: Collection[str], idle: int, coming: int, now: float) -> bool:
        """Whether it is the turn of a race that has fewer `idle` workers than lanes, while more
        workers are `coming`: its lanes begin together, for which they wait GATHER_SECONDS at
        most."""
        one = self.first(full)
        if one is None or one.attended or one.again or now - one.since > GATHER_SECONDS:
            return False
        return idle < min(self.unattended(one.visitor), idle + coming)

    def take(self, full: Collection[str] = ()) -> QueuedRun | None:
        """The same, out of the queue."""
        first = self.first(full)
        if first is None:
            return None
        one = self._waiting.pop(first.run_id)
        self._turn += 1
        self._served[one.visitor] = self._turn
        self._served.move_to_end(one.visitor)
        while len(self._served) > self._REMEMBERED:
            self._served.popitem(last=False)
        return one

    def order(self) -> list[QueuedRun]:
        """The runs in the order in which they will be taken if no one else comes."""
        now = self._clock()
        left = sorted(self._waiting.values(), key=lambda one: one.number)
        passed = {one.run_id for one in left if self._lets_pass(one, now)}
        served, turn, found = dict(self._served), self._turn, []
        while left:
            one = min(
                left,
                key=lambda one: (one.run_id in passed, served.get(one.visitor, 0), one.number),
            )
            left.remove(one)
            turn += 1
            served[one.visitor] = turn
            found.append(one)
        return found

    def _lets_pass(self, one: QueuedRun, now: float) -> bool:
        return not one.short and one.number > 0 and now - one.since < PATIENCE_SECONDS
