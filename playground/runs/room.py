"""How much room runs take, and in which order they make room."""

import functools
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select

from playground.runs import tables
from playground.runs.connection import Database
from playground.runs.files import AnyFiles
from playground.runs.records import LIVE

AT_ONCE = 500  # runs whose sizes are written in one transaction


@dataclass(frozen=True)
class Kept:
    """A run with the bytes of its files and its rows; `ended` in seconds since 1970, None of one
    that is live."""

    id: str
    owner: str
    ended: float | None
    number: int
    starred: bool
    deleted: bool
    files: int
    rows: int


def measure(database: Database, files: AnyFiles) -> None:
    """Writes how much each run takes that is live, or has not been measured since it ended."""
    runs, sizes = tables.runs.c, tables.sizes.c
    query = (
        select(runs.id)
        .select_from(tables.runs.outerjoin(tables.sizes, sizes.run_id == runs.id))
        .where(or_(sizes.measured.is_(None), runs.state.in_(LIVE), sizes.measured < runs.finished))
        .order_by(runs.number)  # as whoever else does it, so that both need not wait for each other
    )
    now = time.time()
    taken = database.read(
        lambda connection: {
            one: _rows(connection, one) for one in connection.execute(query).scalars().all()
        }
    )
    found = [{"run_id": one, "files": files.size(one), "rows": rows} for one, rows in taken.items()]
    for start in range(0, len(found), AT_ONCE):
        some = [{**row, "measured": now} for row in found[start : start + AT_ONCE]]
        database.write(functools.partial(_keep, some))


def _keep(some: Sequence[dict[str, Any]], connection: Connection) -> None:
    """Writes what some runs take, of those that are still there."""
    ids = {row["run_id"] for row in some}
    runs = tables.runs.c
    known = set(connection.execute(select(runs.id).where(runs.id.in_(ids))).scalars())
    connection.execute(delete(tables.sizes).where(tables.sizes.c.run_id.in_(ids)))
    still = [row for row in some if row["run_id"] in known]
    if still:
        connection.execute(insert(tables.sizes), still)


def _rows(connection: Connection, run_id: str) -> int:
    """Bytes of the series and the evaluations of a run."""
    series, evaluations = tables.series.c, tables.evaluations.c
    points = select(func.sum(func.length(series.points))).where(series.run_id == run_id)
    arrays = select(
        func.sum(func.length(evaluations.arrays) + func.length(evaluations.metrics))
    ).where(evaluations.run_id == run_id)
    return sum(int(connection.execute(query).scalar() or 0) for query in (points, arrays))


def of_all(database: Database) -> list[Kept]:
    """All runs, with what they took when that was measured."""
    runs, sizes, labels = tables.runs.c, tables.sizes.c, tables.labels.c
    query = select(
        runs.id, runs.owner, runs.state, runs.created, runs.finished, runs.number,
        labels.starred, labels.deleted, sizes.files, sizes.rows,
    ).select_from(
        tables.runs.outerjoin(tables.labels, labels.run_id == runs.id)
        .outerjoin(tables.sizes, sizes.run_id == runs.id)
    )  # fmt: skip
    rows = database.read(lambda connection: connection.execute(query).all())
    return [
        Kept(
            row.id,
            row.owner,
            None if row.state in LIVE else row.finished or row.created,
            row.number,
            bool(row.starred),
            row.deleted is not None,
            row.files or 0,
            row.rows or 0,
        )
        for row in rows
    ]


def by_owner(database: Database) -> dict[str, list[Kept]]:
    """The same by whose they are."""
    found: dict[str, list[Kept]] = defaultdict(list)
    for one in of_all(database):
        found[one.owner].append(one)
    return found


def in_turn(kept: Iterable[Kept], least: int) -> list[Kept]:
    """The runs that can make room, in the order in which they do: what was deleted, then the oldest
    first, those with a star last. The newest `least` that have ended are not among them."""
    ended = sorted(
        (one for one in kept if one.ended is not None), key=lambda one: (one.ended or 0, one.number)
    )
    wanted = [one.id for one in ended if not one.deleted]
    spared = set(wanted[max(0, len(wanted) - least) :])
    old = [one for one in ended if one.id not in spared]
    return sorted(old, key=lambda one: (not one.deleted, one.starred))


def files(kept: Sequence[Kept]) -> int:
    """Bytes of all their files."""
    return sum(one.files for one in kept)


def rows(kept: Sequence[Kept]) -> int:
    """Bytes of all their rows."""
    return sum(one.rows for one in kept)
