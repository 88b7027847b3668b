"""A Ray actor: keeps one worker process on a node, and hands its frames on as they are.

The worker is what it is on the server's own machine, `python -m playground.worker`, so that its
memory is bounded, and that it is killed and crashes, as there. A `Host` reads no frame; that Ray
calls it is said in `ray_relay`, so that it is tested without Ray.
"""

import os
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from playground.errors import WorkerError
from playground.runs import wire
from playground.runs.environment import passed_on
from playground.runs.worker_process import WorkerProcess

AHEAD = 32 * 2**20  # bytes of frames that are kept for the server; then the worker waits
# What is a node's own affair where its environment says so: where its data sets are kept.
_OF_THE_NODE = ("PLAYGROUND_DATA", "PLAYGROUND_DOWNLOAD", "PLAYGROUND_UPLOADS")


class Host:
    """A worker process. Each method may be called from a thread of its own."""

    def __init__(self, arguments: Sequence[str], told: Mapping[str, str]) -> None:
        """Starts this machine's Python with arguments, and `told` in its environment. Raises
        OSError when that cannot be done."""
        own = {name: os.environ[name] for name in _OF_THE_NODE if name in os.environ}
        self._process = WorkerProcess([sys.executable, *arguments], passed_on() | dict(told) | own)
        self._changed = threading.Condition()
        self._frames: deque[bytes] = deque()
        self._size = 0  # bytes of all frames
        self._end: dict[str, Any] | None = None
        threading.Thread(target=self._read_frames, daemon=True).start()

    def pid(self) -> int:
        """The process' number on its node."""
        return self._process.pid

    def send(self, frame: bytes) -> None:
        """Hands the worker a frame; what one that is gone is sent, is dropped."""
        try:
            self._process.requests.write(frame)
            self._process.requests.flush()
        except (OSError, ValueError):
            return  # `receive` tells of its end

    def receive(self, seconds: float) -> tuple[bytes, dict[str, Any] | None]:
        """The frames that came since the last call, as soon as there is one and at latest after
        some seconds; and, after all of them, the exit "code" and "last_words" of a worker that
        has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._end, seconds)
            frames = b"".join(self._frames)
            self._frames.clear()
            self._size = 0
            self._changed.notify_all()
            return frames, self._end

    def close(self, seconds: float) -> None:
        """Lets the worker end itself, and ends it after some seconds: at once after none."""
        self._process.close(seconds)

    def _read_frames(self) -> None:
        try:
            while (frame := wire.receive_packed(self._process.answers)) is not None:
                with self._changed:
                    self._changed.wait_for(lambda: self._size < AHEAD)
                    self._frames.append(frame)
                    self._size += len(frame)
                    self._changed.notify_all()
        except (WorkerError, OSError) as error:
            self._process.said.append(f"What it said is no longer understood: {error}")
        code = self._process.ended()
        with self._changed:
            self._end = {"code": code, "last_words": self._process.last_words}
            self._changed.notify_all()
