"""A worker that is kept for questions: checks of a loss as it is typed, or looks into a network."""

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from playground.errors import DataError, PlaygroundError, WorkerError
from playground.runs.executor import LocalExecutor, LocalWorker
from playground.settings import Settings

PATIENT = frozenset({"doctor"})
PATIENCE_SECONDS = 20.0  # after which a question that can wait no longer lets others pass
START_SECONDS = 60.0  # how long a question may wait for a worker that is not warm yet


class Superseded(WorkerError):
    """A newer question of the same visitor made this one pointless; it was not asked."""


class _Interrupted(Exception):
    """A question that could wait was given up for one that could not."""


class Checker:
    """Asks a worker of a role ("check" or "look") one question at a time, each within `seconds`."""

    def __init__(
        self, settings: Settings, role: str, seconds: float, command: Sequence[str]
    ) -> None:
        self._role = role
        self._seconds = seconds
        self._executor = LocalExecutor(settings, role, 1, self, command)
        self._asking = threading.Lock()
        self._changed = threading.Condition()
        self._worker: LocalWorker | None = None
        self._answer: dict[str, Any] | None = None
        self._numbers = itertools.count(1)
        self._newest: dict[str, int] = {}
        self._pressing = 0  # questions that cannot wait and have no answer yet
        self._patient: int | None = None  # the question in progress that can

    def start(self) -> None:
        """Starts the worker."""
        self._executor.start()

    def close(self) -> None:
        """Ends the worker."""
        self._executor.close()

    @property
    def ready(self) -> bool:
        """Whether a warm worker waits for questions."""
        return self._worker is not None

    @property
    def problem(self) -> str:
        """Why no worker can be started, while that is so."""
        return self._executor.problem

    def ask(self, do: str, visitor: str = "", /, **question: Any) -> Any:
        """The answer to `{"do": do, **question}`.

        Of the questions that one `visitor` has waiting only the newest is asked, the others raise
        Superseded. A question that takes long and can wait (PATIENT) is given up for any other and
        asked again. Raises DataError where the answer is one, WorkerError when there is no answer
        in time: then the worker is replaced.
        """
        number = next(self._numbers)
        if visitor:
            self._newest[visitor] = number
        try:
            if do in PATIENT:
                return self._ask_patiently(do, question)
            with self._in_a_hurry(), self._asking:
                if visitor and self._newest.get(visitor) != number:
                    raise Superseded("A newer text replaced this one.")
                return self._ask(do, {"id": number, "do": do, **question})
        finally:
            if visitor and self._newest.get(visitor) == number:
                self._newest.pop(visitor, None)

    @contextmanager
    def _in_a_hurry(self) -> Iterator[None]:
        """Whoever can wait gives way."""
        with self._changed:
            self._pressing += 1
            if self._patient is not None and self._worker is not None:
                stop = {"do": "stop", "what": "", "value": 0.0}
                self._worker.send({"id": self._patient, "do": "command", "command": stop})
        try:
            yield
        finally:
            with self._changed:
                self._pressing -= 1
                self._changed.notify_all()

    def _ask_patiently(self, do: str, question: dict[str, Any]) -> Any:
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            with self._changed:
                self._changed.wait_for(lambda: not self._pressing, max(0.0, end - time.monotonic()))
            patient = time.monotonic() < end
            asked = {"id": next(self._numbers), "do": do, **question}
            try:
                with self._asking:
                    self._patient = asked["id"] if patient else None
                    return self._ask(do, asked)
            except _Interrupted:
                continue
            finally:
                self._patient = None

    def _ask(self, do: str, question: dict[str, Any]) -> Any:
        with self._changed:
            if not self._changed.wait_for(lambda: self._worker is not None, START_SECONDS):
                raise WorkerError(
                    self.problem or f"The {self._role}ing worker is still starting.",
                    "Try again in a few seconds.",
                )
            worker = self._worker
            assert worker is not None  # noqa: S101 - just waited for
            self._answer = None
            worker.send(question)
            end = time.monotonic() + self._seconds
            while self._worker is worker and not self._answered(question["id"]):
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
            if answer is None or answer["id"] != question["id"]:
                raise WorkerError(
                    f"{_SAID[do]} ended the {self._role}ing worker, which is being replaced.",
                    _TOO_SLOW.get(do, "Try again."),
                )
        if "error" in answer:
            error = answer["error"]
            kinds: dict[str, type[PlaygroundError]] = {"data": DataError}
            raise kinds.get(error["kind"], WorkerError)(error["message"], error["hint"])
        if do in PATIENT and answer["answer"].get("interrupted"):
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
}
_TOO_SLOW = {
    "check": "Make it smaller: fewer steps, smaller arrays.",
    "doctor": "Make it smaller: fewer steps, smaller arrays.",
    "metric": "Make it smaller: fewer steps, smaller arrays.",
    "portrait": "Make it smaller: fewer steps, smaller arrays.",
    "look": "Try again; a smaller network answers sooner.",
}
