"""The store: what every run was, did and showed, in SQLite (or what the URL names) and files.

Any number of threads and processes may read and write one store. A run is written by the process
that made it with `create`, its holder; the holder's sign of life lets another process tell a run
that goes on from one whose process is gone.
"""

import json
import logging
import os
import secrets
import string
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Row, func, insert, select, update

from playground.errors import StoreError
from playground.runs import curves, evaluations, liveness, records, snapshots, tables
from playground.runs.connection import Database
from playground.runs.files import Files, to_npz
from playground.runs.records import COLUMNS, LIVE, STATES, RunRecord, dumps, to_record
from playground.runs.removal import Removal, Removed
from playground.settings import Settings
from playground.spec import RunSpec
from playground.training.changes import STATE, of_before
from playground.training.events import (
    Changed,
    Evaluated,
    Event,
    Failed,
    Finished,
    Preparing,
    Progress,
    Snapshot,
    Started,
)

__all__ = ["LIVE", "STATES", "RunRecord", "Store", "open_store"]

_SPLITS = ("validation", "test", "train")
_ALPHABET = string.ascii_letters + string.digits
_log = logging.getLogger(__name__)
Series = tuple[np.ndarray, np.ndarray]  # steps, values


def open_store(settings: Settings) -> "Store":
    """The store these settings name. Raises StoreError."""
    url = settings.store_url or f"sqlite:///{(settings.home / 'playground.sqlite').as_posix()}"
    return Store(
        url,
        settings.home / "runs",
        int(settings.snapshot_mib * 2**20),
        settings.lock_seconds,
        int(settings.store_gib * 2**30),
    )


