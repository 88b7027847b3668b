"""A worker that is kept for questions: checks of a loss as it is typed, or looks into a network."""

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from playground.errors import DataError, PlaygroundError, WorkerError
from playground.runs.executor import LocalExecutor, LocalWorker
from playground.runs.turns import Turn, Turns
from playground.settings import Settings

SLOW = frozenset({"doctor", "why", "exemplars", "dead", "match"})
INTERRUPTED = frozenset({"doctor"})  # slow, and given up for a quick one that comes meanwhile
PATIENCE_SECONDS = 20.0  # after which a slow question lets no more quick ones pass
START_SECONDS = 60.0  # how long a question may wait for a worker that is not warm yet


class Superseded(WorkerError):
    """A newer question of the same visitor made this one pointless; it was not asked."""


class _Interrupted(Exception):
    """A question that could wait was given up for one that could not."""


class _Gone(Exception):
    """The worker ended while it had a question."""


class Checker:
    """Asks a worker of a role ("check", "look" or "project") one question at a time, each within
    `seconds`; visitors take turns (see `Turns`)."""

    def __init__(
        self, settings: Settings, role: str, seconds: float, command: Sequence[str]
    ) -> None:
        self._role = role
        self._seconds = seconds
        self._executor = LocalExecutor(settings, role, 1, self, command)
        self._changed = threading.Condition()
        self._turns = Turns(PATIENCE_SECONDS)
        self._asking: Turn | None = None
        self._interruptible: int | None = None  # the question in progress, if it may be given up
        self._worker: LocalWorker | None = None
        self._answer: dict[str, Any] | None = None
        self._numbers = itertools.count(1)
        self._closed = False

    def start(self) -> None:
        """Starts the worker."""
        self._executor.start()

    def close(self) -> None:
        """Ends the worker; who waits for an answer is told so."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._executor.close()

    @property
    def ready(self) -> bool:
        """Whether a warm worker waits for questions."""
        return self._worker is not None

    @property
    def problem(self) -> str:
        """Why no worker can be started, while that is so."""
        return self._executor.problem

    def ask(
        self,
        do: str,
        visitor: str = "",
        topic: str = "",
        known: Callable[[], Any] = lambda: None,
        /,
        **question: Any,
    ) -> Any:
        """The answer to `{"do": do, **question}`, or what `known` gives when its turn has come, if
        that is not None.

        Of the questions that one `visitor` has waiting under a `topic` only the newest is asked,
        the others raise Superseded. SLOW ones, of which looks are named by "what", let others pass.
        A question whose worker ends is asked once more. Raises DataError where the answer is one,
        WorkerError when there is no answer in time: then the worker is replaced.
        """
        name = question.get("what", do)
        with self._changed:
            turn = self._turns.join(visitor, topic, name in SLOW, time.monotonic())
            if not turn.slow:
                self._interrupt()
            self._changed.notify_all()  # an older one may be superseded
        try:
            while True:
                self._wait_for(turn)
                began = time.monotonic()
                try:
                    found = known()
                    return self._ask_twice(do, turn, question) if found is None else found
                except _Interrupted:
                    with self._changed:
                        self._turns.rejoin(turn)
                finally:
                    with self._changed:
                        self._asking = self._interruptible = None
                        self._turns.charge(turn, time.monotonic() - began)
                        self._changed.notify_all()
        finally:
            with self._changed:
                self._turns.leave(turn)

    def _wait_for(self, turn: Turn) -> None:
        with self._changed:
            while True:
                if turn.superseded:
                    raise Superseded("A newer question replaced this one.")
                self._check_open()
                if self._asking is None and self._turns.next(time.monotonic()) is turn:
                    self._asking = self._turns.take(time.monotonic())
                    return
                self._changed.wait()

    def _check_open(self) -> None:
        if self._closed:
            raise WorkerError("The server is shutting down.", "Try again in a minute.")

    def _interrupt(self) -> None:
        """Whoever can wait gives way. The condition is held."""
        if self._interruptible is not None and self._worker is not None:
            stop = {"do": "stop"}
            command = {"id": self._interruptible, "do": "command", "command": stop}
            self._worker.send(command)

    def _ask_twice(self, do: str, turn: Turn, question: dict[str, Any]) -> Any:
        """Asks, and asks anew where the worker ends: it may have been killed by anybody."""
        for _ in range(2):
            try:
                return self._ask(do, turn, question)
            except _Gone:
                continue
        raise WorkerError(
            f"{_SAID[do]} ended the {self._role}ing worker twice. It is being replaced.",
            _TOO_SLOW.get(do, "Try again."),
        )

    def _ask(self, do: str, turn: Turn, question: dict[str, Any]) -> Any:
        number = next(self._numbers)
        with self._changed:
            self._changed.wait_for(lambda: self._worker or self._closed, START_SECONDS)
            self._check_open()
            if self._worker is None:
                raise WorkerError(
                    self.problem or f"The {self._role}ing worker is still starting.",
                    "Try again in a few seconds.",
                )
            worker = self._worker
            self._answer = None
            worker.send({"id": number, "do": do, **question})
            if do in INTERRUPTED and self._turns.slow(turn, time.monotonic()):
                self._interruptible = number
                following = self._turns.next(time.monotonic())
                if following is not None and not following.slow:
                    self._interrupt()
            end = time.monotonic() + self._seconds
            while self._worker is worker and not self._answered(number):
                left = end - time.monotonic()
                if left <= 0:
                    self._worker = None
                    worker.kill()
                    raise WorkerError(
                        f"{_SAID[do]} took longer than {self._seconds:g} s and was stopped.",
                        _TOO_SLOW.get(do, "Try again."),
                    )
                self._changed.wait(left)
            answer = self._answer
            if answer is None or answer["id"] != number:
                raise _Gone
        if "error" in answer:
            error = answer["error"]
            kinds: dict[str, type[PlaygroundError]] = {"data": DataError}
            raise kinds.get(error["kind"], WorkerError)(error["message"], error["hint"])
        if do in INTERRUPTED and answer["answer"].get("interrupted"):
            raise _Interrupted
        return answer["answer"]

    def _answered(self, number: int) -> bool:
        return self._answer is not None and self._answer["id"] == number

    # Listener

    def on_ready(self, worker: LocalWorker) -> None:
        """The worker is warm."""
        with self._changed:
            self._worker = worker
            self._changed.notify_all()

    def on_message(self, worker: LocalWorker, message: dict[str, Any]) -> None:
        """The worker answered."""
        with self._changed:
            self._answer = message
            self._changed.notify_all()

    def on_exit(self, worker: LocalWorker, reason: str) -> None:
        """The worker is gone."""
        with self._changed:
            if self._worker is worker:
                self._worker = None
            self._changed.notify_all()


_SAID = {
    "check": "Checking this text",
    "doctor": "Examining this loss",
    "portrait": "Drawing this loss",
    "reference": "Reading the reference images",
    "metric": "Checking this metric",
    "catalog": "Listing the losses",
    "metrics": "Listing the metrics",
    "glossary": "Listing the names",
    "sample": "Reading the sample images",
    "look": "Looking into the network",
    "project": "Laying out the embedding",
}
_TOO_SLOW = {
    "check": "Make it smaller: fewer steps, smaller arrays.",
    "doctor": "Make it smaller: fewer steps, smaller arrays.",
    "metric": "Make it smaller: fewer steps, smaller arrays.",
    "portrait": "Make it smaller: fewer steps, smaller arrays.",
    "look": "Try again; a smaller network answers sooner.",
}
