"""The supervisor: hands waiting runs to workers, passes commands on, records what workers say.

It lives in the server process, in threads; pages ask it for little and read the rest in the
store, so that a refreshed page, a second tab and a restarted server see the same runs.
"""

import atexit
import functools
import heapq
import logging
import math
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from playground import datasets, models
from playground.errors import RunError, SpecError, StoreError
from playground.runs import memory, wire
from playground.runs.checker import Checker
from playground.runs.executor import LocalExecutor, LocalWorker
from playground.runs.gallery import Card, Gallery
from playground.runs.limits import Held, at_most, full, overdue
from playground.runs.looks import Looks
from playground.runs.records import TERMINAL
from playground.runs.store import RunRecord, Store, open_store
from playground.runs.waiting import Line, Waiting
from playground.settings import Settings, settings
from playground.spec import DEFAULT_TASK, RunSpec, knobs
from playground.training.changes import BACK, LOSS, PARAMETER, RATE, as_changed, broken, with_loss
from playground.training.events import (
    Changed,
    Event,
    Failed,
    Finished,
    Progress,
    Started,
    seconds_left,
)

COMMANDS = frozenset({"pause", "resume", "step", "stop", "change"})
STOP_SECONDS = 5.0  # a worker that has not stopped by then is killed
TICK_SECONDS = 0.2
SEARCH_SECONDS = 5.0  # between two searches for runs whose process is gone
TIDY_SECONDS = 60.0  # between two looks at how much the store takes
LOOK_SECONDS = 1.0  # between two looks at the weights of one live run
IDLE_SECONDS = 300.0  # after so long without a run, workers beyond the warm ones end
START_FAILURES = 3  # after so many in a row, waiting runs are told
WORKER_COMMAND = (sys.executable, "-m", "playground.worker")
_log = logging.getLogger(__name__)


@dataclass
class Job:
    """A run that a worker has. Times are of the monotonic clock."""

    waited: Waiting  # as it came out of the line
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
        return self.waited.run_id

    @property
    def held(self) -> Held:
        """What says how long it may go on."""
        return Held(self.run_id, self.waited.visitor, self.began, self.paused_at)


@dataclass(eq=False)
class Seat:
    """A warm training worker and what it does."""

    worker: LocalWorker
    job: Job | None = None
    prepared: str = ""  # digest of the run that it has built ahead
    idle_since: float = field(default_factory=time.monotonic)


