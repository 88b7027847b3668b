"""A series of numbers, one for each step, as rows of up to `tables.CHUNK` steps."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    false,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from playground.runs import tables
from playground.runs.tables import CHUNK
from playground.training.events import Progress

Piece = tuple[int, np.ndarray]  # the first step, and the values from there on


def write(connection: Connection, run_id: str, event: Progress) -> None:
    """Adds what an event says of each series to its rows."""
    added, columns = _pieces(event), tables.series.c
    kept = {
        (row.name, row.chunk): (row.first, np.frombuffer(row.points, "<f4"))
        for row in connection.execute(
            select(columns.name, columns.chunk, columns.first, columns.points).where(
                columns.run_id == run_id,
                tuple_(columns.name, columns.chunk).in_(list(added)),
            )
        )
    }
    old: list[dict[str, Any]] = []
    new: list[dict[str, Any]] = []
    for (name, chunk), piece in added.items():
        known = kept.get((name, chunk))
        first, values = piece if known is None else _merged(known, piece)
        points = values.astype("<f4").tobytes()
        if known is None:
            row = {"run_id": run_id, "name": name, "chunk": chunk}
            new.append({**row, "first": first, "points": points})
        else:
            row = {"of_name": name, "of_chunk": chunk}
            old.append({**row, "to_first": first, "to_points": points})
    if new:
        connection.execute(insert(tables.series), new)
    if old:
        connection.execute(
            update(tables.series)
            .where(
                columns.run_id == run_id,
                columns.name == bindparam("of_name"),
                columns.chunk == bindparam("of_chunk"),
            )
            .values(first=bindparam("to_first"), points=bindparam("to_points")),
            old,
        )


def read(
    connection: Connection, run_id: str, after: Mapping[str, int]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Of each series, the steps after a step, int32, ascending, and the values, float32."""
    columns = tables.series.c
    wanted = [
        and_(columns.name == name, columns.chunk >= max(step, 0) // CHUNK)
        for name, step in after.items()
    ]
    rows = connection.execute(
        select(columns.name, columns.first, columns.points)
        .where(columns.run_id == run_id, or_(false(), *wanted))
        .order_by(columns.name, columns.chunk)
    ).all()
    steps: dict[str, list[np.ndarray]] = {name: [] for name in after}
    values: dict[str, list[np.ndarray]] = {name: [] for name in after}
    for row in rows:
        part = np.frombuffer(row.points, "<f4")
        values[row.name].append(part)
        steps[row.name].append(np.arange(row.first, row.first + len(part), dtype=np.int32))
    return {name: _later(steps[name], values[name], after[name]) for name in after}


def _pieces(event: Progress) -> dict[tuple[str, int], Piece]:
    """What an event adds, by the name and the number of the row that it belongs to."""
    found: dict[tuple[str, int], Piece] = {}
    for name, values in event.series.items():
        values = np.asarray(values, np.float32)
        first = event.step - len(values) + 1
        for chunk in range((first - 1) // CHUNK, (event.step - 1) // CHUNK + 1):
            low = max(first, chunk * CHUNK + 1)
            high = min(event.step, (chunk + 1) * CHUNK)
            found[name, chunk] = (low, values[low - first : high - first + 1])
    return found


def _merged(known: Piece, piece: Piece) -> Piece:
    """Both stretches of a series as one, the piece over what was known, NaN between them."""
    first = min(known[0], piece[0])
    end = max(known[0] + len(known[1]), piece[0] + len(piece[1]))
    values = np.full(end - first, np.nan, np.float32)
    for start, part in (known, piece):
        values[start - first : start - first + len(part)] = part
    return first, values


def _later(
    steps: list[np.ndarray], values: list[np.ndarray], after: int
) -> tuple[np.ndarray, np.ndarray]:
    """All rows as one: the steps after `after`, int32, and the values, float32."""
    if not steps:
        return np.empty(0, np.int32), np.empty(0, np.float32)
    joined = np.concatenate(steps)
    start = int(np.searchsorted(joined, after, side="right"))
    return joined[start:], np.concatenate(values)[start:].astype(np.float32)
