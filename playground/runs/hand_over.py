"""How a run comes to the worker that is reserved for it.

One that begins is sent at once. One that goes on is sent with its checkpoint, which may have to
come from a bucket and is long: a thread reads and sends it without the supervisor's lock, so that
nobody waits for that but the run. Until it is sent, the run may be stopped, its worker may die and
the server may close; whoever sees to that takes the run from its worker or says that it has ended.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from playground.errors import StoreError
from playground.runs import account
from playground.runs.commanding import Commanding, Mark
from playground.runs.jobs import Job, WorkerSlot
from playground.runs.run_queue import QueuedRun

_log = logging.getLogger(__name__)


class HandOver:
    """Sends runs to the workers of `slots`, which change under `lock`, until `closed` is set.
    `request` makes what is sent and may raise StoreError; a run for which the store is not there
    at the moment comes `back`, which is called with the lock held; `mark` writes an end."""

    def __init__(
        self,
        lock: Any,
        slots: Mapping[Any, WorkerSlot],
        closed: threading.Event,
        request: Callable[[QueuedRun], dict[str, Any]],
        back: Callable[[QueuedRun], None],
        mark: Mark,
        commanding: Commanding,
    ) -> None:
        self._lock, self._slots, self._closed = lock, slots, closed
        self._request, self._back, self._mark = request, back, mark
        self._commanding = commanding

    def begin(self, slot: WorkerSlot, one: QueuedRun) -> None:
        """Reserves a worker for a run and has it sent there. With the lock held."""
        slot.job, slot.prepared = Job(one), ""
        if one.again:
            name = f"hand-over-{one.run_id}"
            given = (slot, slot.job)
            threading.Thread(target=self._bring, args=given, name=name, daemon=True).start()
            return
        account.given(one, slot.worker.pid)
        slot.worker.send(self._request(one))
        self._sent(slot, slot.job)

    def _bring(self, slot: WorkerSlot, job: Job) -> None:
        """The thread of a run that goes on."""
        try:
            message = self._request(job.queued)
        except StoreError as error:
            self._give_up(slot, job, error)
            return
        except Exception:
            _log.exception("Run %s could not be given to a worker", job.run_id)
            said = "This run could not be given to a worker, for a reason nobody foresaw."
            self._give_up(slot, job, StoreError(said, "The server's log has it."))
            return
        with self._lock:
            if not self._waits(slot, job):
                return
            account.given(job.queued, slot.worker.pid)
        slot.worker.send(message)  # of one that dies now, `on_exit` sees to the run
        with self._lock:
            self._sent(slot, job)

    def _sent(self, slot: WorkerSlot, job: Job) -> None:
        """The worker has the run, and takes commands to it. With the lock held."""
        job.sent = True
        if job.stop_at is not None:  # somebody stopped it on the way
            job.stop_at = time.monotonic()
            self._commanding.send(slot, job, "stop")

    def _waits(self, slot: WorkerSlot, job: Job) -> bool:
        """Whether the worker is there and still to have the run; one whose run was stopped is free
        again. With the lock held."""
        if self._slots.get(slot.worker) is not slot or slot.job is not job or self._closed.is_set():
            return False
        if job.ended:
            slot.job, slot.idle_since = None, time.monotonic()
        return not job.ended

    def _give_up(self, slot: WorkerSlot, job: Job, error: StoreError) -> None:
        """There is nothing to send, now or at all."""
        with self._lock:
            if not self._waits(slot, job):
                return
            slot.job, slot.idle_since = None, time.monotonic()
            if error.passing:
                self._back(job.queued)
                return
            job.ended = True
        self._mark(job.run_id, "failed", error.message, error.hint, "checkpoint")