class Store:
    """Keeps runs. `url` is SQLAlchemy's; arrays too large for a row lie under `folder`/run id.
    Of each kind of snapshot a run keeps at most about `snapshot_bytes`, thinned out evenly; all
    runs together at most about `most_bytes`, once `make_room` was asked to see to it. For another
    program that writes, what a run has to say waits up to `lock_seconds`.

    Thread-safe. Every method raises StoreError, in plain words, when the store cannot be read or
    written.
    """

    def __init__(
        self,
        url: str,
        folder: Path,
        snapshot_bytes: int = 64 * 2**20,
        lock_seconds: float = 60.0,
        most_bytes: int = 2**60,
    ) -> None:
        self._snapshot_bytes, self._most_bytes = snapshot_bytes, most_bytes
        # Ends that could not be written yet: the columns, and the metrics.
        self._unwritten: dict[str, tuple[dict[str, Any], Mapping[str, float]]] = {}
        self._built: OrderedDict[str, Started] = OrderedDict()
        self._held: set[str] = set()  # live runs that this store made
        self._holder = liveness.holder()
        self._watch = liveness.Watch()
        self._closed = threading.Event()
        self._heart: threading.Thread | None = None
        self._files = Files(folder)
        self._database = Database(url, lock_seconds)
        self._reading, self._writing = self._database.reading, self._database.writing
        self._removal = Removal(self._database, self._files, self._alive)
        self._files.open()
        self._database.open()

    # Writing

    def create(self, spec: RunSpec, owner: str, state: str = "queued") -> str:
        """Makes a run of this process and returns its id, 12 URL-safe characters not to guess."""
        run_id = "".join(secrets.choice(_ALPHABET) for _ in range(12))
        with self._writing() as connection:
            connection.execute(
                insert(tables.runs).values(
                    **self._number(),
                    id=run_id,
                    owner=owner,
                    digest=spec.digest,
                    spec=spec.to_json(),
                    state=state,
                    created=time.time(),
                    **self._held_by_this_process(),
                )
            )
        self._hold(run_id)
        return run_id

    def record(self, run_id: str, event: Event) -> None:
        """Keeps an event and what follows from it for the run's state.

        A run that has ended keeps its state, whatever comes later.
        """
        match event:
            case Preparing():
                self._update(
                    run_id,
                    {"queued", "preparing"},
                    state="preparing",
                    preparing=event.message,
                    preparing_fraction=event.fraction,
                )
            case Started():
                self._record_started(run_id, event)
            case Progress():
                self._record_progress(run_id, event)
            case Evaluated():
                self._record_evaluated(run_id, event)
            case Snapshot():
                self._record_snapshot(run_id, event)
            case Changed():
                self._record_changed(run_id, event)
            case Finished():
                self._end(
                    run_id,
                    event.reason,
                    {"step": event.step, "seconds": event.seconds},
                    {f"test_{name}": value for name, value in event.metrics.items()},
                )
            case Failed():
                self.set_state(run_id, "failed", event.message, event.hint, event.where, event.kind)

    def set_state(
        self,
        run_id: str,
        state: str,
        message: str = "",
        hint: str = "",
        where: dict[str, Any] | None = None,
        kind: str = "",
    ) -> None:
        """Sets a live run's state, or says more about the state in which it ended.

        An end that cannot be written (full disk) raises StoreError, shows in this process
        nevertheless and is written as soon as the store can be.
        """
        if state not in STATES:
            raise ValueError(f"expected one of {', '.join(sorted(STATES))}; got {state!r}")
        text = {
            "message": message,
            "hint": hint,
            "kind": kind,
            "where": None if where is None else dumps(where),
        }
        if state in LIVE:
            self._update(run_id, LIVE, patient=False, state=state, **text)
        else:
            self._end(run_id, state, text, patient=False)

    def interrupt_dead(self) -> list[str]:
        """Marks as failed the runs that had begun and whose process is gone; returns their ids."""
        dead = [row for row in self._of_others(LIVE - {"queued"}) if not self._alive(row)]
        for row in dead:
            self.set_state(
                row.id,
                "failed",
                f"The program that trained this run was ended at step {row.step:,}. "
                "What it recorded is kept.",
                "Start the run again; the same seed gives the same numbers.",
                kind="interrupted",
            )
        return [row.id for row in dead]

    def take_over(self) -> list[RunRecord]:
        """The waiting runs whose process is gone, in the order in which they came. This process
        holds them from now on."""
        columns, taken = tables.runs.c, []
        for row in self._of_others({"queued"}):
            if self._alive(row):
                continue
            with self._writing() as connection:
                done = connection.execute(
                    update(tables.runs)
                    .where(
                        columns.id == row.id,
                        columns.state == "queued",
                        columns.holder == row.holder,  # unless another process was quicker
                    )
                    .values(**self._held_by_this_process())
                )
            if done.rowcount:
                taken.append(row.id)
                self._hold(row.id)
        found = [self.run(run_id) for run_id in taken]
        return [record for record in found if record is not None]

    def release(self, run_ids: Sequence[str]) -> None:
        """Leaves waiting runs of this process to the one that asks for them next."""
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

    def delete(self, run_ids: Sequence[str]) -> list[Removed]:
        """Removes runs with all that there is of them, all or none. Refuses one that is unknown or
        that a living process still trains."""
        return self._removal.delete(run_ids)

    def make_room(self) -> list[Removed]:
        """Removes the oldest runs that have ended where the store takes more than it may."""
        return self._removal.make_room(self._most_bytes)

    def removed(self, run_id: str) -> Removed | None:
        """The run of this id, if there was one and it is gone."""
        return self._removal.find(run_id)

    def removed_of(self, owners: Collection[str]) -> list[Removed]:
        """The runs of these owners that went to make room, newest first."""
        return self._removal.of(owners)

    def close(self) -> None:
        """Ends the sign of life and the connections."""
        self._closed.set()
        if self._heart is not None:
            self._heart.join(timeout=5)
        try:
            self._database.close()
        except StoreError as error:
            _log.warning("The store was not closed in order: %s", error)

    # Reading

    def run(self, run_id: str) -> RunRecord | None:
        """The run, or None if there is no such run."""
        with self._reading() as connection:
            row = connection.execute(select(*COLUMNS).where(tables.runs.c.id == run_id)).first()
        return None if row is None else self._to_record(row)

    def runs(
        self, limit: int = 50, owner: str | Collection[str] | None = None, live: bool | None = None
    ) -> list[RunRecord]:
        """Runs, newest first; of one owner or several, or only the (not) live ones, where asked."""
        query = select(*COLUMNS).order_by(tables.runs.c.number.desc()).limit(limit)
        if owner is not None:
            owners = [owner] if isinstance(owner, str) else owner
            query = query.where(tables.runs.c.owner.in_(owners))
        if live is not None:
            states = LIVE if live else STATES - LIVE
            query = query.where(tables.runs.c.state.in_(states))
        with self._reading() as connection:
            return [self._to_record(row) for row in connection.execute(query)]

    def by_digest(self, digests: Sequence[str]) -> dict[str, RunRecord]:
        """Of each of these specs, by digest, the run that tells most: a completed one, else one
        that is live, else the newest; none where there is no run."""
        query = (
            select(*COLUMNS).where(tables.runs.c.digest.in_(digests)).order_by(tables.runs.c.number)
        )
        found: dict[str, RunRecord] = {}
        with self._reading() as connection:
            for record in map(self._to_record, connection.execute(query)):
                before = found.get(record.digest)
                if before is None or records.tells(record) >= records.tells(before):
                    found[record.digest] = record
        return found

    def series(self, run_id: str, name: str, after: int = 0) -> Series:
        """Steps (int32, ascending) after step `after` and the values (float32) there.

        `name` is one of Progress (loss, accuracy, gradient_norm, learning_rate, ...: every step)
        or split_metric of Evaluated (validation_loss, validation_accuracy, test_loss, ...). A
        step that was not recorded between two that were is NaN.
        """
        with self._reading() as connection:
            if self.of_evaluations(name):
                split, _, metric = name.partition("_")
                return evaluations.read(connection, run_id, split, metric, after)
            return curves.read(connection, run_id, {name: after})[name]

    def all_series(self, run_id: str, after: Mapping[str, int]) -> dict[str, Series]:
        """Several series of every step, each after a step, with one statement."""
        with self._reading() as connection:
            return curves.read(connection, run_id, after)

    def numbers(self, run_id: str, after: int = 0) -> list[evaluations.Numbers]:
        """The numbers of all evaluations of a run, or of those after the one of a number, in the
        order of their steps: number, split, step and metrics of each."""
        with self._reading() as connection:
            return evaluations.numbers(connection, run_id, after)

    @staticmethod
    def of_evaluations(name: str) -> bool:
        """Whether a series has a value at every evaluation; else it has one at every step."""
        split, _, metric = name.partition("_")
        return split in _SPLITS and bool(metric)

    def series_names(self, run_id: str) -> list[str]:
        """What was recorded at every step: names for `series`, beside those of the metrics."""
        columns = tables.series.c
        with self._reading() as connection:
            query = select(columns.name).where(columns.run_id == run_id).distinct()
            return list(connection.execute(query.order_by(columns.name)).scalars())

    def marks(self, run_id: str) -> list[Changed]:
        """What was changed mid-run, in order."""
        columns = tables.marks.c
        with self._reading() as connection:
            rows = connection.execute(
                select(columns.step, columns.what, columns.value)
                .where(columns.run_id == run_id)
                .order_by(columns.number)
            ).all()
        return [_mark(row.step, row.what, json.loads(row.value)) for row in rows]

    def evaluation(
        self, run_id: str, split: str = "validation", full: bool | None = None
    ) -> Evaluated | None:
        """The latest look at a split, of all its images or a sample where asked; or None."""
        with self._reading() as connection:
            return evaluations.latest(connection, run_id, split, full)

    def started(self, run_id: str) -> Started | None:
        """What the run was built of, or None before it was; do not write into its arrays. Where
        their file is lost or damaged there are none."""
        with self._reading() as connection:
            text = connection.execute(
                select(tables.runs.c.built).where(tables.runs.c.id == run_id)
            ).scalar_one_or_none()
        if text is None:  # or no longer: another process may have removed it
            self._built.pop(run_id, None)
            return None
        known = self._built.get(run_id)
        if known is not None:
            return known
        try:
            arrays = self._files.read(run_id, "started.npz")
        except StoreError as error:
            _log.warning("The images of run %s cannot be shown: %s", run_id, error)
            arrays = {}
        found = Started(**json.loads(text), arrays=arrays)
        self._built[run_id] = found
        while len(self._built) > 64:
            self._built.popitem(last=False)
        return found

    def snapshot(self, run_id: str, kind: str, step: int | None = None) -> Snapshot | None:
        """The snapshot at `step`, or the latest; None if there is none. In the place of one whose
        file is lost or damaged comes the one before it."""
        with self._reading() as connection:
            files = snapshots.files(connection, run_id, kind)
        if step is not None and step not in files:
            return None
        steps = sorted((one for one in files if step is None or one <= step), reverse=True)
        fault = None
        for one in steps:
            try:
                return Snapshot(one, kind, self._files.read(run_id, files[one]))
            except StoreError as error:
                fault = fault or error
                _log.warning("A snapshot of run %s is passed over: %s", run_id, error)
        if fault is not None and set(steps) & set(self.snapshots(run_id, kind)):
            raise fault
        return None  # thinned out between the two looks

    def snapshots(self, run_id: str, kind: str) -> list[int]:
        """The steps of which there is a snapshot, ascending."""
        with self._reading() as connection:
            return sorted(snapshots.files(connection, run_id, kind))

    # One method for each kind of event that keeps more than a state

    def _record_started(self, run_id: str, event: Started) -> None:
        self._files.write(run_id, "started.npz", to_npz(event.arrays, compressed=True))
        facts = {
            field.name: getattr(event, field.name)
            for field in fields(event)
            if field.name != "arrays"
        }
        self._update(
            run_id,
            LIVE,
            state="running",
            started=time.time(),
            steps=event.steps,
            parameters=event.parameters,
            built=dumps(facts),
        )

    def _record_progress(self, run_id: str, event: Progress) -> None:
        with self._writing(patient=True) as connection:
            curves.write(connection, run_id, event)
            connection.execute(
                update(tables.runs)
                .where(tables.runs.c.id == run_id)
                .values(
                    step=event.step,
                    epoch=event.epoch,
                    seconds=event.seconds,
                    images_per_second=event.images_per_second,
                    heartbeat=time.time(),
                )
            )

    def _record_evaluated(self, run_id: str, event: Evaluated) -> None:
        with self._writing(patient=True) as connection:
            evaluations.write(connection, run_id, event)

    def _record_snapshot(self, run_id: str, event: Snapshot) -> None:
        self._files.write(run_id, snapshots.file(event), to_npz(event.arrays))
        with self._writing(patient=True) as connection:
            gone = snapshots.write(connection, run_id, event, self._snapshot_bytes)
        self._files.remove(run_id, gone)

    def _record_changed(self, run_id: str, event: Changed) -> None:
        with self._writing(patient=True) as connection:
            said = {"kind": event.kind, "value": event.value}
            connection.execute(
                insert(tables.marks).values(
                    run_id=run_id, step=event.step, what=event.name, value=dumps(said)
                )
            )
            if event.kind == STATE and event.value in ("paused", "running"):
                connection.execute(
                    update(tables.runs)
                    .where(tables.runs.c.id == run_id, tables.runs.c.state.in_(LIVE))
                    .values(state=event.value)
                )

    # States

    def _update(
        self, run_id: str, states: frozenset[str] | set[str], patient: bool = True, **values: Any
    ) -> None:
        """Writes columns of a run that is in one of `states`."""
        with self._writing(patient) as connection:
            connection.execute(
                update(tables.runs)
                .where(tables.runs.c.id == run_id, tables.runs.c.state.in_(states))
                .values(heartbeat=time.time(), **values)
            )

    def _end(
        self,
        run_id: str,
        state: str,
        values: Mapping[str, Any],
        metrics: Mapping[str, float] | None = None,
        patient: bool = True,
    ) -> None:
        """Writes a run's end, unless it ended in another way before."""
        end = {"state": state, "finished": time.time(), **values}, metrics or {}
        try:
            self._write_end(run_id, *end, patient)
        except StoreError:
            self._unwritten.setdefault(run_id, end)
            self._start_heart()
            raise
        self._held.discard(run_id)

    def _write_end(
        self, run_id: str, values: dict[str, Any], metrics: Mapping[str, float], patient: bool
    ) -> None:
        with self._writing(patient) as connection:
            connection.execute(
                update(tables.runs)
                .where(
                    tables.runs.c.id == run_id,
                    tables.runs.c.state.in_(LIVE | {values["state"]}),
                )
                .values(**values)
            )
            if metrics:
                evaluations.add_metrics(connection, run_id, metrics)

    # Who holds a run

    def _number(self) -> dict[str, Any]:
        """The number of a new run: none is given twice, as SQLite by itself would."""
        if not self._database.sqlite:
            return {}
        highest = [
            select(func.coalesce(func.max(table.c.number), 0)).scalar_subquery()
            for table in (tables.runs, tables.removed)
        ]
        return {"number": func.max(*highest) + 1}

    def _held_by_this_process(self) -> dict[str, Any]:
        return {
            "host": liveness.host(),
            "pid": os.getpid(),
            "holder": self._holder,
            "heartbeat": time.time(),
        }

    def _of_others(self, states: frozenset[str] | set[str]) -> list[Row[Any]]:
        """The runs in these states that other processes hold, in the order in which they came."""
        columns = tables.runs.c
        with self._reading() as connection:
            rows = connection.execute(
                select(tables.runs)
                .where(columns.state.in_(states), columns.holder != self._holder)
                .order_by(columns.number)
            ).all()
        return list(rows)

    def _alive(self, row: Row[Any]) -> bool:
        return self._watch.alive(row.host, row.pid, row.holder, row.heartbeat)

    # The sign of life

    def _hold(self, run_id: str) -> None:
        self._held.add(run_id)
        self._start_heart()

    def _start_heart(self) -> None:
        if self._heart is None and not self._closed.is_set():
            self._heart = threading.Thread(target=self._beat, name="store-heart", daemon=True)
            self._heart.start()

    def _beat(self) -> None:
        while not self._closed.wait(liveness.BEAT_SECONDS):
            try:
                self._write_overdue()
                if self._held:
                    self._give_sign()
            except StoreError as error:
                _log.warning("The runs' sign of life could not be written: %s", error)

    def _write_overdue(self) -> None:
        for run_id, (values, metrics) in list(self._unwritten.items()):
            self._write_end(run_id, values, metrics, patient=False)
            del self._unwritten[run_id]
            self._held.discard(run_id)

    def _give_sign(self) -> None:
        columns = tables.runs.c
        with self._writing() as connection:
            connection.execute(
                update(tables.runs)
                .where(columns.holder == self._holder, columns.state.in_(LIVE))
                .values(heartbeat=time.time())
            )

    def _to_record(self, row: Row[Any]) -> RunRecord:
        record = to_record(row._asdict())
        unwritten = self._unwritten.get(record.id)
        if unwritten is None or not record.live:
            return record
        values, _ = unwritten
        return replace(
            record,
            state=values["state"],
            finished=records.moment(values["finished"]),
            message=values.get("message", ""),
            hint=values.get("hint", ""),
            kind=values.get("kind", ""),
        )


def _mark(step: int, what: str, value: Any) -> Changed:
    """A mark of a row; rows of before have no kind."""
    if isinstance(value, dict):
        return Changed(step, value["kind"], what, value["value"])
    return of_before(step, what, value)
