"""Workers as processes of this machine."""

import logging
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from playground.errors import WorkerError
from playground.runs import wire
from playground.runs.environment import environment
from playground.runs.executor import Executor, Listener, Worker, how_it_ended
from playground.runs.worker_process import WorkerProcess
from playground.settings import Settings

WORKER_COMMAND = (sys.executable, "-m", "playground.worker")
_log = logging.getLogger(__name__)


class LocalWorker:
    """A worker process of this machine, spoken to through its stdin and stdout."""

    placed = True

    def __init__(
        self, command: Sequence[str], given: Mapping[str, str], listener: Listener
    ) -> None:
        """`given` is its environment. Raises OSError when the process cannot be started."""
        self.ready = False
        self._listener = listener
        self._sending = threading.Lock()
        self._process = WorkerProcess(command, given)
        self._listen = threading.Thread(
            target=self._read_messages, name=f"worker-{self.pid}", daemon=True
        )

    @property
    def pid(self) -> int:
        """The process' number."""
        return self._process.pid

    def listen(self) -> None:
        """Starts reporting to the listener."""
        self._listen.start()

    def send(self, message: Mapping[str, Any]) -> None:
        """Hands it a message; of one that is gone, the listener hears of the exit."""
        try:
            with self._sending:
                wire.send(self._process.requests, message)
        except (OSError, ValueError) as error:
            _log.info("Worker %d did not take a message: %s", self.pid, error)

    def kill(self) -> None:
        """Ends the process at once."""
        self._process.kill()

    def close(self) -> None:
        """Lets the process end itself, or ends it; returns when it is gone."""
        self._process.close(2)
        if self._listen.is_alive() and self._listen is not threading.current_thread():
            self._listen.join(timeout=5)

    @property
    def last_words(self) -> str:
        """The last line it wrote to stderr."""
        return self._process.last_words

    def _read_messages(self) -> None:
        try:
            while (message := wire.receive(self._process.answers)) is not None:
                if message.get("ready"):
                    self.ready = True
                    self._listener.on_ready(self)
                else:
                    self._listener.on_message(self, message)
        except (WorkerError, OSError) as error:
            _log.info("Worker %d is no longer understood: %s", self.pid, error)
        finally:
            self._listener.on_exit(self, how_it_ended(self._process.ended()))


class LocalExecutor(Executor):
    """Workers that are processes of this machine."""

    def __init__(
        self,
        settings: Settings,
        role: str,
        count: int,
        listener: Listener,
        command: Sequence[str] = WORKER_COMMAND,
        warm: int | None = None,
    ) -> None:
        super().__init__(role, count, listener, warm)
        self._settings = settings
        self._command = [*command, role]

    def make(self) -> Worker:
        """A process. Raises OSError when it cannot be started."""
        return LocalWorker(self._command, environment(self._settings), self)
