"""Replays a run of the recorded store into another store, to its end or to a step of it, so that
what a page shows of it is the same each time and no worker trains."""

import dataclasses
import json
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from playground.runs.store import Store
from playground.training.events import Evaluated, Event, Finished, Progress
from tests.playground.recorded import STORE

RUN = "C6Pr98wSLU6Q"  # digits into two numbers, with a centre loss; changed midway
SECONDS_A_STEP = 0.05
IMAGES_A_SECOND = 640.0


def replay(
    into: Store,
    folder: Path,
    until: int | None = None,
    store: Path = STORE,
    run: str = RUN,
    owner: str = "someone",
) -> str:
    """The id of a run that holds what the recorded one said until a step and is still live, or all
    of it, and has ended. `folder` is for the files of the recorded `store`."""
    with zipfile.ZipFile(store) as archive:
        archive.extractall(folder)
    url = f"sqlite:///{(folder / 'playground.sqlite').as_posix()}"
    with closing(Store(url, folder / "runs")) as recorded:
        record = recorded.run(run)
        assert record is not None
        run_id = into.create(record.spec, owner, "preparing")
        for event in _events(recorded, run, folder / "playground.sqlite", until or record.step):
            into.record(run_id, event)
        if until is None:
            seconds = record.step * SECONDS_A_STEP
            into.record(run_id, Finished(record.step, "completed", seconds, record.metrics))
    return run_id


def _events(recorded: Store, run: str, file: Path, until: int) -> Iterator[Event]:
    """What the run said until a step, in order."""
    started = recorded.started(run)
    assert started is not None
    yield dataclasses.replace(started)
    said: list[Event] = [each for each in recorded.marks(run) if each.kind != "state"]
    for step in recorded.snapshots(run, "weights"):
        snapshot = recorded.snapshot(run, "weights", step)
        said += [] if snapshot is None else [snapshot]
    said += _evaluations(recorded, run, file)
    last = 0
    for step in range(1, until + 1):
        names = recorded.series_names(run)
        values = {name: recorded.series(run, name, last)[1][: step - last] for name in names}
        seconds = step * SECONDS_A_STEP
        epoch = step / started.steps_per_epoch
        yield Progress(step, epoch, seconds, IMAGES_A_SECOND, values)
        yield from (
            each for each in said if last < each.step <= step or (each.step, step) == (0, 1)
        )
        last = step


def _evaluations(recorded: Store, run: str, file: Path) -> list[Evaluated]:
    """The looks at the splits; the arrays, of which the newest alone are kept, are its."""
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute(
            "SELECT split, step, epoch, images, full, metrics FROM evaluations WHERE run_id = ?",
            (run,),
        ).fetchall()
    found = []
    for split, step, epoch, images, full, metrics in rows:
        newest = recorded.evaluation(run, split)
        arrays = {} if newest is None else newest.arrays
        numbers = json.loads(metrics)
        found.append(Evaluated(step, epoch, split, images, bool(full), numbers, arrays))
    return found
