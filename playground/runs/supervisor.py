"""The supervisor: hands waiting runs to workers, passes commands on, records what workers say.

It lives in the server process, in threads; pages ask it for little and read the rest in the
store, so that a refreshed page, a second tab and a restarted server see the same runs.
"""

import atexit
import functools
import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from playground import monitoring
from playground.errors import LostRun, RunError, StoreError
from playground.runs import account, memory, wire
from playground.runs.asking import Asking
from playground.runs.commanding import Commanding
from playground.runs.disk import Disk
from playground.runs.duration import Durations
from playground.runs.executor import Worker
from playground.runs.executors import make_executor
from playground.runs.going_on import Ending, GoingOn, await_checkpoints, is_checkpoint
from playground.runs.hand_over import HandOver
from playground.runs.jobs import (
    STOP_SECONDS,
    Job,
    WorkerSlot,
    end_without_worker,
    live_of,
    overdue_job,
    states_of,
)
from playground.runs.limits import check_room, full
from playground.runs.local_executor import WORKER_COMMAND
from playground.runs.rates import Rates
from playground.runs.records import SHARE
from playground.runs.run_queue import QueuedRun, RunQueue
from playground.runs.store import Store, open_store
from playground.runs.upkeep import Clock, Upkeep
from playground.settings import Settings, settings
from playground.spec import RunSpec
from playground.training.events import Event, Failed, Finished, Progress

RETRY_SECONDS = 1.0  # between two tries to read what a worker is sent
IDLE_SECONDS = 300.0  # after so long without a run, workers beyond the warm ones end
START_FAILURES = 3  # after so many in a row, waiting runs are told
_log = logging.getLogger(__name__)


