"""Ends open streams before the server waits for them.

Asked to stop, uvicorn waits for every open answer to end and only then tells the app; a stream of
events never ends by itself. So what closes them is called when the signal comes.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
]


@contextmanager
def before_shutdown(close: Callable[[], None]) -> Iterator[None]:
    """While the block lasts, a signal to stop calls `close` and then what it called before."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals; embedded servers end streams themselves
        return
    before: dict[int, Any] = {number: signal.getsignal(number) for number in SIGNALS}

    def handle(number: int, frame: FrameType | None) -> None:
        close()
        if callable(before[number]):
            before[number](number, frame)

    for number in SIGNALS:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
