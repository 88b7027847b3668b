"""How runs go: because somebody asks, or because the store has grown beyond its limit."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from playground.errors import StoreError
from playground.runs import tables
from playground.runs.connection import Database
from playground.runs.files import Files
from playground.runs.records import LIVE, moment

_OF_RUNS = (*(tables.series, tables.evaluations, tables.marks, tables.snapshots, tables.origins),)
LEAST_RUNS = 8  # of those that have ended, however large they are
MOST_REMEMBERED = 10_000  # of those that are gone
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Removed:
    """A run that is gone: `bytes` of files went with it; `room` if it was to make room, otherwise
    somebody asked for it."""

    id: str
    number: int
    owner: str
    removed: datetime
    bytes: int
    room: bool


class Removal:
    """Removes runs with all that there is of them. `alive` tells of a row of `runs` whether the
    process that holds it still lives. Thread-safe; every method raises StoreError."""

    def __init__(self, database: Database, files: Files, alive: Callable[[Row[Any]], bool]) -> None:
        self._database, self._files, self._alive = database, files, alive
        self._sizes: dict[str, int] = {}  # of the files of runs that have ended
        self._one = threading.Lock()

    def delete(self, run_ids: Sequence[str]) -> list[Removed]:
        """Removes these runs, all or none; refuses those that a living process still trains."""
        found = self._delete(run_ids, room=False)
        self._database.shrink()
        return found

    def make_room(self, limit: int) -> list[Removed]:
        """Removes the runs that ended, the oldest first, until the store takes no more than
        `limit` bytes; the newest LEAST_RUNS of them stay in any case."""
        with self._one:
            self._sweep()
            ended = self._ended()
            self._sizes = {run_id: self._size(run_id) for run_id in ended}
            files = sum(self._sizes.values()) + sum(map(self._files.size, self._live()))
            found: list[Removed] = []
            while len(ended) > LEAST_RUNS and files + self._database.size() > limit:
                oldest = ended.pop(0)
                files -= self._sizes[oldest]
                found += self._delete([oldest], room=True)
        if found:
            self._database.shrink()
            _log.warning(
                "To keep the store within %.3g GiB (PLAYGROUND_STORE_GIB), %d of the oldest runs "
                "went: %s.",
                limit / 2**30,
                len(found),
                ", ".join(f"#{one.number}" for one in found),
            )
        return found

    def _sweep(self) -> None:
        """Removes the files of runs that were removed: whoever did may have died on the way. What
        else lies there may be another store's."""
        folders = self._files.runs()
        with self._database.reading() as connection:
            removed = set(connection.execute(select(tables.removed.c.id)).scalars())
        for run_id in folders & removed:
            self._files.remove_all(run_id)

    def find(self, run_id: str) -> Removed | None:
        """The run of this id, if it is gone."""
        return next(iter(self._removed(tables.removed.c.id == run_id)), None)

    def of(self, owners: Collection[str]) -> list[Removed]:
        """The runs of these owners that went to make room, newest first."""
        return self._removed(tables.removed.c.owner.in_(owners), tables.removed.c.room)

    def _removed(self, *conditions: Any) -> list[Removed]:
        columns = tables.removed.c
        query = select(tables.removed).where(*conditions).order_by(columns.number.desc())
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [Removed(**{**row._asdict(), "removed": moment(row.removed)}) for row in rows]

    def _delete(self, run_ids: Sequence[str], room: bool) -> list[Removed]:
        with self._database.writing() as connection:
            found = [
                self._delete_rows(connection, run_id, room) for run_id in dict.fromkeys(run_ids)
            ]
        for one in found:
            self._files.remove_all(one.id)
            self._sizes.pop(one.id, None)
        return found

    def _delete_rows(self, connection: Connection, run_id: str, room: bool) -> Removed:
        row = connection.execute(select(tables.runs).where(tables.runs.c.id == run_id)).first()
        if row is None:
            raise StoreError(
                f"There is no run {run_id[:20]!r} in the store.",
                "`python -m playground runs` lists them.",
            )
        if row.state in LIVE and self._alive(row):
            raise StoreError(
                f"Run #{row.number} ({run_id}) is still {row.state}.", "Stop it first."
            )
        one = Removed(run_id, row.number, row.owner, moment(time.time()), self._size(run_id), room)
        for table in _OF_RUNS:
            connection.execute(delete(table).where(table.c.run_id == run_id))
        connection.execute(delete(tables.runs).where(tables.runs.c.id == run_id))
        values = {**vars(one), "removed": one.removed.timestamp()}
        connection.execute(insert(tables.removed).values(values))
        forgotten = tables.removed.c.number < row.number - MOST_REMEMBERED
        connection.execute(delete(tables.removed).where(forgotten))
        return one

    def _size(self, run_id: str) -> int:
        known = self._sizes.get(run_id)
        return self._files.size(run_id) if known is None else known

    def _ended(self) -> list[str]:
        """Ids of the runs that have ended, in the order in which they did."""
        columns = tables.runs.c
        query = (
            select(columns.id)
            .where(columns.state.not_in(LIVE))
            .order_by(func.coalesce(columns.finished, columns.created), columns.number)
        )
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def _live(self) -> list[str]:
        with self._database.reading() as connection:
            query = select(tables.runs.c.id).where(tables.runs.c.state.in_(LIVE))
            return list(connection.execute(query).scalars())
