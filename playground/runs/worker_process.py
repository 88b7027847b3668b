"""A worker process of this machine, however what it says is carried on: its pipes, the last that it
wrote to stderr, and its end."""

import contextlib
import logging
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import BinaryIO, cast

from playground.runs.environment import ROOT

_log = logging.getLogger(__name__)


class WorkerProcess:
    """A process that is spoken to through its stdin (`requests`) and stdout (`answers`)."""

    def __init__(self, command: Sequence[str], given: Mapping[str, str]) -> None:
        """Starts it; `given` is its environment. Raises OSError when that cannot be done."""
        self._process = subprocess.Popen(  # noqa: S603 - our own command, no shell
            command,
            cwd=ROOT,
            env=dict(given),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        pipes = self._process.stdin, self._process.stdout, self._process.stderr
        self.requests, self.answers, self._errors = (cast(BinaryIO, pipe) for pipe in pipes)
        self.said: deque[str] = deque(maxlen=20)  # the last lines of its stderr
        name = f"worker-{self.pid}"
        self._overhear = threading.Thread(target=self._read_errors, name=name, daemon=True)
        self._overhear.start()

    @property
    def pid(self) -> int:
        """The process' number."""
        return self._process.pid

    @property
    def last_words(self) -> str:
        """The last line it wrote to stderr."""
        return self.said[-1] if self.said else ""

    def kill(self) -> None:
        """Ends it at once."""
        self._process.kill()

    def close(self, seconds: float) -> None:
        """Lets it end itself, and ends it after some seconds, at once after none; returns when it
        is gone."""
        if seconds:
            self._close_requests()
        else:  # what it has not taken would be waited for
            self._process.kill()
        self._gone_within(seconds)

    def ended(self) -> int:
        """The exit code of one that says nothing any more; returns when it is gone and all that it
        wrote to stderr is read."""
        self.answers.close()
        code = self._gone_within(1)
        self._close_requests()
        self._overhear.join(timeout=1)
        return code

    def _gone_within(self, seconds: float) -> int:
        try:
            return self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _close_requests(self) -> None:
        with contextlib.suppress(OSError):  # of what it did not take, being gone already
            self.requests.close()

    def _read_errors(self) -> None:
        with self._errors as stream:
            for line in stream:
                text = line.decode(errors="replace").rstrip()
                if text:
                    self.said.append(text)
                    _log.debug("Worker %d: %s", self.pid, text)
