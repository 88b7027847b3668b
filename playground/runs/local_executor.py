"""Workers as processes of this machine."""

import logging
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, cast

from playground.errors import WorkerError
from playground.runs import wire
from playground.runs.environment import ROOT, environment
from playground.runs.executor import Executor, Listener, Worker, how_it_ended
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
        self._last_words: deque[str] = deque(maxlen=20)
        self._process = subprocess.Popen(  # noqa: S603 - our own command, no shell
            command,
            cwd=ROOT,
            env=dict(given),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        pipes = self._process.stdin, self._process.stdout, self._process.stderr
        self._requests, self._answers, self._errors = (cast(BinaryIO, pipe) for pipe in pipes)
        name = f"worker-{self._process.pid}"
        self._overhear = threading.Thread(target=self._read_errors, name=name, daemon=True)
        self._listen = threading.Thread(target=self._read_messages, name=name, daemon=True)

    @property
    def pid(self) -> int:
        """The process' number."""
        return self._process.pid

    def listen(self) -> None:
        """Starts reporting to the listener."""
        self._overhear.start()
        self._listen.start()

    def send(self, message: Mapping[str, Any]) -> None:
        """Hands it a message; of one that is gone, the listener hears of the exit."""
        try:
            with self._sending:
                wire.send(self._requests, message)
        except (OSError, ValueError) as error:
            _log.info("Worker %d did not take a message: %s", self.pid, error)

    def kill(self) -> None:
        """Ends the process at once."""
        self._process.kill()

    def close(self) -> None:
        """Lets the process end itself, or ends it; returns when it is gone."""
        self._close_requests()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._listen.is_alive() and self._listen is not threading.current_thread():
            self._listen.join(timeout=5)

    @property
    def last_words(self) -> str:
        """The last line it wrote to stderr."""
        return self._last_words[-1] if self._last_words else ""

    def _read_messages(self) -> None:
        try:
            while (message := wire.receive(self._answers)) is not None:
                if message.get("ready"):
                    self.ready = True
                    self._listener.on_ready(self)
                else:
                    self._listener.on_message(self, message)
        except (WorkerError, OSError) as error:
            _log.info("Worker %d is no longer understood: %s", self.pid, error)
        finally:
            self._answers.close()
            try:
                self._process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                self._process.kill()
            code = self._process.wait()
            self._close_requests()
            self._overhear.join(timeout=1)
            self._listener.on_exit(self, how_it_ended(code))

    def _close_requests(self) -> None:
        try:
            self._requests.close()
        except OSError as error:
            _log.debug("Worker %d was gone already: %s", self.pid, error)

    def _read_errors(self) -> None:
        with self._errors as stream:
            for line in stream:
                text = line.decode(errors="replace").rstrip()
                if text:
                    self._last_words.append(text)
                    _log.debug("Worker %d: %s", self.pid, text)


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
