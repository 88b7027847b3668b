"""How runs go: because somebody asks, or because the store has grown beyond its limit."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from playground.errors import StoreError
from playground.runs import retention, room, tables
from playground.runs.connection import Database
from playground.runs.files import AnyFiles
from playground.runs.records import LIVE, moment

_OF_RUNS = (
    *(tables.series, tables.evaluations, tables.marks, tables.snapshots, tables.origins),
    *(tables.labels, tables.sizes, tables.followed, tables.unattended),
    *(tables.commands, tables.imported),
)
LEAST_RUNS = 8  # of those that have ended, however large they are; of a visitor's, too
MOST_REMEMBERED = 10_000  # of those that are gone
UNDO_SECONDS = 3600.0  # for so long what a visitor deleted can be brought back
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

    def __init__(
        self, database: Database, files: AnyFiles, alive: Callable[[Row[Any]], bool]
    ) -> None:
        self._database, self._files, self._alive = database, files, alive
        self._one = threading.Lock()
        self.taken = 0  # bytes of the store at the last look

    def delete(self, run_ids: Sequence[str]) -> list[Removed]:
        """Removes these runs, all or none; refuses those that a living process still trains."""
        found = self._delete(run_ids, for_room=False, all_of=True)
        self._database.shrink()
        return found

    def make_room(self, limit: int, of_visitor: int) -> list[Removed]:
        """Removes for good what was deleted an hour ago, and then runs that ended until each
        visitor's take no more than `of_visitor` bytes and the store no more than `limit`: what was
        deleted first, the oldest first, those with a star last. The newest LEAST_RUNS, of each
        visitor and of all, stay in any case. Gives those that went to make room."""
        with self._one:
            self._sweep()
            purged = self._purge()
            room.measure(self._database, self._files)
            found: list[Removed] = []
            for mine in room.by_owner(self._database).values():
                found += self._shrink(mine, of_visitor, 0)
            kept = room.of_all(self._database)
            found += self._shrink(kept, limit, self._database.size() - room.rows(kept))
            left = room.of_all(self._database) if found else kept
            self.taken = room.files(left) + (self._database.size() or room.rows(left))
        if found or purged:
            self._database.shrink()
        if found:
            _log.warning(
                "To keep the store within %.3g GiB (PLAYGROUND_STORE_GIB), and each visitor's runs "
                "within %.3g (PLAYGROUND_VISITOR_GIB), %d of the oldest runs went: %s.",
                limit / 2**30,
                of_visitor / 2**30,
                len(found),
                ", ".join(f"#{one.number}" for one in found),
            )
        return found

    def expire(self, before: float) -> list[Removed]:
        """Removes runs of anonymous visitors that ended before a time, but those with a star."""
        gone = retention.outlived(self._database, before)
        found = self._delete(gone, for_room=True) if gone else []
        if found:
            self._database.shrink()
            _log.info("%d runs of anonymous visitors have outlived their time.", len(found))
        return found

    def _shrink(self, kept: Sequence[room.Kept], limit: int, beside: int) -> list[Removed]:
        """Removes some of these runs, with `beside` bytes of something else, to come to a limit."""
        taken = room.files(kept) + room.rows(kept) + max(0, beside)
        found: list[Removed] = []
        for one in room.in_turn(kept, LEAST_RUNS):
            if taken <= limit:
                break
            found += self._delete([one.id], for_room=True)
            taken -= one.files + one.rows
        return found

    def _purge(self) -> list[Removed]:
        """Removes for good what was deleted long enough ago; what a process still trains waits."""
        before = time.time() - UNDO_SECONDS
        query = (
            select(tables.runs)
            .join(tables.labels, tables.labels.c.run_id == tables.runs.c.id)
            .where(tables.labels.c.deleted < before)
        )
        rows = self._database.read(lambda connection: connection.execute(query).all())
        gone = [row.id for row in rows if row.state not in LIVE or not self._alive(row)]
        return self._delete(gone, for_room=False) if gone else []

    def _sweep(self) -> None:
        """Removes the files of runs that were removed: whoever did may have died on the way. What
        else lies there may be another store's."""
        folders = self._files.runs()
        query = select(tables.removed.c.id)
        removed = set(
            self._database.read(lambda connection: connection.execute(query).scalars().all())
        )
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
        rows = self._database.read(lambda connection: connection.execute(query).all())
        return [Removed(**{**row._asdict(), "removed": moment(row.removed)}) for row in rows]

    def _delete(
        self, run_ids: Sequence[str], for_room: bool, all_of: bool = False
    ) -> list[Removed]:
        """Removes these runs; `all_of` them or none, where another server may have been quicker
        with any otherwise."""
        columns, wanted = tables.runs.c, list(dict.fromkeys(run_ids))
        known = select(columns.id).where(columns.id.in_(wanted))
        ids = self._database.read(lambda connection: connection.execute(known).scalars().all())
        # Before anything is locked: a bucket takes its time to list what it holds.
        sizes = {run_id: self._files.size(run_id) for run_id in ids}

        def write(connection: Connection) -> list[Removed]:
            # In one order, so that two who remove the same do not wait for each other.
            locked = select(columns.id).where(columns.id.in_(wanted)).order_by(columns.number)
            there = set(connection.execute(locked.with_for_update()).scalars())
            left = [run_id for run_id in wanted if all_of or run_id in there]
            return [
                self._delete_rows(connection, run_id, sizes.get(run_id, 0), for_room)
                for run_id in left
            ]

        found = self._database.write(write)
        for one in found:
            self._files.remove_all(one.id)
        return found

    def _delete_rows(
        self, connection: Connection, run_id: str, size: int, for_room: bool
    ) -> Removed:
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
        one = Removed(run_id, row.number, row.owner, moment(time.time()), size, for_room)
        for table in _OF_RUNS:
            connection.execute(delete(table).where(table.c.run_id == run_id))
        connection.execute(delete(tables.runs).where(tables.runs.c.id == run_id))
        values = {**vars(one), "removed": one.removed.timestamp()}
        connection.execute(insert(tables.removed).values(values))
        forgotten = tables.removed.c.number < row.number - MOST_REMEMBERED
        connection.execute(delete(tables.removed).where(forgotten))
        return one
