"""A training worker and the run that it has."""

import math
import time
from dataclasses import dataclass, field

from playground.runs.executor import LocalWorker
from playground.runs.limits import Held
from playground.runs.run_queue import QueuedRun
from playground.settings import Settings

STOP_SECONDS = 5.0  # a worker that has not stopped by then is killed


@dataclass
class Job:
    """A run that a worker has. Times are of the monotonic clock."""

    queued: QueuedRun  # as it came out of the queue
    began: float = field(default_factory=time.monotonic)
    heard: bool = False  # the worker has taken it up
    ended: bool = False  # its end is in the store: what still comes is dropped
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    looked_at: float = -math.inf  # when its weights were last asked for
    paused_at: float | None = None
    stop_at: float | None = None
    stop_message: str = ""

    @property
    def run_id(self) -> str:
        """The run's id in the store."""
        return self.queued.run_id

    @property
    def held(self) -> Held:
        """What says how long it may go on."""
        return Held(self.run_id, self.queued.visitor, self.began, self.paused_at)


@dataclass(eq=False)
class WorkerSlot:
    """A warm training worker and what it does."""

    worker: LocalWorker
    job: Job | None = None
    prepared: str = ""  # digest of the run that it has built ahead
    idle_since: float = field(default_factory=time.monotonic)


def end_without_worker(job: Job, reason: str, settings: Settings) -> tuple[str, str, str, str]:
    """How a run ends whose worker is gone for a reason: state, message, hint and kind."""
    if job.stop_at is not None:
        message = (
            f"Stopped at step {job.step:,}: the worker did not answer within "
            f"{STOP_SECONDS:g} s and was replaced. What it recorded is kept."
        )
        return "stopped", job.stop_message or message, "", ""
    limit = f" (limit {settings.worker_memory_gib:g} GiB)"
    return (
        "failed",
        f"The worker process of this run {reason}{limit} at step {job.step:,}. "
        "What it recorded is kept.",
        "Start the run again; if it ends so again, make the batch, the width or the embedding "
        "smaller.",
        "worker",
    )
