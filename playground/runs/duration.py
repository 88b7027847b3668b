"""How long runs will take and wait, by the pace of those before."""

import heapq
import time
from collections.abc import Sequence
from typing import Any

from playground import datasets, models
from playground.runs.jobs import Job
from playground.runs.limits import at_most
from playground.runs.run_queue import RunQueue
from playground.settings import Settings
from playground.spec import RunSpec
from playground.training.events import seconds_left


class Durations:
    """Remembers the pace of runs, and says from it how long others take. Not thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rates: dict[tuple[Any, ...], float] = {}  # images per second, by what sets the pace

    def note(self, spec: RunSpec, images_per_second: float) -> None:
        """A run of this spec goes so fast."""
        self._rates[_pace(spec)] = images_per_second

    def is_short(self, spec: RunSpec) -> bool:
        """Whether a run is known to take less than PLAYGROUND_SHORT_SECONDS."""
        length = self._length(spec)
        return length is not None and length < self._settings.short_seconds

    def wait_seconds(
        self, run_id: str, queue: RunQueue, jobs: Sequence[Job | None]
    ) -> float | None:
        """About how long a run will wait in the queue; `jobs` are those of all workers, None of an
        idle one. None when the run does not wait or nobody can tell."""
        if queue.find(run_id) is None:
            return None
        free = [left for job in jobs if (left := self._free_in(job, queue)) is not None]
        if not free:
            return None
        heapq.heapify(free)
        for other in queue.order():
            if other.run_id == run_id:
                break
            length = self._length(other.spec)
            if length is None:
                return None
            heapq.heapreplace(free, free[0] + length)
        return free[0]

    def _free_in(self, job: Job | None, queue: RunQueue) -> float | None:
        """In about how many seconds a worker has done its job; None if nobody can tell."""
        if job is None or job.ended:
            return 0.0
        others = queue.others_since(job.queued.visitor)
        most = at_most(job.held, others, self._settings, time.monotonic())
        if job.paused_at is not None:
            return most
        left = seconds_left(job.step, job.steps, job.seconds)
        if left is None:
            left = self._length(job.queued.spec)
        return None if left is None else min(most, left)

    def _length(self, spec: RunSpec) -> float | None:
        """About how many seconds a run takes, by the pace of the last one like it."""
        rate = self._rates.get(_pace(spec))
        if not rate:
            return None
        return datasets.counts(spec).trained * spec.epochs / rate


def _pace(spec: RunSpec) -> tuple[Any, ...]:
    """What mostly sets how many images a second go through."""
    size = models.parameter_count(spec)
    return (spec.task, spec.dataset, size, spec.batch_size, spec.dtype)
