"""What the servers of one store tell each other: that a run has news, and what visitors want of
runs that another server trains."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from playground.errors import PlaygroundError, RunError, StoreError
from playground.runs.command_rows import Sent
from playground.runs.store import Store

ANSWER_SECONDS = 5.0  # how long a visitor waits for another server
ASK_SECONDS = 0.03  # between two looks for its answer
WAIT_SECONDS = 1.0  # between two looks for commands where nothing is told
_log = logging.getLogger(__name__)


class Exchange:
    """`take` does what a command to a run of this server says, and raises PlaygroundError; `hear`
    is called with the id of a run of another server that has news, and whether somebody waits for
    them."""

    def __init__(
        self, store: Store, take: Callable[[Sent], None], hear: Callable[[str, bool], None]
    ) -> None:
        self._store, self._take, self._hear = store, take, hear
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="exchange", daemon=True)

    def start(self) -> None:
        """Begins to listen."""
        self._thread.start()

    def close(self) -> None:
        """Ends within about a second."""
        self._closed.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout=5)

    def tell(self, run_id: str, awaited: bool) -> None:
        """Tells the other servers that a run of this one has news, where the store passes such
        things on; where it does not, they see it at their next look."""
        try:
            self._store.news.tell(f"{run_id} {awaited:d}")
        except StoreError as error:
            _log.debug("The news of run %s are not passed on: %s", run_id, error)

    def send(self, run_id: str, visitor: str, command: dict[str, Any], wait: bool = True) -> None:
        """Has the server that trains a run do what a command says, and waits until it has. Raises
        RunError where that refuses it or does not answer, StoreError."""
        rows = self._store.commands
        number = rows.send(run_id, visitor, command)
        if not wait:
            return
        end = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < end:
            time.sleep(ASK_SECONDS)
            answered, refused = rows.answered(number)
            if answered:
                rows.remove(number)
                if refused is not None:
                    raise RunError(*refused)
                return
        raise RunError(
            f"The server that trains this run has not answered within {ANSWER_SECONDS:g} s.",
            "It does what you asked as soon as it can; if it is gone, another goes on with the run "
            "in about a quarter of a minute.",
        )

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                with closing(self._store.news.listen()) as hearing:
                    while not self._closed.is_set():
                        for said in hearing.wait(WAIT_SECONDS):
                            self._pass_on(said)
                        self._take_all()
            except StoreError as error:
                _log.warning("Other servers are not heard: %s", error)
                self._closed.wait(WAIT_SECONDS)

    def _pass_on(self, said: str) -> None:
        run_id, _, awaited = said.partition(" ")
        if awaited:
            self._hear(run_id, awaited == "1")

    def _take_all(self) -> None:
        for sent in self._store.commands.take():
            refused = None
            try:
                self._take(sent)
            except PlaygroundError as error:
                refused = (error.message, error.hint)
            except Exception:  # the visitor is told, and the other commands are taken
                _log.exception("A command to run %s cannot be done", sent.run_id)
                refused = ("The server that trains this run cannot do that.", "")
            self._store.commands.answer(sent.number, refused)
