"""What the server does when it is told to end, before uvicorn does.

SIGTERM, by which a service is stopped, gives notice: for PLAYGROUND_NOTICE_SECONDS the server says
that it is not ready and begins no run, and goes on otherwise, so that who distributes visitors has
time to send them elsewhere. Ctrl-C, and a second SIGTERM, do not wait for that. Then uvicorn waits
for every open answer to end, and only after that tells the app; a stream of events never ends by
itself, so those are closed here, and an answer that nobody reads is given up after
PLAYGROUND_DRAIN_SECONDS.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import uvicorn

SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
]


@contextmanager
def before_shutdown(
    leave: Callable[[], None], close: Callable[[], None], notice: float, patience: float
) -> Iterator[None]:
    """While the block lasts, a signal to stop calls `leave`, then, after `notice` seconds if it is
    SIGTERM, `close` and what the signal called before, which has `patience` seconds for open
    answers."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals; embedded servers end streams themselves
        return
    before: dict[int, Any] = {number: signal.getsignal(number) for number in SIGNALS}
    told = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        first = not told.is_set()
        told.set()
        leave()
        if first and notice and number == signal.SIGTERM:
            again = threading.Timer(notice, os.kill, (os.getpid(), number))
            again.daemon = True
            again.start()
            return
        close()
        _bound(before[number], patience)
        if callable(before[number]):
            before[number](number, frame)

    for number in SIGNALS:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _bound(handler: Any, seconds: float) -> None:
    """Streamlit has no option for how long uvicorn waits for open answers, which is for ever; the
    handler is a method of the server that waits."""
    server = getattr(handler, "__self__", None)
    if isinstance(server, uvicorn.Server):
        server.config.timeout_graceful_shutdown = max(1, round(seconds))
