"""Commands to runs, on their way to where the run is: in the queue of this server, with one of its
workers, or with another server of the store.

An end is decided with the supervisor's lock held and written without it, so that a slow database
holds nobody but who waits for that end. From its decision on the run has ended for all that is
asked of it.
"""

import functools
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from playground.errors import RunError
from playground.runs import account
from playground.runs.asking import Asking
from playground.runs.command_rows import Sent
from playground.runs.exchange import Exchange
from playground.runs.going_on import Ending
from playground.runs.jobs import Job, WorkerSlot
from playground.runs.records import SHARE, TERMINAL
from playground.runs.run_queue import RunQueue
from playground.runs.steering import COMMANDS, Change, check_change, check_owner, refuse
from playground.runs.store import Store

LOOK_SECONDS = 1.0  # between two looks at the weights of one live run
_WITHDRAW = "withdraw"  # what a race asks for, and no visitor
_NOTHING: Change = ("", "", 0.0)
Mark = Callable[..., None]  # how a run ends: its id, state, message, and as kind its nature


class Commanding:
    """What may be asked of the runs in `queue` and `slots`, which the supervisor fills under
    `lock`; `mark` writes an end, and `hear` is told of the news of other servers' runs."""

    def __init__(
        self,
        store: Store,
        lock: Any,
        queue: RunQueue,
        slots: Mapping[Any, WorkerSlot],
        mark: Mark,
        hear: Callable[[str, bool], None],
    ) -> None:
        self._store, self._lock, self._queue, self._slots = store, lock, queue, slots
        self._mark = mark
        self._ending: set[str] = set()  # runs whose end is decided and not written yet
        self._settled = threading.Condition(lock)
        self.exchange = Exchange(store, self._take, hear)

    def command(
        self, questions: Asking, run_id: str, visitor: str, do: str, change: Change
    ) -> None:
        """As `Supervisor.command`; `questions` are asked about a new loss."""
        if do not in COMMANDS:
            raise RunError(f"Expected one of {', '.join(sorted(COMMANDS))}; got {do[:20]!r}.")
        if do == "change":
            check = functools.partial(questions.ask, "check", visitor)
            check_change(self._store, check, run_id, visitor, change)
        if not self._command_here(run_id, visitor, do, change):
            refuse(self._store.run(run_id), visitor)
            if self._store.holds(run_id):
                raise _between()
            command = dict(zip(("do", "kind", "name", "value"), (do, *change), strict=True))
            self.exchange.send(run_id, visitor, command)
        account.steered(run_id, visitor, do)

    def withdraw(self, run_id: str, visitor: str) -> None:
        """Stops a run with the race that it is of, which may take it up again. Raises RunError."""
        if self._withdraw_here(run_id, visitor):
            return
        record = self._store.run(run_id)
        if record is not None and record.live and record.owner != TERMINAL:
            self.exchange.send(run_id, visitor, {"do": _WITHDRAW}, wait=False)

    def write(self, endings: Iterable[Ending]) -> None:
        """Writes ends that `stop` or `end` gave. Without the lock."""
        for ending in endings:
            try:
                self._mark(*ending)
            finally:
                with self._settled:
                    self._ending.discard(ending[0])
                    self._settled.notify_all()

    def settle(self, seconds: float) -> None:
        """Waits so long at most until all ends that are decided are written."""
        with self._settled:
            self._settled.wait_for(lambda: not self._ending, seconds)

    def look(self, run_id: str) -> None:
        """Lets a live run send its weights, at most once a second however many look: they are
        there at the next look. Of a run of another server the latest that are there must do."""
        now = time.monotonic()
        with self._lock:
            slot = self._slot_of(run_id)
            job = slot.job if slot is not None else None
            if slot is None or job is None or job.ended or now - job.looked_at < LOOK_SECONDS:
                return
            job.looked_at = now
            self.send(slot, job, "look")

    # With the lock held

    def stop(self, slot: WorkerSlot, job: Job, message: str = "") -> list[Ending]:
        """Has a run stopped, with what is said of it where no visitor did; what is to be written
        of it now."""
        if job.stop_at is None:
            job.stop_at = time.monotonic()
            job.stop_message = message
            self.send(slot, job, "stop")
        # While it is still loading or building nobody should wait for that.
        if job.steps or job.ended:
            return []
        job.ended = True
        said = message or "Stopped before the first step."
        return [self.end(job.run_id, "stopped", said, kind=SHARE if message else "")]

    def end(self, run_id: str, state: str, message: str, hint: str = "", kind: str = "") -> Ending:
        """A run has ended; what is to be written of it."""
        self._queue.leave(run_id)
        self._ending.add(run_id)
        return run_id, state, message, hint, kind

    def send(self, slot: WorkerSlot, job: Job, do: str, change: Change = _NOTHING) -> None:
        """Tells a worker what its run is to do; nothing while the run is on its way there, where a
        checkpoint that is being sent would keep everybody waiting. It hears of a stop then."""
        if not job.sent:
            return
        command = {"do": do, **dict(zip(("kind", "name", "value"), change, strict=True))}
        slot.worker.send({"id": job.run_id, "do": "command", "command": command})

    def _slot_of(self, run_id: str) -> WorkerSlot | None:
        for slot in self._slots.values():
            if slot.job is not None and slot.job.run_id == run_id:
                return slot
        return None

    # Inside; these take the lock

    def _take(self, sent: Sent) -> None:
        """Does what a visitor of another server wants of a run of this one, as if asked here but
        for what that server has checked. Raises RunError."""
        do = sent.command["do"]
        if do == _WITHDRAW:
            self._withdraw_here(sent.run_id, sent.visitor)
            return
        kind, name, value = (sent.command[field] for field in ("kind", "name", "value"))
        if not self._command_here(sent.run_id, sent.visitor, do, (kind, name, value)):
            raise _between()

    def _command_here(self, run_id: str, visitor: str, do: str, change: Change) -> bool:
        """Whether the run is one of this server."""
        endings: list[Ending] = []
        with self._lock:
            waiting, slot = self._queue.find(run_id), self._slot_of(run_id)
            if waiting is not None:
                check_owner(waiting.visitor, visitor)
                endings = self._command_waiting(run_id, do)
            elif slot is not None and slot.job is not None:
                check_owner(slot.job.queued.visitor, visitor)
                endings = self._command_trained(slot, slot.job, do, change)
            elif run_id in self._ending:
                raise _over()
        self.write(endings)
        return waiting is not None or slot is not None

    def _command_waiting(self, run_id: str, do: str) -> list[Ending]:
        if do != "stop":
            raise RunError("This run still waits for a worker.", "Stop it, or wait for its turn.")
        return [self.end(run_id, "stopped", "Stopped before it began.")]

    def _command_trained(self, slot: WorkerSlot, job: Job, do: str, change: Change) -> list[Ending]:
        if job.ended:
            raise _over()
        if do == "stop":
            return self.stop(slot, job)
        if not job.sent:
            raise _between()
        self.send(slot, job, do, change)
        return []

    def _withdraw_here(self, run_id: str, visitor: str) -> bool:
        said, endings = "Stopped with its race.", []
        with self._lock:
            waiting, slot = self._queue.find(run_id), self._slot_of(run_id)
            if waiting is not None:
                check_owner(waiting.visitor, visitor)
                endings = [self.end(run_id, "stopped", said, kind=SHARE)]
            elif slot is not None and slot.job is not None:
                check_owner(slot.job.queued.visitor, visitor)
                endings = self.stop(slot, slot.job, said)
            here = waiting is not None or slot is not None or run_id in self._ending
        self.write(endings)
        return here


def _over() -> RunError:
    """What to say of a run that has ended, or whose end is being written."""
    return RunError("This run has ended.", "Start a new one.")


def _between() -> RunError:
    """What to say of a run that this server has, but neither in its queue nor with a worker."""
    return RunError("This run is on its way to a worker.", "Try again in a moment.")
