"""Runs that go on: back into the queue, without what they had recorded after their checkpoint, or
as a branch of another run. Functions on a connection, in the transaction of the caller."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from playground.runs import tables
from playground.runs.tables import CHUNK
from playground.training.events import Resumed

ORIGIN = "origin"  # the kind of the snapshot that a branch begins with


def requeue(
    connection: Connection,
    run_id: str,
    states: Collection[str],
    holder: Mapping[str, Any],
    message: str = "",
    most: int | None = None,
    condition: ColumnElement[bool] | None = None,
) -> bool:
    """Lets a run in one of these states wait again, held by whom the columns `holder` name, and
    says why. With `most` it is taken up by itself, which is counted and refused after so many
    times. Whether it waits now."""
    columns = tables.runs.c
    count = resumed(connection, run_id)
    if most is not None and count >= most:
        return False
    wanted = [columns.id == run_id, columns.state.in_(states)]
    done = connection.execute(
        update(tables.runs)
        .where(*wanted, *([] if condition is None else [condition]))
        .values(
            state="queued",
            message=message,
            hint="",
            kind="",
            where=None,
            finished=None,
            preparing="",
            preparing_fraction=None,
            **holder,
        )
    )
    if done.rowcount and most is not None:
        _count(connection, run_id, count + 1)
    return bool(done.rowcount)


def resumed(connection: Connection, run_id: str) -> int:
    """How often a run was taken up by itself."""
    columns = tables.origins.c
    query = select(columns.resumed).where(columns.run_id == run_id)
    return connection.execute(query).scalar_one_or_none() or 0


def _count(connection: Connection, run_id: str, count: int) -> None:
    row = tables.origins.c.run_id == run_id
    done = connection.execute(update(tables.origins).where(row).values(resumed=count))
    if not done.rowcount:
        values = {"run_id": run_id, "resumed": count, "fresh": False}
        connection.execute(insert(tables.origins).values(values))


def branch(connection: Connection, run_id: str, parent: str, step: int, fresh: bool) -> None:
    """Says that a new run leaves another after a step."""
    values = {"run_id": run_id, "resumed": 0, "parent": parent, "parent_step": step}
    connection.execute(insert(tables.origins).values(**values, fresh=fresh))


def children(connection: Connection, run_id: str) -> list[str]:
    """The runs that leave this one."""
    columns = tables.origins.c
    query = select(columns.run_id).where(columns.parent == run_id).order_by(columns.run_id)
    return list(connection.execute(query).scalars())


def forget_later(connection: Connection, run_id: str, event: Resumed) -> list[str]:
    """Removes what a run had recorded after the checkpoint that it goes on from, because all of it
    comes again; gives the files that go."""
    for table, count in ((tables.marks, event.marks), (tables.evaluations, event.evaluations)):
        numbers = select(table.c.number).where(table.c.run_id == run_id).order_by(table.c.number)
        later = list(connection.execute(numbers).scalars())[count:]
        connection.execute(delete(table).where(table.c.number.in_(later)))
    _cut_series(connection, run_id, event.step)
    columns = tables.snapshots.c
    late = (columns.run_id == run_id, columns.step > event.step, columns.kind != ORIGIN)
    files = list(connection.execute(select(columns.file).where(*late)).scalars())
    connection.execute(delete(tables.snapshots).where(*late))
    connection.execute(
        update(tables.runs).where(tables.runs.c.id == run_id).values(step=event.step)
    )
    return files


def _cut_series(connection: Connection, run_id: str, step: int) -> None:
    columns, chunk = tables.series.c, step // CHUNK
    connection.execute(delete(tables.series).where(columns.run_id == run_id, columns.chunk > chunk))
    rows = connection.execute(
        select(tables.series).where(columns.run_id == run_id, columns.chunk == chunk)
    ).all()
    for row in rows:
        mine = (columns.run_id == run_id, columns.name == row.name, columns.chunk == chunk)
        left = np.frombuffer(row.points, "<f4")[: max(0, step - row.first + 1)]
        if len(left):
            statement = update(tables.series).where(*mine).values(points=left.tobytes())
            connection.execute(statement)
        else:
            connection.execute(delete(tables.series).where(*mine))
