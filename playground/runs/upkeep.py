"""What a server sees to from time to time: runs whose program is gone, what the store takes, and
visitors' own data that were not used for long."""

import logging
import math
import threading
import time
from collections.abc import Callable

from playground.datasets import own
from playground.errors import StoreError
from playground.runs.store import Store
from playground.settings import Settings

TICK_SECONDS = 0.2
FAULT_SECONDS = 1.0  # after what nobody foresaw the clock rests, so that the log can be read
SEARCHES = 3  # for runs whose process is gone, in the time after which one is taken for dead
TIDY_SECONDS = 60.0  # between two looks at how much the store takes
REST = 50.0  # as many times as long as tidying up took nobody tidies up: with very many runs
DAY = 24 * 3600.0
_log = logging.getLogger(__name__)


class Clock:
    """A thread that calls its `parts` at every tick, with the time of the monotonic clock, until
    `closed` is set. An exception that nobody foresaw is logged; the other parts and the next tick
    come all the same."""

    def __init__(self, closed: threading.Event, *parts: Callable[[float], None]) -> None:
        self._closed, self._parts = closed, parts
        self._thread = threading.Thread(target=self._go, name="supervisor", daemon=True)

    def start(self) -> None:
        """Begins to tick."""
        self._thread.start()

    def join(self) -> None:
        """Waits for its last round, if it was started, some seconds at most."""
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout=5)

    def _go(self) -> None:
        while not self._closed.wait(TICK_SECONDS):
            now = time.monotonic()
            for part in self._parts:
                try:
                    part(now)
                except Exception:
                    _log.exception("A round of the supervisor's clock failed; it goes on.")
                    self._closed.wait(FAULT_SECONDS)


class Upkeep:
    """Asked at every tick of the supervisor's clock; `search` takes up the runs whose program is
    gone and may raise StoreError."""

    def __init__(self, settings: Settings, store: Store, search: Callable[[], None]) -> None:
        self._settings, self._store, self._search = settings, store, search
        self._search_seconds = settings.lease_seconds / SEARCHES
        self._searched, self._tidied = time.monotonic(), -math.inf
        self._took = 0.0  # seconds that tidying up took last

    def tick(self, now: float) -> None:
        """Does what is due at `now`, a time of the monotonic clock."""
        try:
            if now - self._searched > self._search_seconds:
                self._searched = now
                self._search()
            if now - self._tidied > max(TIDY_SECONDS, REST * self._took):
                self._tidied, began = now, time.monotonic()
                own.expire()
                self._store.make_room()
                if self._settings.run_days:
                    self._store.expire(time.time() - self._settings.run_days * DAY)
                self._took = time.monotonic() - began
        except StoreError as error:
            _log.warning("The store could not be tidied up: %s", error)