class Supervisor:
    """Runs of many visitors on few workers. All methods may be called from any thread."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        worker_command: Sequence[str] = WORKER_COMMAND,
    ) -> None:
        self.settings = settings
        self.store = store
        # Told, from any thread, which run has news that should not wait for the next look at it.
        self.listeners: list[Callable[[str], None]] = []
        self._executor = LocalExecutor(
            settings, "train", settings.workers, self, worker_command, settings.warm_workers
        )
        self._checker = Checker(settings, "check", settings.answer_seconds, worker_command)
        self._looks = Looks(settings, store, worker_command)
        self._lock = threading.RLock()
        self._submitting = threading.Lock()
        self._line = Line()
        self._seats: dict[LocalWorker, Seat] = {}
        self._again: set[str] = set()  # runs that lost a worker before they began
        self._rates: dict[tuple[Any, ...], float] = {}  # images per second, by what sets the pace
        self._closed = threading.Event()
        self._clock = threading.Thread(target=self._tick, name="supervisor", daemon=True)
        self._catalog: list[dict[str, Any]] | None = None
        self._metrics: list[dict[str, Any]] | None = None
        self._glossary: dict[str, Any] | None = None
        self._reference: dict[str, np.ndarray] | None = None
        self._gallery = Gallery(
            lambda: [info["name"] for info in self.catalog()],
            lambda name: self.portrait(name, {}, "curve"),
            self.doctor,
            settings.home,
        )
        self._samples: dict[str, tuple[np.ndarray, np.ndarray, list[str]]] = {}

    def start(self) -> None:
        """Starts the workers, which are warm after some seconds; tells the runs whose program is
        gone, and takes up those that were waiting for it. Raises StoreError."""
        self._find_orphans()
        self._executor.start()
        self._checker.start()
        self._clock.start()

    def close(self) -> None:
        """Ends the workers; runs that are live are marked as failed with what they recorded. Those
        that wait go on waiting, for the server that comes next."""
        with self._lock:
            if self._closed.is_set():
                return
            self._closed.set()
            jobs = [seat.job for seat in self._seats.values() if seat.job and not seat.job.ended]
            for job in jobs:
                job.ended = True
            waiting = [one.run_id for one in self._line.order()]
            waiting += [job.run_id for job in jobs if not job.heard]
            jobs = [job for job in jobs if job.heard]
        self._gallery.close()
        self._executor.close()
        self._checker.close()
        self._looks.close()
        for job in jobs:
            self._mark(
                job.run_id,
                "failed",
                f"The server was shut down at step {job.step:,} of this run. "
                "What it recorded is kept.",
                "Start the run again; the same seed gives the same numbers.",
                "interrupted",
            )
        try:
            self.store.release(waiting)
        except StoreError as error:  # they are found all the same once this process is gone
            _log.warning("Waiting runs could not be handed on: %s", error)
        if self._clock.is_alive() and threading.current_thread() is not self._clock:
            self._clock.join(timeout=5)

    # What pages ask for

    def submit(self, spec: RunSpec, visitor: str) -> str:
        """Starts a run, or puts it in the line, and returns its id. Raises as `submit_all`."""
        return self.submit_all([spec], visitor)[0]

    def submit_all(self, specs: Sequence[RunSpec], visitor: str) -> list[str]:
        """Starts runs side by side, as far as there are workers, and returns their ids: all of
        them, or none.

        Raises RunError when the visitor has too many runs or the line is full, StoreError when
        the runs cannot be kept.
        """
        created: list[str] = []
        with self._submitting:
            with self._lock:
                self._check_room(visitor, len(specs))
            try:
                for spec in specs:
                    created.append(self.store.create(spec, visitor))
            except StoreError:
                for run_id in created:
                    self._mark(run_id, "stopped", "Stopped before it began.")
                raise
            with self._lock:
                for run_id, spec in zip(created, specs, strict=True):
                    self._line.join(Waiting(run_id, visitor, spec, time.monotonic()))
                self._dispatch()
        return created

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
        if do not in COMMANDS:
            raise RunError(f"Expected one of {', '.join(sorted(COMMANDS))}; got {do[:20]!r}.")
        if do == "change":
            self._check_change(run_id, visitor, kind, name, value)
        with self._lock:
            waiting, seat = self._line.find(run_id), self._seat_of(run_id)
            if waiting is not None:
                _check_owner(waiting.visitor, visitor)
                self._command_waiting(run_id, do)
            elif seat is not None and seat.job is not None:
                _check_owner(seat.job.waited.visitor, visitor)
                self._command_seated(seat, seat.job, do, (kind, name, value))
            else:
                _refuse(self.store.run(run_id), visitor)

    def place(self, run_id: str) -> int | None:
        """The run's place in the line, 1 is next; None when it does not wait."""
        with self._lock:
            order = [one.run_id for one in self._line.order()]
        return order.index(run_id) + 1 if run_id in order else None

    def wait_seconds(self, run_id: str) -> float | None:
        """About how long the run will wait; None when it does not or nobody can tell."""
        with self._lock:
            if self._line.find(run_id) is None:
                return None
            free: list[float] = []
            for seat in self._seats.values():
                left = self._free_in(seat.job)
                if left is not None:
                    free.append(left)
            if not free:
                return None
            heapq.heapify(free)
            for other in self._line.order():
                if other.run_id == run_id:
                    break
                length = self._length(other.spec)
                if length is None:
                    return None
                heapq.heapreplace(free, free[0] + length)
            return free[0]

    def check(
        self,
        text: str,
        parameters: Mapping[str, float] | None = None,
        visitor: str = "",
        newest: bool = False,
        task: str = DEFAULT_TASK,
    ) -> dict[str, Any]:
        """What `losses.check` says of a text for a run of a task; visitors take turns. Of several
        texts that a visitor wants the `newest` checked of, the others raise Superseded. Raises
        WorkerError."""
        report: dict[str, Any] = self._checker.ask(
            "check",
            visitor,
            "check" if newest else "",
            text=text,
            parameters=dict(parameters or {}),
            task=task,
        )
        return report

    def doctor(
        self, text: str, parameters: Mapping[str, float] | None = None, visitor: str = ""
    ) -> list[dict[str, Any]]:
        """The verdicts of `losses.doctor` on a loss, each with name, title, state, sentence and
        evidence; none on a text with a fault. Raises WorkerError."""
        answer = self._checker.ask("doctor", visitor, text=text, parameters=dict(parameters or {}))
        found: list[dict[str, Any]] = answer["verdicts"]
        return found

    def portrait(
        self,
        text: str,
        parameters: Mapping[str, float],
        view: str,
        run_id: str = "",
        visitor: str = "",
    ) -> dict[str, Any]:
        """A view of a loss, as `losses.portrait` gives it, or {"fault": message} of a text that is
        refused. The batch in it is the latest answers of this run on its strip of test images; of
        no run, or one without, the `reference`: "of" is the id of the run whose it is, or "".

        Of one `visitor` only the newest is drawn, the others raise Superseded. Raises WorkerError,
        StoreError."""
        batch = self._answers(run_id) if run_id else None
        answer: dict[str, Any] = self._checker.ask(
            "portrait",
            visitor,
            "portrait" if visitor else "",
            text=text,
            parameters=dict(parameters),
            view=view,
            **(batch or {}),
        )
        return {**answer, "of": run_id if batch else ""}

    def _answers(self, run_id: str) -> dict[str, np.ndarray] | None:
        """Labels and predicted probabilities of a run's strip, as it was evaluated last."""
        started, evaluated = self.store.started(run_id), self.store.evaluation(run_id)
        if started is None or evaluated is None:
            return None
        labels = started.arrays.get("strip_labels")
        probabilities = evaluated.arrays.get("strip_probabilities")
        if labels is None or probabilities is None or len(labels) != len(probabilities):
            return None
        return {"labels": labels, "probabilities": probabilities}

    def reference(self) -> dict[str, np.ndarray]:
        """The batch of a portrait without a run: images (N, H, W, C) uint8, labels (N,) and
        probabilities (N, 10). Raises WorkerError."""
        if self._reference is None:
            self._reference = self._checker.ask("reference")
        return self._reference

    def check_metric(
        self, text: str, visitor: str = "", newest: bool = False, task: str = DEFAULT_TASK
    ) -> dict[str, Any]:
        """What `losses.check` says of a metric's text; superseded and raising as `check`."""
        topic = "metric" if newest else ""
        report: dict[str, Any] = self._checker.ask("metric", visitor, topic, text=text, task=task)
        return report

    def catalog(self) -> list[dict[str, Any]]:
        """Every named loss, the fields of LossInfo. Raises WorkerError."""
        if self._catalog is None:
            self._catalog = self._checker.ask("catalog")
        return self._catalog

    def gallery(self) -> tuple[dict[str, Card], bool]:
        """What is known by now of every named loss, by name (see `Gallery`), and whether that is
        all. Asking begins the work, which the checking worker does while it has no other."""
        return self._gallery.cards()

    def glossary(self) -> dict[str, Any]:
        """Every name of the loss language; see `losses.glossary`. Raises WorkerError."""
        if self._glossary is None:
            self._glossary = self._checker.ask("glossary")
        return self._glossary

    def metrics(self) -> list[dict[str, Any]]:
        """Every named metric, the fields of MetricInfo. Raises WorkerError."""
        if self._metrics is None:
            self._metrics = self._checker.ask("metrics")
        return self._metrics

    def sample(self, dataset: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """A few test images (N, H, W, C) uint8, labels (N,) and the classes' names, without a
        download. Raises DataError where the data set is not here, WorkerError."""
        if dataset not in self._samples:
            found = self._checker.ask("sample", dataset=dataset)
            self._samples[dataset] = (found["images"], found["labels"], found["class_names"])
        return self._samples[dataset]

    def open_eyes(self) -> None:
        """Starts the worker that looks into networks, which is warm some seconds later."""
        if not self._closed.is_set():
            self._looks.start()

    def look(
        self, run_id: str, what: str, step: int | None = None, visitor: str = "", **question: Any
    ) -> dict[str, Any]:
        """What the network of a run does with the weights kept nearest to a step, or the latest;
        see `Looks.look`. Of a live run the weights of this moment are asked for as well, for the
        next look."""
        self.open_eyes()
        self._ask_for_weights(run_id)
        return self._looks.look(run_id, what, step, visitor, **question)

    def keras_file(
        self, spec: RunSpec, weights: Mapping[str, np.ndarray], visitor: str = ""
    ) -> bytes:
        """The content of a `.keras` file of a spec's network with these weights. Raises
        WorkerError."""
        return self._looks.keras_file(spec, weights, visitor)

    def _ask_for_weights(self, run_id: str) -> None:
        """Lets a live run send its weights, at most once a second however many look."""
        now = time.monotonic()
        with self._lock:
            seat = self._seat_of(run_id)
            job = seat.job if seat is not None else None
            if seat is None or job is None or job.ended or now - job.looked_at < LOOK_SECONDS:
                return
            job.looked_at = now
            self._send_command(seat, job, "look")

    def expect(self, count: int) -> None:
        """Lets as many workers come as so many runs need that may soon be started together."""
        with self._lock:
            for seat in self._seats.values():
                seat.idle_since = time.monotonic()
            while self._executor.size < count and self._executor.grow():
                pass

    def prepare(self, spec: RunSpec) -> None:
        """Lets an idle training worker build the run that Train would start, so that its first
        point comes at once. Whether it comes about changes nothing but that."""
        with self._lock:
            idle = [seat for seat in self._seats.values() if seat.job is None]
            if idle and all(seat.prepared != spec.digest for seat in idle):
                idle[0].prepared = spec.digest
                idle[0].worker.send({"id": "", "do": "prepare", "spec": spec.to_json()})

    def status(self) -> dict[str, Any]:
        """ready: whether a run could begin at once, checking: whether texts can be checked,
        looking: whether networks can be looked into;
        workers: how many may train, seats: how many are warm; running, queued: counts of runs;
        problem: why no worker can be started, or ""."""
        with self._lock:
            return {
                "ready": bool(self._seats) and self._checker.ready,
                "checking": self._checker.ready,
                "looking": self._looks.ready,
                "workers": self.settings.workers,
                "seats": len(self._seats),
                "running": sum(seat.job is not None for seat in self._seats.values()),
                "queued": len(self._line),
                "problem": self._executor.problem or self._checker.problem,
            }

    # Listener of the executor

    def on_ready(self, worker: LocalWorker) -> None:
        """A training worker is warm."""
        with self._lock:
            self._seats[worker] = Seat(worker)
            self._dispatch()
        # Before anybody looks, where there is room; after a worker that trains, which goes first.
        if memory.free_gib() >= self.settings.looker_free_gib:
            self.open_eyes()

    def on_message(self, worker: LocalWorker, message: dict[str, Any]) -> None:
        """A training worker said something: an event of its run, or that the run is done."""
        seat = self._seats[worker]
        job = seat.job
        if "error" in message:
            _log.info("Building a run ahead failed: %s", message["error"]["message"])
            seat.prepared = ""
        elif job is None or message["id"] != job.run_id:
            _log.debug("Worker %d answered %r.", worker.pid, message["id"])
        elif message.get("done"):
            self._free(seat, message["memory"])
        elif not job.ended:
            self._hear(seat, job, wire.message_to_event(message))

    def on_exit(self, worker: LocalWorker, reason: str) -> None:
        """A worker is gone, and with it the run it had; the executor starts another."""
        with self._lock:
            seat = self._seats.pop(worker, None)
            job = seat.job if seat is not None else None
            if job is not None and not job.heard and job.run_id not in self._again:
                # It died before it took the run up: not the run's fault, so another tries once.
                self._again.add(job.run_id)
                self._line.rejoin(job.waited)
                self._dispatch()
                return
            if job is None or job.ended:
                return
            job.ended = True
        if job.stop_at is not None:
            message = (
                f"Stopped at step {job.step:,}: the worker did not answer within "
                f"{STOP_SECONDS:g} s and was replaced. What it recorded is kept."
            )
            self._mark(job.run_id, "stopped", job.stop_message or message)
            return
        limit = f" (limit {self.settings.worker_memory_gib:g} GiB)"
        self._mark(
            job.run_id,
            "failed",
            f"The worker process of this run {reason}{limit} at step {job.step:,}. "
            "What it recorded is kept.",
            "Start the run again; if it ends so again, make the batch, the width or the embedding "
            "smaller.",
            "worker",
        )

    # Inside; the lock is held where not said otherwise

    def _check_room(self, visitor: str, count: int) -> None:
        if self._closed.is_set():
            raise RunError("The server is shutting down.", "Start the run again in a minute.")
        mine = self._line.count(visitor) + sum(
            seat.job is not None and not seat.job.ended and seat.job.waited.visitor == visitor
            for seat in self._seats.values()
        )
        most = self.settings.runs_per_visitor
        if count > 1 and mine + count > most:
            raise RunError(
                f"These {count} runs and the {mine} of yours that train, pause or wait are more "
                f"than one visitor may have, {most}.",
                "Stop some of them or wait until they have finished.",
            )
        if mine >= most:
            raise RunError(
                f"You have {mine} runs that train, pause or wait, as many as one visitor may.",
                "Stop one of them or wait until one has finished.",
            )
        busy = sum(seat.job is not None for seat in self._seats.values())
        room = self.settings.workers - busy + self.settings.queue_limit
        if len(self._line) + count > room:
            raise RunError(
                f"The line is full: {len(self._line)} runs wait for a worker.",
                "Try again when one has finished.",
            )

    def _check_change(
        self, run_id: str, visitor: str, kind: str, name: str, value: float | str
    ) -> None:
        """Raises RunError where a run cannot take a change, or not from this visitor. Asks the
        checking worker about a text; the lock is not held."""
        record, started = self.store.run(run_id), self.store.started(run_id)
        if record is None or started is None:
            return  # what is wrong with it is said by who looks for it
        _check_owner(record.owner, visitor)
        if kind == LOSS:
            try:
                wanted = with_loss(record.spec, value)
            except SpecError as fault:
                raise RunError(f"The loss stays: {fault.message}.", fault.hint) from None
            report = self.check(wanted.loss, wanted.loss_parameters, visitor, task=record.spec.task)
            if error := report.get("error"):
                raise RunError(f"The loss stays: {error['message']}.", error["hint"] or "")
            if refused := report.get("refusal"):
                raise RunError(f"The loss stays: {refused['message']}.", refused["hint"])
            if "centers" in set(report["inputs"]) - set(started.loss.get("inputs", ())):
                raise RunError(
                    "The loss stays: this run was begun without moving class centres.",
                    "Press Train for a run that has them.",
                )
            return
        if kind == BACK:
            found = broken(self.store.marks(run_id))
            if found is None or found.get("back") != value:
                raise RunError("The weights of that step are not at hand.", "Train a new run.")
            return
        known: Mapping[str, Any] = started.loss
        now = as_changed(record.spec, self.store.marks(run_id))
        if now.loss != record.spec.loss:
            known = self.check(now.loss, visitor=visitor, task=record.spec.task)
        _check_number(kind, name, value, known)

    def _command_waiting(self, run_id: str, do: str) -> None:
        if do != "stop":
            raise RunError("This run still waits for a worker.", "Stop it, or wait for its turn.")
        self._line.leave(run_id)
        self._mark(run_id, "stopped", "Stopped before it began.")

    def _command_seated(
        self, seat: Seat, job: Job, do: str, change: tuple[str, str, float | str]
    ) -> None:
        if job.ended:
            raise RunError("This run has ended.", "Start a new one.")
        if do == "stop":
            self._stop(seat, job)
        else:
            self._send_command(seat, job, do, *change)

    def _stop(self, seat: Seat, job: Job, message: str = "") -> None:
        if job.stop_at is None:
            job.stop_at = time.monotonic()
            job.stop_message = message
            self._send_command(seat, job, "stop")
        if (
            not job.steps and not job.ended
        ):  # still loading or building: nobody should wait for that
            job.ended = True
            self._mark(job.run_id, "stopped", message or "Stopped before the first step.")

    def _send_command(
        self,
        seat: Seat,
        job: Job,
        do: str,
        kind: str = "",
        name: str = "",
        value: float | str = 0.0,
    ) -> None:
        command = {"do": do, "kind": kind, "name": name, "value": value}
        seat.worker.send({"id": job.run_id, "do": "command", "command": command})

    def _seat_of(self, run_id: str) -> Seat | None:
        for seat in self._seats.values():
            if seat.job is not None and seat.job.run_id == run_id:
                return seat
        return None

    def _dispatch(self) -> None:
        """Gives waiting runs to idle workers, to one that has built the run where there is one."""
        while not self._closed.is_set():
            idle = [seat for seat in self._seats.values() if seat.job is None]
            jobs = [seat.job for seat in self._seats.values() if seat.job is not None]
            held = full([job.waited.visitor for job in jobs], self.settings.workers)
            one = self._line.take(held) if idle else None
            if one is None:
                break
            digest = one.spec.digest
            seat = next((seat for seat in idle if seat.prepared == digest), idle[0])
            seat.job, seat.prepared = Job(one), ""
            seat.worker.send({"id": one.run_id, "do": "train", "spec": one.spec.to_json()})
        while self._executor.size - len(self._seats) < len(self._line) and self._executor.grow():
            pass

    def _free(self, seat: Seat, taken: int) -> None:
        """The worker is done with its run. Takes the lock."""
        with self._lock:
            job, seat.job, seat.idle_since = seat.job, None, time.monotonic()
            if taken > self.settings.worker_memory_gib * 2**30 * 0.75:
                _log.info("Worker %d has grown large and is replaced.", seat.worker.pid)
                del self._seats[seat.worker]
                seat.worker.kill()
            self._dispatch()
        if job is not None and not job.ended:
            self._mark(
                job.run_id,
                "failed",
                f"Training ended at step {job.step:,} without saying why.",
                kind="worker",
            )

    def _hear(self, seat: Seat, job: Job, event: Event) -> None:
        """Records an event of a live run. Called without the lock."""
        job.heard = True
        urgent = not isinstance(event, Progress) or not job.step
        job.step = getattr(event, "step", job.step)
        match event:
            case Started():
                job.steps = event.steps
            case Progress():
                job.seconds = event.seconds
                self._rates[_pace(job.waited.spec)] = event.images_per_second
            case Changed(kind="state"):
                job.paused_at = time.monotonic() if event.value == "paused" else None
            case Finished() | Failed():
                job.ended = True
        try:
            self.store.record(job.run_id, event)
            if isinstance(event, Finished) and job.stop_message:
                self.store.set_state(job.run_id, event.reason, job.stop_message)
            if urgent:
                self._tell(job.run_id)
        except StoreError as error:
            job.ended = True
            self._mark(job.run_id, "failed", error.message, error.hint, "store")
            with self._lock:
                self._stop(seat, job)

    def _mark(self, run_id: str, state: str, message: str, hint: str = "", kind: str = "") -> None:
        """Writes an end; the store itself shows and retries one that cannot be written."""
        try:
            self.store.set_state(run_id, state, message, hint, kind=kind)
        except StoreError as error:
            _log.warning("The end of run %s is not written yet: %s", run_id, error)
        self._tell(run_id)

    def _tell(self, run_id: str) -> None:
        for listener in self.listeners:
            listener(run_id)

    def _give_up(self) -> None:
        """Tells the waiting runs that no worker can be started."""
        for one in self._line.order():
            self._line.leave(one.run_id)
            self._mark(
                one.run_id,
                "failed",
                self._executor.problem,
                "Whoever runs this server finds more in its log.",
                "worker",
            )

    def _free_in(self, job: Job | None) -> float | None:
        """In about how many seconds a worker has done its job; None if nobody can tell."""
        if job is None or job.ended:
            return 0.0
        others = self._line.others_since(job.waited.visitor)
        most = at_most(job.held, others, self.settings, time.monotonic())
        if job.paused_at is not None:
            return most
        left = seconds_left(job.step, job.steps, job.seconds)
        if left is None:
            left = self._length(job.waited.spec)
        return None if left is None else min(most, left)

    def _length(self, spec: RunSpec) -> float | None:
        """About how many seconds a run takes, by the pace of the last one like it."""
        rate = self._rates.get(_pace(spec))
        if not rate:
            return None
        return datasets.counts(spec).trained * spec.epochs / rate

    # The clock

    def _tick(self) -> None:
        searched, tidied = time.monotonic(), -math.inf
        while not self._closed.wait(TICK_SECONDS):
            now = time.monotonic()
            with self._lock:
                for seat in self._seats.values():
                    stop_at = seat.job.stop_at if seat.job is not None else None
                    if stop_at is not None and now - stop_at > STOP_SECONDS:
                        seat.worker.kill()
                self._end_one(now)
                self._end_idle(now)
                if self._executor.failures >= START_FAILURES and not self._seats:
                    self._give_up()
            try:
                if now - searched > SEARCH_SECONDS:
                    searched = now
                    self._find_orphans()
                if now - tidied > TIDY_SECONDS:
                    tidied = now
                    self.store.make_room()
            except StoreError as error:
                _log.warning("The store could not be tidied up: %s", error)

    def _find_orphans(self) -> None:
        """Tells the runs whose program is gone, and takes up those that were waiting for it, in
        their order. Called without the lock; raises StoreError."""
        self.store.interrupt_dead()
        for record in self.store.take_over():
            try:
                spec = RunSpec.from_json(record.spec.to_json())
            except SpecError as error:  # it came from a version that knew other settings
                self._mark(record.id, "failed", error.message, error.hint, "spec")
                continue
            with self._lock:
                self._line.join(Waiting(record.id, record.owner, spec, time.monotonic()))
                self._dispatch()

    def _end_idle(self, now: float) -> None:
        """Ends workers that came for a crowd which has left."""
        for seat in list(self._seats.values()):
            idle = seat.job is None and now - seat.idle_since > IDLE_SECONDS
            if idle and self._executor.dismiss(seat.worker):
                del self._seats[seat.worker]

    def _end_one(self, now: float) -> None:
        """Stops a run that has held a worker for too long while others wait; one at a time."""
        jobs = [(seat, seat.job) for seat in self._seats.values() if seat.job is not None]
        if any(job.stop_at is not None or job.ended for _, job in jobs):
            return  # a worker will be free soon
        found = overdue([job.held for _, job in jobs], self._line.others_since, self.settings, now)
        if found is None:
            return
        seat, job = next(one for one in jobs if one[1].run_id == found[0].run_id)
        self._stop(
            seat,
            job,
            f"Stopped at step {job.step:,} {found[1]} while others waited for the worker. "
            "What it recorded is kept.",
        )


def _pace(spec: RunSpec) -> tuple[Any, ...]:
    """What mostly sets how many images a second go through."""
    size = models.parameter_count(spec)
    return (spec.task, spec.dataset, size, spec.batch_size, spec.precision)


def _check_number(kind: str, name: str, value: float | str, known: Mapping[str, Any]) -> None:
    """Whether what a kind and a name say can take `value`; `known` is what is known of the loss."""
    rates = ["learning_rate", *(["center_rate"] if "centers" in known.get("inputs", []) else [])]
    parameters = [parameter["name"] for parameter in known.get("parameters", [])]
    if name not in {RATE: rates, PARAMETER: parameters}.get(kind, []):
        raise RunError(
            f"{name[:64]!r} cannot be changed while this run trains.",
            f"What can: {', '.join([*rates, *parameters])}.",
        )
    if isinstance(value, str) or not math.isfinite(value):
        raise RunError(f"Expected a finite number for {name[:64]!r}.")
    if kind == RATE:
        knob = knobs()[name]
        low, high = knob.low or 0.0, knob.high or math.inf
        if not low <= value <= high:
            named = {"learning_rate": "learning rate", "center_rate": "centre rate"}[name]
            raise RunError(f"Expected a {named} of {low:g} to {high:g}; got {value:g}.")


def _check_owner(owner: str, visitor: str) -> None:
    if owner == TERMINAL:
        raise RunError(
            "This run trains in a terminal, which alone can steer it.",
            "Press Ctrl-C there to stop it. You can watch it, and start a run of your own with the "
            "same settings.",
        )
    if owner != visitor:
        raise RunError(
            "Only the browser that started this run can steer it.",
            "You can watch it, and start a run of your own with the same settings.",
        )


def _refuse(record: RunRecord | None, visitor: str) -> None:
    """Says why a run that this supervisor does not have cannot be steered."""
    if record is None:
        raise RunError("There is no such run.", "Check the link, or start a new run.")
    _check_owner(record.owner, visitor)
    if record.live:
        raise RunError(
            "This run trains in another program: a terminal or another server.",
            "Steer it from there.",
        )
    raise RunError("This run has ended.", "Start a new one.")


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
