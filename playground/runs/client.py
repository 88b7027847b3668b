"""The client of a worker that is kept for questions (`playground.questions`)."""

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from playground.errors import DataError, PlaygroundError, WorkerError
from playground.questions import QUESTIONS, Question
from playground.runs.executor import Worker
from playground.runs.executors import make_executor
from playground.runs.turns import Turn, Turns
from playground.settings import Settings

PATIENCE_SECONDS = 20.0  # after which a slow question lets no more quick ones pass
START_SECONDS = 60.0  # how long a question may wait for a worker that is not warm yet


class Superseded(WorkerError):
    """A newer question of the same visitor made this one pointless; it was not asked."""


class _Interrupted(Exception):
    """A question that could wait was given up for one that could not."""


class _Gone(Exception):
    """The worker ended while it had a question."""


class Client:
    """Asks a worker of a role ("check", "look" or "project") one question at a time; visitors take
    turns (see `Turns`)."""

    def __init__(self, settings: Settings, role: str, command: Sequence[str]) -> None:
        self._role = role
        self._settings = settings
        self._executor = make_executor(settings, role, 1, self, command)
        self._changed = threading.Condition()
        self._turns = Turns(PATIENCE_SECONDS)
        self._asking: Turn | None = None
        self._interruptible: int | None = None  # the question in progress, if it may be given up
        self._worker: Worker | None = None
        self._answer: dict[str, Any] | None = None
        self._numbers = itertools.count(1)
        self._closed = False
        self.started = False

    def start(self) -> None:
        """Starts the worker, if nobody did."""
        with self._changed:
            if self.started or self._closed:
                return
            self.started = True
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
        name: str,
        visitor: str = "",
        newest: bool = False,
        known: Callable[[], Any] = lambda: None,
        /,
        **fields: Any,
    ) -> Any:
        """The answer to a question of the table, or what `known` gives when its turn has come, if
        that is not None.

        Of the questions of one name that a `visitor` has waiting and wants the `newest` answered of
        only that is asked, the others raise Superseded. A question whose worker ends is asked once
        more. Raises DataError where the answer is one, WorkerError when there is no answer in time:
        then the worker is replaced.
        """
        topic, slow = name if newest else "", QUESTIONS[name].slow
        with self._changed:
            turn = self._turns.join(visitor, topic, slow, time.monotonic())
            if not turn.slow:
                self._interrupt()
            self._changed.notify_all()  # an older one may be superseded
        try:
            while True:
                self._wait_for(turn)
                began = time.monotonic()
                try:
                    found = known()
                    return self._ask_twice(name, turn, fields) if found is None else found
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

    def _ask_twice(self, name: str, turn: Turn, fields: dict[str, Any]) -> Any:
        """Asks, and asks anew where the worker ends: it may have been killed by anybody."""
        for _ in range(2):
            try:
                return self._ask(name, turn, fields)
            except _Gone:
                continue
        question = QUESTIONS[name]
        raise WorkerError(
            f"{question.doing} ended the {self._role}ing worker twice. It is being replaced.",
            question.hint,
        )

    def _ask(self, name: str, turn: Turn, fields: dict[str, Any]) -> Any:
        number, question = next(self._numbers), QUESTIONS[name]
        with self._changed:
            worker = self._warm_worker()
            self._answer = None
            worker.send({"id": number, "do": name, **fields})
            if question.interruptible and self._turns.slow(turn, time.monotonic()):
                self._interruptible = number
                following = self._turns.next(time.monotonic())
                if following is not None and not following.slow:
                    self._interrupt()
            answer = self._await(number, worker, question)
        if "error" in answer:
            error = answer["error"]
            kinds: dict[str, type[PlaygroundError]] = {"data": DataError}
            raise kinds.get(error["kind"], WorkerError)(error["message"], error["hint"])
        if question.interruptible and answer["answer"].get("interrupted"):
            raise _Interrupted
        return answer["answer"]

    def _warm_worker(self) -> Worker:
        """The worker, as soon as it is warm. The condition is held."""
        self._changed.wait_for(lambda: self._worker or self._closed, START_SECONDS)
        self._check_open()
        if self._worker is None:
            raise WorkerError(
                self.problem or f"The {self._role}ing worker is still starting.",
                "Try again in a few seconds.",
            )
        return self._worker

    def _await(self, number: int, worker: Worker, question: Question) -> dict[str, Any]:
        """What the worker says to a question, within its time; otherwise it is killed. The
        condition is held."""
        seconds: float = getattr(self._settings, question.patience)
        end = time.monotonic() + seconds
        while self._worker is worker and not self._answered(number):
            left = end - time.monotonic()
            if left <= 0:
                self._worker = None
                worker.kill()
                raise WorkerError(
                    f"{question.doing} took longer than {seconds:g} s and was stopped.",
                    question.hint,
                )
            self._changed.wait(left)
        answer = self._answer
        if answer is None or answer["id"] != number:
            raise _Gone
        return answer

    def _answered(self, number: int) -> bool:
        return self._answer is not None and self._answer["id"] == number

    # Listener

    def on_ready(self, worker: Worker) -> None:
        """The worker is warm."""
        with self._changed:
            self._worker = worker
            self._changed.notify_all()

    def on_message(self, worker: Worker, message: dict[str, Any]) -> None:
        """The worker answered."""
        with self._changed:
            self._answer = message
            self._changed.notify_all()

    def on_exit(self, worker: Worker, reason: str) -> None:
        """The worker is gone."""
        with self._changed:
            if self._worker is worker:
                self._worker = None
            self._changed.notify_all()
