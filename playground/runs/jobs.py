"""A training worker and the run that it has."""

import math
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from playground.runs.executor import Worker
from playground.runs.limits import Held, OthersSince, overdue
from playground.runs.records import SHARE
from playground.runs.run_queue import QueuedRun
from playground.settings import Settings
from playground.training.events import Changed, Event, Failed, Finished, Progress, Started

STOP_SECONDS = 5.0  # a worker that has not stopped by then is killed


@dataclass
class Job:
    """A run that a worker has. Times are of the monotonic clock."""

    queued: QueuedRun  # as it came out of the queue
    began: float = field(default_factory=time.monotonic)
    sent: bool = False  # the worker was sent it: until then it is told nothing else
    heard: bool = False  # the worker has taken it up
    ended: bool = False  # its end is in the store: what still comes is dropped
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    looked_at: float = -math.inf  # when its weights were last asked for
    paused_at: float | None = None
    stop_at: float | None = None
    stop_message: str = ""  # why it was taken from its worker, where its visitor did not ask
    kept: threading.Event = field(default_factory=threading.Event)  # its checkpoint came

    def awaits(self, event: Event) -> bool:
        """Whether somebody waits for what is not heard yet: a state, a mark, the first point."""
        if isinstance(event, Progress):
            return not self.step
        return isinstance(event, Started | Changed | Finished | Failed)

    def hear(self, event: Event) -> None:
        """The worker says this of it."""
        self.heard = True
        self.step = getattr(event, "step", self.step)
        match event:
            case Started():
                self.steps = event.steps
            case Progress():
                self.seconds = event.seconds
            case Changed(kind="state"):
                self.paused_at = time.monotonic() if event.value == "paused" else None
            case Finished() | Failed():
                self.ended = True

    @property
    def run_id(self) -> str:
        """The run's id in the store."""
        return self.queued.run_id

    @property
    def state(self) -> str:
        """What the run does."""
        if self.paused_at is not None:
            return "paused"
        return "running" if self.steps else "preparing"

    @property
    def held(self) -> Held:
        """What says how long it may go on."""
        return Held(self.run_id, self.queued.visitor, self.began, self.paused_at)


@dataclass(eq=False)
class WorkerSlot:
    """A warm training worker and what it does."""

    worker: Worker
    job: Job | None = None
    prepared: str = ""  # digest of the run that it has built ahead
    idle_since: float = field(default_factory=time.monotonic)


def states_of(slots: Iterable[WorkerSlot], queued: int) -> dict[str, int]:
    """How many runs are in which live state."""
    found = {"queued": queued, "preparing": 0, "running": 0, "paused": 0}
    for slot in slots:
        if slot.job is not None and not slot.job.ended:
            found[slot.job.state] += 1
    return found


def live_of(visitor: str, slots: Iterable[WorkerSlot]) -> int:
    """How many runs of a visitor have a worker."""
    jobs = [slot.job for slot in slots if slot.job is not None]
    return sum(not job.ended and job.queued.visitor == visitor for job in jobs)


def end_without_worker(job: Job, reason: str, settings: Settings) -> tuple[str, str, str, str]:
    """How a run ends whose worker is gone for a reason: state, message, hint and kind."""
    if job.stop_at is not None:
        message = (
            f"Stopped at step {job.step:,}: the worker did not answer within "
            f"{STOP_SECONDS:g} s and was replaced. What it recorded is kept."
        )
        return "stopped", job.stop_message or message, "", SHARE if job.stop_message else ""
    limit = f" (limit {settings.worker_memory_gib:g} GiB)" if "memory" in reason else ""
    return (
        "failed",
        f"The worker process of this run {reason}{limit} at step {job.step:,}. "
        "What it recorded is kept.",
        "Start the run again; if it ends so again, make the batch, the width or the embedding "
        "smaller.",
        "worker",
    )


def overdue_job(
    slots: Iterable[WorkerSlot], others_since: OthersSince, settings: Settings, now: float
) -> tuple[WorkerSlot, Job, str] | None:
    """The run that has held its worker for too long while others wait, and what is said of it;
    None while a worker will be free soon anyway."""
    jobs = [(slot, slot.job) for slot in slots if slot.job is not None]
    if any(job.stop_at is not None or job.ended for _, job in jobs):
        return None
    found = overdue([job.held for _, job in jobs], others_since, settings, now)
    if found is None:
        return None
    slot, job = next(one for one in jobs if one[1].run_id == found[0].run_id)
    why = f"{found[1]} while others waited for the worker. What it recorded is kept."
    return slot, job, f"Stopped at step {job.step:,} {why}"
