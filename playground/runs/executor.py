"""Workers: what one is, how many there are, and that a dead one is replaced.

The supervisor knows a worker by `send` and `kill`, and an executor by `start`, `close` and what
it reports to a `Listener`. `LocalExecutor` runs workers as processes of this machine,
`RayExecutor` on the nodes of a Ray cluster.
"""

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol

from playground import monitoring
from playground.errors import without_paths

AWAY_SECONDS = 5.0  # at most, between two tries to find a place for a worker
FAULT_SECONDS = 30.0  # at most, between two tries to start a worker that ends itself
_log = logging.getLogger(__name__)


class Worker(Protocol):
    """A process that trains or answers, wherever it runs."""

    ready: bool  # it said so: it takes requests
    placed: bool  # it runs, as far as is known here; before, it waits for a place

    @property
    def pid(self) -> int:
        """The process' number on its machine, 0 while it has none."""

    @property
    def last_words(self) -> str:
        """The last line it wrote to stderr."""

    def listen(self) -> None:
        """Starts reporting to the listener."""

    def send(self, message: Mapping[str, Any]) -> None:
        """Hands it a message; of one that is gone, the listener hears of the exit."""

    def kill(self) -> None:
        """Ends the process at once."""

    def close(self) -> None:
        """Lets the process end itself, or ends it; returns when it is gone."""


class Listener(Protocol):
    """What an executor reports, each worker's messages in order and from one thread."""

    def on_ready(self, worker: Any) -> None:
        """The worker is warm and takes requests."""

    def on_message(self, worker: Any, message: dict[str, Any]) -> None:
        """The worker said something."""

    def on_exit(self, worker: Any, reason: str) -> None:
        """The worker is gone; `reason` is "was killed or ran out of memory" or the like."""


class Executor(ABC):
    """Keeps workers of a role ("train", "check", "look" or "project") alive: `warm` of them always,
    and up to `count` from when `grow` asks for one more until it is dismissed."""

    def __init__(self, role: str, count: int, listener: Listener, warm: int | None = None) -> None:
        self._role = role
        self._count = count
        self._warm = count if warm is None else min(warm, count)
        self._listener = listener
        self._lock = threading.Lock()
        self._workers: set[Worker] = set()
        self._dismissed: set[Worker] = set()
        self._timers: set[threading.Timer] = set()
        self._closed = False
        self._wanted_at = time.monotonic()  # when more workers may have been wanted
        self._tries = 0  # starts in a row after which no worker got ready
        self.failures = 0  # ... of those whose worker began and ended itself
        self.problem = ""  # why no worker can be started, while that is so

    @abstractmethod
    def make(self) -> Worker:
        """A worker that reports to this executor. Raises OSError when it cannot be started."""

    @property
    def waits(self) -> str:
        """What a worker that has no place yet waits for, in words; "" if none does."""
        return ""

    def start(self) -> None:
        """Starts the workers; they report when they are warm, after seconds."""
        for _ in range(self._warm):
            self._launch()

    @property
    def size(self) -> int:
        """How many workers there are, with those that are still warming up."""
        with self._lock:
            return len(self._workers)

    def grow(self) -> bool:
        """Starts one more worker; False if there are as many as may be, or those that are always
        there are not."""
        with self._lock:
            self._wanted_at = time.monotonic()
            if self._closed or not self._warm <= len(self._workers) < self._count:
                return False
        self._launch()
        return True

    def dismiss(self, worker: Worker) -> bool:
        """Ends an idle worker for good; False if it is one of those that are always there."""
        with self._lock:
            if len(self._workers) - len(self._dismissed) <= self._warm:
                return False
            self._dismissed.add(worker)
        threading.Thread(target=worker.close, daemon=True).start()
        return True

    def review(self, wanted: bool, seconds: float) -> None:
        """Asks for no place any longer for workers that have none, when for some seconds none was
        `wanted` and `grow` was not called; those that are always there still have theirs."""
        with self._lock:
            self._wanted_at = time.monotonic() if wanted else self._wanted_at
            if time.monotonic() - self._wanted_at <= seconds:
                return
            unplaced = [one for one in self._workers - self._dismissed if not one.placed]
        for worker in unplaced:
            self.dismiss(worker)

    def close(self) -> None:
        """Ends all workers and waits until they are gone."""
        with self._lock:
            self._closed = True
            workers, timers = list(self._workers), list(self._timers)
        for timer in timers:
            timer.cancel()
        closings = [threading.Thread(target=worker.close) for worker in workers]
        for closing in closings:
            closing.start()
        for closing in closings:
            closing.join()

    # Listener of its own workers: notes, then passes on

    def on_ready(self, worker: Worker) -> None:
        """A worker is warm."""
        with self._lock:
            self._tries = self.failures = 0
            self.problem = ""
        self._listener.on_ready(worker)

    def on_message(self, worker: Worker, message: dict[str, Any]) -> None:
        """A worker said something."""
        self._listener.on_message(worker, message)

    def on_exit(self, worker: Worker, reason: str) -> None:
        """A worker is gone: another takes its place, later and later if none gets ready."""
        with self._lock:
            self._workers.discard(worker)
            dismissed = worker in self._dismissed
            self._dismissed.discard(worker)
            closed = self._closed
            if not (closed or dismissed or worker.ready):
                self._tries += 1
                if worker.placed:
                    said = f"A worker cannot be started: it {reason}. {worker.last_words}"
                    self._fault(said.strip())
        if not closed and not dismissed:
            # Its last words, in which a visitor's may be, are not for the log.
            _log.warning("Worker %d %s.", worker.pid, reason)
            monitoring.DEATHS.labels(self._role).inc()
            self._launch_later()
        self._listener.on_exit(worker, reason)

    def _fault(self, problem: str) -> None:
        self.failures += 1
        self.problem = without_paths(problem)

    def _launch_later(self) -> None:
        with self._lock:
            if self._closed:
                return
            most = FAULT_SECONDS if self.failures else AWAY_SECONDS
            delay = min(most, 0.25 * 2**self._tries) if self._tries else 0.0
            timer = threading.Timer(delay, self._launch)
            timer.daemon = True
            self._timers = {one for one in self._timers if one.is_alive()} | {timer}
            timer.start()

    def _launch(self) -> None:
        try:
            with self._lock:
                if self._closed:
                    return
                worker = self.make()
                self._workers.add(worker)
        except OSError as error:
            with self._lock:
                self._tries += 1
                self._fault(f"A worker cannot be started: {error.strerror or error}.")
            self._launch_later()
            return
        worker.listen()


def how_it_ended(code: int) -> str:
    """How a worker's process ended, as the rest of a sentence."""
    if code == -9:  # SIGKILL: an operator, or the kernel short of memory
        return "was killed or ran out of memory"
    how = f"crashed with signal {-code}" if code < 0 else f"ended with code {code}"
    return f"{how} or ran out of memory"
