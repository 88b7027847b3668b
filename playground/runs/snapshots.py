"""The snapshots of a run as rows, each of a file of its own: a set room of each kind, in which they
are thinned out evenly."""

import math

from sqlalchemy import Connection, delete, insert, select

from playground.runs import tables
from playground.training import checkpoint
from playground.training.events import Snapshot

# Of a kind, however large they are: a checkpoint has several copies of the weights.
LEAST = {"weights": 8, checkpoint.KIND: 3}
MOST = 128  # and however small


def file(event: Snapshot) -> str:
    """The name of a snapshot's file."""
    return f"{event.kind}-{event.step:09d}.npz"


def files(connection: Connection, run_id: str, kind: str) -> dict[int, str]:
    """The files of a kind, by their steps."""
    columns = tables.snapshots.c
    query = select(columns.step, columns.file).where(columns.run_id == run_id, columns.kind == kind)
    return {row.step: row.file for row in connection.execute(query)}


def write(connection: Connection, run_id: str, event: Snapshot, room: int) -> list[str]:
    """Adds a snapshot; gives the files that go so that those of its kind take at most about `room`
    bytes."""
    columns = tables.snapshots.c
    known = files(connection, run_id, event.kind)
    if event.step not in known:
        known[event.step] = file(event)
        row = {"run_id": run_id, "kind": event.kind, "step": event.step, "file": file(event)}
        connection.execute(insert(tables.snapshots).values(row))
    size = max(1, sum(array.nbytes for array in event.arrays.values()))
    gone = spare(list(known), max(LEAST.get(event.kind, 1), min(MOST, room // size)))
    if gone:
        connection.execute(
            delete(tables.snapshots).where(
                columns.run_id == run_id, columns.kind == event.kind, columns.step.in_(gone)
            )
        )
    return [known[step] for step in gone]


def spare(steps: list[int], limit: int) -> list[int]:
    """Which of these steps to let go so that `limit` remain: never the first or the last, and
    always the one that leaves the smallest gap. Gaps are of the steps' roots, because a network
    changes most at the beginning."""
    kept, found = sorted(steps), []
    while len(kept) > limit:
        roots = [math.sqrt(step) for step in kept]
        least = min(range(1, len(kept) - 1), key=lambda i: roots[i + 1] - roots[i - 1])
        found.append(kept.pop(least))
    return found
