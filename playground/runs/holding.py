"""The runs that this process holds, its sign of life, and the runs of those that have none."""

import logging
import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Update, func, select, update

from playground.errors import LostRun, StoreError
from playground.runs import liveness, tables
from playground.runs.connection import Database
from playground.runs.records import LIVE

SIGN_SECONDS = 1.0
_log = logging.getLogger(__name__)


def lost(run_id: str) -> LostRun:
    """What to say where a run is not this process'."""
    return LostRun(
        f"Run {run_id} is not this server's any more: another goes on with it, or it was removed.",
        "Reload the page to see how it is.",
    )


class Holding:
    """Who holds the live runs of a store. While this process holds any, a thread gives a sign of
    life, and calls `overdue` each time. A process of another machine that gave none for
    `lease_seconds` is dead. Thread-safe; methods raise StoreError."""

    def __init__(
        self, database: Database, overdue: Callable[[], None], lease_seconds: float
    ) -> None:
        self._database, self._read, self._write = database, database.read, database.write
        self._overdue = overdue
        self._held: set[str] = set()  # live runs that this process made or took over
        self._taken: list[str] = []  # over, and nobody was told yet
        self._holder = liveness.holder()
        self._watch = liveness.Watch(self._sign, lease_seconds)
        self._signs: dict[str, tuple[float, liveness.Sign]] = {}  # and when they were read here
        self._beat_seconds = min(liveness.BEAT_SECONDS, lease_seconds / 4)
        self._closed = threading.Event()
        self._heart: threading.Thread | None = None

    def columns(self) -> dict[str, Any]:
        """What a run has in its row that this process holds."""
        return {
            "host": liveness.host(),
            "pid": os.getpid(),
            "holder": self._holder,
            "heartbeat": self._database.clock,
        }

    def claim(self, connection: Connection, run_id: str) -> None:
        """Lets nobody else write of a run until the end of the transaction. Raises LostRun where
        this process does not hold it."""
        columns = tables.runs.c
        query = select(columns.holder).where(columns.id == run_id).with_for_update(key_share=True)
        if connection.execute(query).scalar_one_or_none() != self._holder:
            raise lost(run_id)

    def hold(self, run_id: str) -> None:
        """The run's row says that this process holds it."""
        self._held.add(run_id)
        self.start()

    def holds(self, run_id: str) -> bool:
        """Whether this process holds a live run."""
        return run_id in self._held

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
        return self._watch.alive(row.host, row.pid, row.holder)

    def _sign(self, holder: str) -> liveness.Sign:
        """The last sign of life of a process in any of its runs and races; read once a second."""
        read, found = self._signs.get(holder, (-math.inf, liveness.Sign(0.0, 0.0)))
        if time.monotonic() - read < SIGN_SECONDS:
            return found
        runs, races = tables.runs.c, tables.races.c
        of_runs = select(func.max(runs.heartbeat)).where(
            runs.holder == holder, runs.state.in_(LIVE)
        )
        of_races = select(func.max(races.heartbeat)).where(races.holder == holder)
        query = select(of_runs.scalar_subquery(), of_races.scalar_subquery(), self._database.clock)
        *beats, now = self._read(lambda connection: connection.execute(query).one())
        found = liveness.Sign(max((beat for beat in beats if beat), default=0.0), now)
        self._signs[holder] = time.monotonic(), found
        return found

    def orphans(self, states: frozenset[str] | set[str]) -> list[Row[Any]]:
        """The runs in these states whose process is gone, in the order in which they came."""
        columns = tables.runs.c
        query = (
            select(tables.runs)
            .where(columns.state.in_(states), columns.holder != self._holder)
            .order_by(columns.number)
        )
        rows = self._read(lambda connection: connection.execute(query).all())
        return [row for row in rows if not self.alive(row)]

    def take_over(self) -> list[str]:
        """Makes this process the holder of the waiting runs whose process is gone. Gives their ids,
        and again those of before until somebody was `told_of` them: a store that is gone half-way
        must leave none that is held and not known."""
        columns = tables.runs.c
        for row in self.orphans({"queued"}):
            statement = (
                update(tables.runs)
                .where(
                    columns.id == row.id,
                    columns.state == "queued",
                    columns.holder == row.holder,  # unless another process was quicker
                )
                .values(**self.columns())
            )
            if self._changed(statement):
                self._taken.append(row.id)
                self.hold(row.id)
        return list(self._taken)

    def told_of(self, run_ids: Sequence[str]) -> None:
        """Whoever is to see to these runs that were taken over knows of them."""
        self._taken = [run_id for run_id in self._taken if run_id not in run_ids]

    def release(self, run_ids: Sequence[str]) -> None:
        """Leaves waiting runs of this process to the one that asks for them next. One that trains
        is let wait first (`resuming.requeue`)."""
        columns = tables.runs.c
        self._changed(
            update(tables.runs)
            .where(
                columns.id.in_(run_ids),
                columns.state == "queued",
                columns.holder == self._holder,
            )
            .values(holder=liveness.NOBODY)
        )
        self._held.difference_update(run_ids)

    def end(self, row: Row[Any], **values: Any) -> bool:
        """Ends the run of a row whose process is gone; False where another process was quicker."""
        columns = tables.runs.c
        return self._changed(
            update(tables.runs)
            .where(columns.id == row.id, columns.holder == row.holder, columns.state.in_(LIVE))
            .values(finished=time.time(), **values)
        )

    def _changed(self, statement: Update) -> bool:
        """Whether a statement has changed any row; in a transaction of its own."""
        return self._write(lambda connection: connection.execute(statement).rowcount > 0)

    def _beat(self) -> None:
        while not self._closed.wait(self._beat_seconds):
            try:
                self._overdue()
                if self._held:
                    self.give_sign()
            except StoreError as error:
                _log.warning("The runs' sign of life could not be written: %s", error)

    def give_sign(self) -> None:
        """Writes that this process lives."""
        columns = tables.runs.c
        self._changed(
            update(tables.runs)
            .where(columns.holder == self._holder, columns.state.in_(LIVE))
            .values(heartbeat=self._database.clock)
        )
