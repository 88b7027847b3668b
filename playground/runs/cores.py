"""Which cores the runs that train at the same time use: each its own, as far as they suffice.

A run splits its batches over all cores. Several runs that each do so wait for one another at every
kernel; kept apart they train more in sum. Where a thread runs changes no number: how work is split
is fixed when a worker starts. Places are exchanged every second, so that an uneven share, or a core
on which something else runs, is everybody's in turn.

Linux alone has the means; elsewhere nothing is done.
"""

import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path

EXCHANGE_SECONDS = 1.0
_log = logging.getLogger(__name__)


def shares(cores: Sequence[int], count: int, turn: int = 0) -> list[set[int]]:
    """The cores of each of `count` runs: all of one, its own part of several, of more runs than
    cores one each. In as many turns as there are runs everybody has been in every place."""
    if count < 2 or len(cores) < 2:
        return [set(cores)] * count
    places = [cores[i * len(cores) // count : (i + 1) * len(cores) // count] for i in range(count)]
    if count > len(cores):
        places = [[cores[i % len(cores)]] for i in range(count)]
    return [set(places[(i + turn) % count]) for i in range(count)]


class Cores:
    """Shares the cores of this process among worker processes. Not thread-safe."""

    def __init__(self) -> None:
        known = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
        self._cores = sorted(known)
        self._bound: dict[int, set[int]] = {}  # by process, the cores that it was given

    def share(self, busy: Sequence[int], idle: Sequence[int] = ()) -> None:
        """Gives the processes that are `busy` their parts of the cores, and the `idle` ones all."""
        if len(self._cores) < 2:
            return
        turn = int(time.monotonic() / EXCHANGE_SECONDS)
        wanted = dict(zip(busy, shares(self._cores, len(busy), turn), strict=True))
        wanted |= {pid: set(self._cores) for pid in idle}
        for pid, cores in wanted.items():
            if self._bound.get(pid, set(self._cores)) != cores:
                _bind(pid, cores)
        self._bound = wanted


def _bind(pid: int, cores: set[int]) -> None:
    """Moves all threads of a process; those that it starts later come from one of them."""
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), cores)
    except OSError as error:  # the process, or a thread, has ended meanwhile
        _log.debug("The cores of worker %d were not set: %s", pid, error)
