"""The evaluations of a split of the images as rows: their numbers of every step, and arrays,
thinned out to a set room, for those who look back."""

import json
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from playground.runs import tables
from playground.runs.files import from_npz, to_npz
from playground.runs.records import dumps
from playground.runs.snapshots import spare
from playground.training.events import Evaluated

ROOM = 4 * 2**20  # bytes of the arrays of a split of one run
LEAST, MOST = 8, 128  # evaluations that keep theirs, however large or small they are
_log = logging.getLogger(__name__)
Numbers = tuple[int, str, int, dict[str, float]]  # number, split, step, metrics


def write(connection: Connection, run_id: str, event: Evaluated) -> None:
    """Keeps an evaluation, and its numbers as the run's latest."""
    arrays = to_npz(event.arrays, compressed=True)
    for number in _spare(connection, run_id, event, max(1, len(arrays))):
        row = connection.execute(
            select(tables.evaluations).where(tables.evaluations.c.number == number)
        ).one()
        # Not updated: SQLite joins half-empty pages only where rows are deleted.
        connection.execute(delete(tables.evaluations).where(tables.evaluations.c.number == number))
        connection.execute(insert(tables.evaluations).values({**row._asdict(), "arrays": b""}))
    connection.execute(
        insert(tables.evaluations).values(
            run_id=run_id,
            split=event.split,
            step=event.step,
            epoch=event.epoch,
            images=event.images,
            full=event.full,
            metrics=dumps(event.metrics),
            arrays=arrays,
        )
    )
    add_metrics(
        connection,
        run_id,
        {f"{event.split}_{name}": value for name, value in event.metrics.items()},
    )


def _spare(connection: Connection, run_id: str, event: Evaluated, size: int) -> list[int]:
    """The numbers of the evaluations of a split whose arrays go, so that those that have any take
    at most about ROOM bytes: evenly over the run, the first and the latest stay."""
    columns = tables.evaluations.c
    rows = connection.execute(
        select(columns.step, columns.number)
        .where(columns.run_id == run_id, columns.split == event.split, columns.arrays != b"")
        .order_by(columns.step, columns.number)
    ).all()
    numbers = {row.step: row.number for row in rows}
    again = [row.number for row in rows if row.number not in numbers.values()]
    gone = spare([*numbers, event.step], max(LEAST, min(MOST, ROOM // size)))
    return again + [numbers[step] for step in gone if step in numbers]


def add_metrics(connection: Connection, run_id: str, metrics: Mapping[str, float]) -> None:
    """Writes numbers over what the run had under their names."""
    text = connection.execute(
        select(tables.runs.c.metrics).where(tables.runs.c.id == run_id)
    ).scalar_one_or_none()
    connection.execute(
        update(tables.runs)
        .where(tables.runs.c.id == run_id)
        .values(metrics=dumps({**json.loads(text or "{}"), **metrics}))
    )


def read(
    connection: Connection, run_id: str, split: str, metric: str, after: int
) -> tuple[np.ndarray, np.ndarray]:
    """The steps after `after` at which a metric was taken, int32, ascending, and it, float32."""
    columns = tables.evaluations.c
    rows = connection.execute(
        select(columns.step, columns.metrics)
        .where(columns.run_id == run_id, columns.split == split, columns.step > after)
        .order_by(columns.step, columns.number)
    ).all()
    found = {}  # of two at one step, the later counts
    for row in rows:
        value = json.loads(row.metrics).get(metric)
        if value is not None:
            found[row.step] = value
    return np.array(list(found), np.int32), np.array(list(found.values()), np.float32)


def numbers(connection: Connection, run_id: str, after: int) -> list[Numbers]:
    """The numbers of all evaluations whose number is above `after`, by their steps."""
    columns = tables.evaluations.c
    rows = connection.execute(
        select(columns.number, columns.split, columns.step, columns.metrics)
        .where(columns.run_id == run_id, columns.number > after)
        .order_by(columns.step, columns.number)
    )
    return [(row.number, row.split, row.step, json.loads(row.metrics)) for row in rows]


def latest(
    connection: Connection, run_id: str, split: str, full: bool | None, step: int | None = None
) -> Evaluated | None:
    """The latest evaluation of a split, of all its images or a sample where asked; or None. With a
    `step` the one nearest to it whose arrays were kept."""
    columns = tables.evaluations.c
    query = (
        select(tables.evaluations)
        .where(columns.run_id == run_id, columns.split == split)
        .order_by(columns.step.desc(), columns.number.desc())
        .limit(1)
    )
    if full is not None:
        query = query.where(columns.full == full)
    if step is not None:
        near = func.abs(columns.step - step)
        query = query.where(columns.arrays != b"").order_by(None).order_by(near, columns.number)
    row = connection.execute(query).first()
    return None if row is None else _evaluated(row)


def every(connection: Connection, run_id: str) -> list[Evaluated]:
    """All evaluations of a run, in the order in which they came."""
    columns = tables.evaluations.c
    query = select(tables.evaluations).where(columns.run_id == run_id).order_by(columns.number)
    return list(map(_evaluated, connection.execute(query)))


def _evaluated(row: Row[Any]) -> Evaluated:
    return Evaluated(
        step=row.step,
        epoch=row.epoch,
        split=row.split,
        images=row.images,
        full=row.full,
        metrics=json.loads(row.metrics),
        arrays=_arrays(row.run_id, row.arrays),
    )


def _arrays(run_id: str, content: bytes) -> dict[str, np.ndarray]:
    try:
        return from_npz(content) if content else {}
    except ValueError:
        _log.warning("The arrays of the latest evaluation of run %s are damaged.", run_id)
        return {}
