"""What a server sees to from time to time: runs whose program is gone, what the store takes, and
visitors' own data that were not used for long."""

import logging
import math
import time
from collections.abc import Callable

from playground.datasets import own
from playground.errors import StoreError
from playground.runs.store import Store
from playground.settings import Settings

SEARCHES = 3  # for runs whose process is gone, in the time after which one is taken for dead
TIDY_SECONDS = 60.0  # between two looks at how much the store takes
REST = 50.0  # as many times as long as tidying up took nobody tidies up: with very many runs
DAY = 24 * 3600.0
_log = logging.getLogger(__name__)


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
