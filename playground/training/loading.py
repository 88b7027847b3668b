"""A download or another slow preparation, whose progress is told and which a stop ends."""

import queue
import threading
from collections.abc import Callable, Generator
from typing import Any, TypeVar

from playground import datasets
from playground.training.control import Control
from playground.training.events import Event, Preparing

LOOK_SECONDS = 0.06  # between two looks whether a stop came
Result = TypeVar("Result")


def with_progress(
    work: Callable[[datasets.OnProgress], Result], control: Control
) -> Generator[Event, None, Result | None]:
    """Does `work` in a thread and yields what it reports; returns its result, or None if a stop
    came first (the thread then ends with what it does)."""
    reports: queue.SimpleQueue[Preparing | None] = queue.SimpleQueue()
    outcome: dict[str, Any] = {}

    def target() -> None:
        try:
            outcome["result"] = work(
                lambda message, fraction: reports.put(Preparing(message, fraction))
            )
        except BaseException as error:
            outcome["error"] = error
        reports.put(None)

    threading.Thread(target=target, name="load", daemon=True).start()
    while True:
        if control.stopping:
            return None
        try:
            report = reports.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            continue
        if report is None:
            break
        yield report
    if "error" in outcome:
        raise outcome["error"]
    return outcome["result"]