class Supervisor:
    """Runs of many visitors on few workers. All methods may be called from any thread."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        worker_command: Sequence[str] = WORKER_COMMAND,
        adopts: bool = True,
    ) -> None:
        """One that `adopts` takes up runs whose program is gone."""
        self.settings = settings
        self.store = store
        # Called, from any thread, with the id of a run that has news, and whether somebody waits
        # for them: what was asked of it is done, or it has its first point.
        self.listeners: list[Callable[[str, bool], None]] = []
        self._executor = make_executor(
            settings, "train", settings.workers, self, worker_command, settings.warm_workers
        )
        self.rates, self.disk = Rates(settings), Disk(settings)
        self._lock = threading.RLock()
        self._submitting = threading.Lock()
        self._slots: dict[Worker, WorkerSlot] = {}
        self._going_on = GoingOn(settings, store, adopts)
        self._retried: set[str] = set()  # runs that lost a worker before they began
        self._durations = Durations(settings)
        self._queue = RunQueue(self._durations.is_short)
        self._commanding = Commanding(
            store, self._lock, self._queue, self._slots, self._mark, self._tell_here
        )
        self._exchange = self._commanding.exchange
        look = self._commanding.look
        self.questions = Asking(settings, store, worker_command, look, self.rates.ask)
        self._retry_at = -math.inf  # no run is given to a worker before the store is back
        self.leaving = False
        self._closed = threading.Event()
        upkeep = Upkeep(settings, store, self._find_orphans)
        self._hand_over = HandOver(
            self._lock,
            self._slots,
            self._closed,
            self._going_on.request,
            self._take_back,
            self._mark,
            self._commanding,
        )
        self._clock = Clock(self._closed, self._tick, upkeep.tick)

    def start(self, checking: bool = True) -> None:
        """Starts the workers, which are warm after some seconds, with `checking` the one that is
        asked about losses, too; tells the runs whose program is gone, and takes up those that were
        waiting for it. Raises StoreError."""
        self._find_orphans()
        self._executor.start()
        if checking:
            self.questions.start()
        self._clock.start()
        self._exchange.start()

    def leave(self) -> None:
        """The server is about to end: no run begins here any more."""
        self.leaving = True

    def close(self) -> None:
        """Ends the workers. Runs that wait or train wait for the server that comes next, which
        trains them from their last checkpoint; one that went on too often ends."""
        with self._lock:
            if self._closed.is_set():
                return
            self._closed.set()
            busy = [(slot, slot.job) for slot in self._slots.values() if slot.job is not None]
            jobs = [job for _, job in busy]
            for slot, job in busy:
                job.kept.clear()
                self._commanding.send(slot, job, "keep")
        await_checkpoints(jobs, self.settings.drain_seconds)
        self._commanding.settle(self.settings.drain_seconds)
        with self._lock:
            jobs = [job for job in jobs if not job.ended]
            for job in jobs:
                job.ended = True
            waiting = [one.run_id for one in self._queue.order()]
            waiting += [job.run_id for job in jobs if not job.heard]
            jobs = [job for job in jobs if job.heard]
        self._exchange.close()
        self._executor.close()
        self.questions.close()
        for ending in self._going_on.hand_on(waiting, jobs):
            self._mark(*ending)
        self._clock.join()

    # What pages ask for

    def submit(self, spec: RunSpec, visitor: str) -> str:
        """Starts a run, or puts it in the queue, and returns its id. Raises as `submit_all`."""
        return self.submit_all([spec], visitor)[0]

    def submit_all(
        self, specs: Sequence[RunSpec], visitor: str, attended: bool = True
    ) -> list[str]:
        """Starts runs side by side, as far as there are workers, and returns their ids: all, or
        none. Runs that are not `attended` end where their loss breaks.

        Raises RunError when the visitor has too many runs or the queue is full, StoreError when
        the runs cannot be kept.
        """
        makes = [functools.partial(self._going_on.begun, spec, visitor, attended) for spec in specs]
        return self._enter(visitor, makes, attended)

    def resume(self, run_id: str, visitor: str, attended: bool = True) -> None:
        """Lets a run that was stopped or broke off go on from its last checkpoint. Raises RunError
        where it cannot, StoreError."""
        self._enter(visitor, [lambda: self._going_on.resumed(run_id, visitor)], attended)

    def branch(self, parent: str, step: int, spec: RunSpec, visitor: str, fresh: bool) -> str:
        """Starts a run that leaves another after a step with a spec of its own, `fresh` with an
        optimiser that begins anew, and returns its id. Raises RunError, StoreError."""
        make = functools.partial(self._going_on.branch, parent, step, spec, visitor, fresh)
        return self._enter(visitor, [make])[0]

    def _enter(
        self, visitor: str, makes: Sequence[Callable[[], QueuedRun]], attended: bool = True
    ) -> list[str]:
        """Lets runs wait that are made here, all or none, and returns their ids. How many a visitor
        starts by hand is bounded; those of races, which are not `attended`, come as there is
        room."""
        made: list[QueuedRun] = []
        with self._submitting:
            with self._lock:
                self._check_room(visitor, len(makes))
            if attended:
                self.rates.begin(visitor, len(makes))
            try:
                for make in makes:
                    made.append(make())
            except StoreError:
                for one in made:
                    self._mark(one.run_id, "stopped", "Stopped before it began.")
                raise
            with self._lock:
                for one in made:
                    account.begun(self._queue.join(one))
                self._dispatch()
        return [one.run_id for one in made]

    def command(
        self,
        run_id: str,
        visitor: str,
        do: str,
        kind: str = "",
        name: str = "",
        value: float | str = 0.0,
    ) -> None:
        """Steers a run: pause, resume, step, stop, or change to `value` what `kind` and `name` say:
        a "rate" or a "parameter" of the loss to a number, the "loss" to what
        `changes.loss_change` gives.

        Raises RunError when the run is unknown, not this visitor's, or not live, or cannot take
        the change.
        """
        change = (kind, name, value)
        self._commanding.command(self.questions, run_id, visitor, do, change)

    def withdraw(self, run_id: str, visitor: str) -> None:
        """Stops a run with the race that it is of, which may take it up again. Raises RunError."""
        self._commanding.withdraw(run_id, visitor)

    def place(self, run_id: str) -> int | None:
        """The run's place in the queue, 1 is next; None when it does not wait."""
        with self._lock:
            order = [one.run_id for one in self._queue.order()]
        return order.index(run_id) + 1 if run_id in order else None

    def wait_seconds(self, run_id: str) -> float | None:
        """About how long the run will wait; None when it does not or nobody can tell."""
        with self._lock:
            jobs = [slot.job for slot in self._slots.values()]
            return self._durations.wait_seconds(run_id, self._queue, jobs)

    def waits_for(self, run_id: str) -> str | None:
        """What the next runs wait for but for their turn: room, or a place for their worker."""
        return self.disk.waits or self._executor.waits or None

    def expect(self, count: int) -> None:
        """Lets as many workers come as so many runs need that may soon be started together."""
        with self._lock:
            for slot in self._slots.values():
                slot.idle_since = time.monotonic()
            while self._executor.size < count and self._executor.grow():
                pass

    def prepare(self, spec: RunSpec) -> None:
        """Lets an idle training worker build the run that Train would start, so that its first
        point comes at once. Whether it comes about changes nothing but that."""
        with self._lock:
            idle = [slot for slot in self._slots.values() if slot.job is None]
            if idle and all(slot.prepared != spec.digest for slot in idle):
                idle[0].prepared = spec.digest
                idle[0].worker.send({"id": "", "do": "prepare", "spec": spec.to_json()})

    def status(self) -> dict[str, Any]:
        """ready: whether a run could begin at once, checking: whether texts can be checked,
        looking: whether networks can be looked into;
        workers: how many may train, warm: how many are; running, queued, racing: counts of runs,
        the last of those that wait for a race; states: counts of runs by their state;
        waited_seconds: how long the one that waits longest has;
        problem: why no worker can be started, waits: what one waits for, in words, or ""."""
        with self._lock:
            return {
                "ready": bool(self._slots) and self.questions.ready("check"),
                "checking": self.questions.ready("check"),
                "looking": self.questions.ready("look"),
                "workers": self.settings.workers,
                "warm": len(self._slots),
                "running": sum(slot.job is not None for slot in self._slots.values()),
                "queued": len(self._queue),
                "racing": self._queue.unattended(),
                "states": states_of(self._slots.values(), len(self._queue)),
                "waited_seconds": self._queue.longest_wait(time.monotonic()),
                "problem": self._executor.problem or self.questions.problem,
                "waits": self.disk.waits or self._executor.waits,
            }

    # Listener of the executor

    def on_ready(self, worker: Worker) -> None:
        """A training worker is warm."""
        with self._lock:
            self._slots[worker] = WorkerSlot(worker)
            self._dispatch()
        # Before anybody looks, where there is room; after a worker that trains, which goes first.
        if memory.free_gib() >= self.settings.looker_free_gib:
            self.questions.start_looking()

    def on_message(self, worker: Worker, message: dict[str, Any]) -> None:
        """A training worker said something: an event of its run, or that the run is done."""
        slot = self._slots.get(worker)
        if slot is None:
            return  # it was let go with an answer on its way
        job = slot.job
        if "error" in message:
            _log.info("A run is not built ahead: %s.", message["error"]["kind"])
            slot.prepared = ""
        elif job is None or message["id"] != job.run_id:
            _log.debug("Worker %d answered %r.", worker.pid, message["id"])
        elif message.get("done"):
            self._free(slot, message["memory"])
        elif not job.ended:
            self._hear(slot, job, wire.message_to_event(message))

    def on_exit(self, worker: Worker, reason: str) -> None:
        """A worker is gone, and with it the run it had; the executor starts another."""
        with self._lock:
            slot = self._slots.pop(worker, None)
            job = slot.job if slot is not None else None
            if job is None or job.ended:
                return
            if not job.heard and job.run_id not in self._retried:
                # It died before it took the run up: not the run's fault, so another tries once.
                self._retried.add(job.run_id)
                self._queue.rejoin(job.queued)
                self._dispatch()
                return
            if self._closed.is_set():  # `close` waits for its checkpoint, and hands it on
                job.kept.set()
                return
            job.ended = True
        again = self._going_on.after_exit(job, reason)
        if again is not None:
            with self._lock:
                self._queue.rejoin(again)
                self._dispatch()
            self._notify(job.run_id)
            return
        self._mark(job.run_id, *end_without_worker(job, reason, self.settings))

    # Inside; the lock is held where not said otherwise

    def _check_room(self, visitor: str, count: int) -> None:
        if self.leaving or self._closed.is_set():
            raise RunError("The server is shutting down.", "Start the run again in a minute.")
        self.disk.check()
        mine = self._queue.count(visitor) + live_of(visitor, self._slots.values())
        busy = sum(slot.job is not None for slot in self._slots.values())
        check_room(count, mine, len(self._queue), busy, self.settings)

    def _dispatch(self) -> None:
        """Gives waiting runs to idle workers, to one that has built the run where there is one."""
        while not self._closed.is_set() and time.monotonic() >= self._retry_at:
            idle = [slot for slot in self._slots.values() if slot.job is None]
            jobs = [slot.job for slot in self._slots.values() if slot.job is not None]
            held = full([job.queued.visitor for job in jobs], self.settings.workers)
            coming = self._executor.size - len(self._slots)
            gathers = self._queue.gathers(held, len(idle), coming, time.monotonic())
            if not idle or gathers or self.disk.low():
                break
            one = self._queue.take(held)
            if one is None:
                break
            built = [slot for slot in idle if slot.prepared == one.spec.digest]
            self._hand_over.begin([*built, *idle][0], one)
        while self._executor.size - len(self._slots) < len(self._queue) and self._executor.grow():
            pass

    def _take_back(self, one: QueuedRun) -> None:
        """A run waits again whose checkpoint cannot be read at the moment; the tick retries."""
        self._queue.rejoin(one)
        self._retry_at = time.monotonic() + RETRY_SECONDS

    def _free(self, slot: WorkerSlot, taken: int) -> None:
        """The worker is done with its run. Takes the lock."""
        with self._lock:
            job, slot.job, slot.idle_since = slot.job, None, time.monotonic()
            if taken > self.settings.worker_memory_gib * 2**30 * 0.75:
                _log.info("Worker %d has grown large and is replaced.", slot.worker.pid)
                del self._slots[slot.worker]
                slot.worker.kill()
            self._dispatch()
        if job is not None and not job.ended:
            said = f"Training ended at step {job.step:,} without saying why."
            self._mark(job.run_id, "failed", said, kind="worker")

    def _hear(self, slot: WorkerSlot, job: Job, event: Event) -> None:
        """Records an event of a live run. Called without the lock."""
        awaited = job.awaits(event)
        job.hear(event)
        if isinstance(event, Progress):
            self._durations.note(job.queued.spec, event.images_per_second)
        account.heard(job.run_id, event)
        if self.disk.leaves_out(event):
            if is_checkpoint(event):
                job.kept.set()
            return
        try:
            with monitoring.STORE_SECONDS.labels("record").time():
                self.store.record(job.run_id, event)
            if is_checkpoint(event):
                job.kept.set()
            if isinstance(event, Finished) and job.stop_message:
                self.store.set_state(job.run_id, event.reason, job.stop_message, kind=SHARE)
            if awaited or not isinstance(event, Progress):
                self._notify(job.run_id, awaited)
        except LostRun as error:
            self._lose(slot, job, error)
        except StoreError as error:
            if isinstance(event, Finished | Failed):
                _log.warning("The end of run %s is not written yet: %s", job.run_id, error)
                return self._notify(job.run_id)  # the store writes it as soon as it can
            if is_checkpoint(event):
                return _log.warning("A checkpoint of run %s is not kept: %s", job.run_id, error)
            job.ended = True
            self._mark(job.run_id, "failed", error.message, error.hint, "store")
            with self._lock:
                self._commanding.stop(slot, job)

    def _lose(self, slot: WorkerSlot, job: Job, error: LostRun) -> None:
        """Another server goes on with a run of this one, which was away for too long."""
        _log.warning("%s", error)
        with self._lock:
            job.ended = True
            slot.worker.kill()
        self._tell_here(job.run_id)

    def _mark(self, run_id: str, state: str, message: str, hint: str = "", kind: str = "") -> None:
        """Writes an end; the store itself shows and retries one that cannot be written."""
        account.ended(run_id, state, kind)
        try:
            self.store.set_state(run_id, state, message, hint, kind=kind)
        except StoreError as error:
            _log.warning("The end of run %s is not written yet: %s", run_id, error)
        self._notify(run_id)

    def _notify(self, run_id: str, awaited: bool = True) -> None:
        self._tell_here(run_id, awaited)
        self._exchange.tell(run_id, awaited)

    def _tell_here(self, run_id: str, awaited: bool = True) -> None:
        for listener in self.listeners:
            listener(run_id, awaited)

    def _give_up(self) -> list[Ending]:
        """The waiting runs end: no worker can be started."""
        problem, hint = self._executor.problem, "Whoever runs this server finds more in its log."
        end = self._commanding.end
        waiting = self._queue.order()
        return [end(one.run_id, "failed", problem, hint, "worker") for one in waiting]

    # The clock

    def _tick(self, now: float) -> None:
        with self._lock:
            for slot in self._slots.values():
                job = slot.job
                stop_at = job.stop_at if job is not None and job.sent else None
                if stop_at is not None and now - stop_at > STOP_SECONDS:
                    slot.worker.kill()
            endings = self._end_one(now)
            self._end_idle(now)
            self._dispatch()  # what waited for workers that did not come, or for the store
            if self._executor.failures >= START_FAILURES and not self._slots:
                endings += self._give_up()
        self._commanding.write(endings)

    def _find_orphans(self) -> None:
        """Takes up the runs whose program is gone, in their order, as far as they can be. Called
        without the lock; raises StoreError."""
        if self.leaving:
            return
        found, endings = self._going_on.orphans()
        for ending in endings:
            self._mark(*ending)
        for one in found:
            with self._lock:
                self._queue.join(one)
                self._dispatch()

    def _end_idle(self, now: float) -> None:
        """Ends workers that came for a crowd which has left, or were to come."""
        self._executor.review(len(self._queue) > 0, IDLE_SECONDS)
        for slot in list(self._slots.values()):
            idle = slot.job is None and now - slot.idle_since > IDLE_SECONDS
            if idle and self._executor.dismiss(slot.worker):
                del self._slots[slot.worker]

    def _end_one(self, now: float) -> list[Ending]:
        """Stops a run that has held a worker for too long while others wait; one at a time."""
        found = overdue_job(self._slots.values(), self._queue.others_since, self.settings, now)
        return self._commanding.stop(*found) if found is not None else []


_service_lock = threading.Lock()


@functools.cache
def _service() -> Supervisor:
    found = Supervisor(settings(), open_store(settings()))
    found.start()
    atexit.register(found.store.close)
    atexit.register(found.close)
    return found


def service() -> Supervisor:
    """The process' supervisor, started when first asked for and closed at exit."""
    with _service_lock:
        return _service()
