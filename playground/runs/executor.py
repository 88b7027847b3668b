"""Workers: where they run, how one speaks to them, and that a dead one is replaced.

The supervisor knows a worker by `send` and `kill`, and an executor by `start`, `close` and what
it reports to a `Listener`. `LocalExecutor` runs workers as processes of this machine.
"""

import logging
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from playground import monitoring
from playground.datasets import own
from playground.errors import WorkerError, without_paths
from playground.runs import wire
from playground.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
_log = logging.getLogger(__name__)

# All that a worker gets of this process' environment: how to find programs, libraries, folders,
# and the way to the internet for a download; nothing that names the store or holds a key.
# fmt: off
_PASSED_ON = [
    "PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV",
    "LANG", "LC_ALL", "LC_CTYPE", "TZ", "HOME", "USER", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT",
    "SYSTEMDRIVE", "WINDIR", "PATHEXT", "COMSPEC", "USERPROFILE", "APPDATA", "LOCALAPPDATA",
    "HOMEDRIVE", "HOMEPATH", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE", "KERAS_HOME",
    "CUDA_VISIBLE_DEVICES", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy",
    "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS",
]
# fmt: on


class Listener(Protocol):
    """What an executor reports, each worker's messages in order and from one thread."""

    def on_ready(self, worker: Any) -> None:
        """The worker is warm and takes requests."""

    def on_message(self, worker: Any, message: dict[str, Any]) -> None:
        """The worker said something."""

    def on_exit(self, worker: Any, reason: str) -> None:
        """The worker is gone; `reason` is "was killed or ran out of memory" or the like."""


def environment(settings: Settings) -> dict[str, str]:
    """The environment of a worker: what it needs and no more."""
    found = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {
        **found,
        "PLAYGROUND_DATA": str(settings.data),
        "PLAYGROUND_DOWNLOAD": str(settings.download),
        "PLAYGROUND_UPLOADS": str(own.root(settings)),
        "PLAYGROUND_UPLOAD_DAYS": str(settings.upload_days),
        "PLAYGROUND_WORKER_MEMORY_GIB": str(settings.worker_memory_gib),
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        # glibc reserves 64 MiB of address space for each thread's arena, which would count.
        "MALLOC_ARENA_MAX": "2",
        "PYTHONIOENCODING": "utf-8",
    }


class LocalWorker:
    """A worker process of this machine, spoken to through its stdin and stdout."""

    def __init__(self, command: Sequence[str], settings: Settings, listener: Listener) -> None:
        """Raises OSError when the process cannot be started."""
        self.ready = False
        self._listener = listener
        self._sending = threading.Lock()
        self._last_words: deque[str] = deque(maxlen=20)
        self._process = subprocess.Popen(  # noqa: S603 - our own command, no shell
            command,
            cwd=ROOT,
            env=environment(settings),
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
            self._listener.on_exit(self, _reason(code))

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


class LocalExecutor:
    """Keeps workers of a role ("train", "check", "look" or "project") alive on this machine: `warm`
    of them always, and up to `count` from when `grow` asks for one more until it is dismissed."""

    def __init__(
        self,
        settings: Settings,
        role: str,
        count: int,
        listener: Listener,
        command: Sequence[str] = (sys.executable, "-m", "playground.worker"),
        warm: int | None = None,
    ) -> None:
        self._settings = settings
        self._count = count
        self._warm = count if warm is None else min(warm, count)
        self._listener = listener
        self._command = [*command, role]
        self._lock = threading.Lock()
        self._workers: set[LocalWorker] = set()
        self._dismissed: set[LocalWorker] = set()
        self._timers: set[threading.Timer] = set()
        self._closed = False
        self.failures = 0  # starts in a row after which no worker got ready
        self.problem = ""  # why no worker can be started, while that is so

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
            if self._closed or not self._warm <= len(self._workers) < self._count:
                return False
        self._launch()
        return True

    def dismiss(self, worker: LocalWorker) -> bool:
        """Ends an idle worker for good; False if it is one of those that are always there."""
        with self._lock:
            if len(self._workers) - len(self._dismissed) <= self._warm:
                return False
            self._dismissed.add(worker)
        threading.Thread(target=worker.close, daemon=True).start()
        return True

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

    def on_ready(self, worker: LocalWorker) -> None:
        """A worker is warm."""
        with self._lock:
            self.failures, self.problem = 0, ""
        self._listener.on_ready(worker)

    def on_message(self, worker: LocalWorker, message: dict[str, Any]) -> None:
        """A worker said something."""
        self._listener.on_message(worker, message)

    def on_exit(self, worker: LocalWorker, reason: str) -> None:
        """A worker is gone: another takes its place, later and later if none gets ready."""
        with self._lock:
            self._workers.discard(worker)
            dismissed = worker in self._dismissed
            self._dismissed.discard(worker)
            closed = self._closed
            if not closed and not worker.ready:
                self._fault(f"A worker cannot be started: it {reason}. {worker.last_words}".strip())
        if not closed and not dismissed:
            # Its last words, in which a visitor's may be, are not for the log.
            _log.warning("Worker %d %s.", worker.pid, reason)
            monitoring.DEATHS.labels(self._command[-1]).inc()
            self._launch_later()
        self._listener.on_exit(worker, reason)

    def _fault(self, problem: str) -> None:
        self.failures += 1
        self.problem = without_paths(problem)

    def _launch_later(self) -> None:
        with self._lock:
            if self._closed:
                return
            delay = min(30.0, 0.25 * 2**self.failures) if self.failures else 0.0
            timer = threading.Timer(delay, self._launch)
            timer.daemon = True
            self._timers = {one for one in self._timers if one.is_alive()} | {timer}
            timer.start()

    def _launch(self) -> None:
        try:
            with self._lock:
                if self._closed:
                    return
                worker = LocalWorker(self._command, self._settings, self)
                self._workers.add(worker)
        except OSError as error:
            with self._lock:
                self._fault(f"A worker cannot be started: {error.strerror or error}.")
            self._launch_later()
            return
        worker.listen()


def _reason(code: int) -> str:
    """How a process ended, as the rest of a sentence."""
    if code == -9:  # SIGKILL: an operator, or the kernel short of memory
        return "was killed or ran out of memory"
    how = f"crashed with signal {-code}" if code < 0 else f"ended with code {code}"
    return f"{how} or ran out of memory"
