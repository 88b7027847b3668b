"""The runs that this process holds, its sign of life, and the runs of those that have none."""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Row, select, update

from playground.errors import StoreError
from playground.runs import liveness, tables
from playground.runs.connection import Database
from playground.runs.records import LIVE

_log = logging.getLogger(__name__)


class Holding:
    """Who holds the live runs of a store. While this process holds any, a thread gives a sign of
    life, and calls `overdue` each time. Thread-safe; methods raise StoreError."""

    def __init__(self, database: Database, overdue: Callable[[], None]) -> None:
        self._reading, self._writing = database.reading, database.writing
        self._overdue = overdue
        self._held: set[str] = set()  # live runs that this process made or took over
        self._holder = liveness.holder()
        self._watch = liveness.Watch()
        self._closed = threading.Event()
        self._heart: threading.Thread | None = None

    def columns(self) -> dict[str, Any]:
        """What a run has in its row that this process holds."""
        return {
            "host": liveness.host(),
            "pid": os.getpid(),
            "holder": self._holder,
            "heartbeat": time.time(),
        }

    def hold(self, run_id: str) -> None:
        """The run's row says that this process holds it."""
        self._held.add(run_id)
        self.start()

    def let_go(self, run_id: str) -> None:
        """The run has ended."""
        self._held.discard(run_id)

    def start(self) -> None:
        """Starts the thread, if nobody did."""
        if self._heart is None and not self._closed.is_set():
            self._heart = threading.Thread(target=self._beat, name="store-heart", daemon=True)
            self._heart.start()

    def close(self) -> None:
        """Ends the thread."""
        self._closed.set()
        if self._heart is not None:
            self._heart.join(timeout=5)

    def alive(self, row: Row[Any]) -> bool:
        """Whether the process that holds the run of a row lives."""
        return self._watch.alive(row.host, row.pid, row.holder, row.heartbeat)

    def orphans(self, states: frozenset[str] | set[str]) -> list[Row[Any]]:
        """The runs in these states whose process is gone, in the order in which they came."""
        columns = tables.runs.c
        with self._reading() as connection:
            rows = connection.execute(
                select(tables.runs)
                .where(columns.state.in_(states), columns.holder != self._holder)
                .order_by(columns.number)
            ).all()
        return [row for row in rows if not self.alive(row)]

    def take_over(self) -> list[str]:
        """Makes this process the holder of the waiting runs whose process is gone; their ids."""
        columns, taken = tables.runs.c, []
        for row in self.orphans({"queued"}):
            with self._writing() as connection:
                done = connection.execute(
                    update(tables.runs)
                    .where(
                        columns.id == row.id,
                        columns.state == "queued",
                        columns.holder == row.holder,  # unless another process was quicker
                    )
                    .values(**self.columns())
                )
            if done.rowcount:
                taken.append(row.id)
                self.hold(row.id)
        return taken

    def release(self, run_ids: Sequence[str]) -> None:
        """Leaves waiting runs of this process to the one that asks for them next. One that trains
        is let wait first (`resuming.requeue`)."""
        with self._writing() as connection:
            connection.execute(
                update(tables.runs)
                .where(
                    tables.runs.c.id.in_(run_ids),
                    tables.runs.c.state == "queued",
                    tables.runs.c.holder == self._holder,
                )
                .values(holder=liveness.NOBODY)
            )
        self._held.difference_update(run_ids)

    def _beat(self) -> None:
        while not self._closed.wait(liveness.BEAT_SECONDS):
            try:
                self._overdue()
                if self._held:
                    self.give_sign()
            except StoreError as error:
                _log.warning("The runs' sign of life could not be written: %s", error)

    def give_sign(self) -> None:
        """Writes that this process lives."""
        columns = tables.runs.c
        with self._writing() as connection:
            connection.execute(
                update(tables.runs)
                .where(columns.holder == self._holder, columns.state.in_(LIVE))
                .values(heartbeat=time.time())
            )
