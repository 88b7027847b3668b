"""The store: what every run was, did and showed, in SQLite (or what the URL names) and files.

Any number of threads and processes may read and write one store. A run is written by the process
that made it with `create`, its holder; the holder's sign of life lets another process tell a run
that goes on from one whose process is gone.
"""

import json
import logging
import secrets
import string
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, func, insert, select

from playground.errors import StoreError
from playground.runs import (
    curves,
    evaluations,
    imports,
    liveness,
    records,
    resuming,
    snapshots,
    tables,
)
from playground.runs.bucket import open_files
from playground.runs.command_rows import CommandRows
from playground.runs.connection import Database, url_of
from playground.runs.files import AnyFiles, Files, to_npz
from playground.runs.labels import Labels
from playground.runs.listing import Listing
from playground.runs.news import News
from playground.runs.orphans import Orphans
from playground.runs.pins import Pins
from playground.runs.race_rows import RaceRows
from playground.runs.recorder import Recorder
from playground.runs.records import LIVE, RECORDS, STATES, RunRecord, to_record
from playground.runs.removal import Removal, Removed
from playground.settings import Settings
from playground.spec import RunSpec
from playground.training import checkpoint
from playground.training.changes import STATE, STEERED, of_before
from playground.training.events import (
    Changed,
    Evaluated,
    Event,
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
    return Store(
        url_of(settings),
        open_files(settings.files_url, settings.home / "runs", settings.lock_seconds),
        int(settings.snapshot_mib * 2**20),
        settings.lock_seconds,
        int(settings.store_gib * 2**30),
        int(settings.checkpoint_mib * 2**20),
        int(settings.visitor_gib * 2**30),
        settings.lease_seconds,
    )


class Store:
    """Keeps runs. `url` is SQLAlchemy's; arrays too large for a row lie in `files`, or below a
    folder, for each run in one of its own.
    Of its weights a run keeps at most about `snapshot_bytes`, of its checkpoints
    `checkpoint_bytes`, both thinned out evenly; all runs together at most about `most_bytes`, those
    of a visitor `visitor_bytes`, once `make_room` was asked to see to it. For another program that
    writes, or a database that is gone for a while, what a run has to say waits up to
    `lock_seconds`. A process of another machine that gave no sign of life for `lease_seconds` of
    the store's clock is dead.

    Thread-safe. Every method raises StoreError, in plain words, when the store cannot be read or
    written.
    """

    def __init__(
        self,
        url: str,
        files: AnyFiles | Path,
        snapshot_bytes: int = 64 * 2**20,
        lock_seconds: float = 60.0,
        most_bytes: int = 2**60,
        checkpoint_bytes: int = 64 * 2**20,
        visitor_bytes: int = 2**60,
        lease_seconds: float = liveness.STALE_SECONDS,
    ) -> None:
        self._most_bytes, self._visitor_bytes = most_bytes, visitor_bytes
        self._built: OrderedDict[str, Started] = OrderedDict()
        self._files = Files(files) if isinstance(files, Path) else files
        self._database = Database(url, lock_seconds)
        self._read, self._write = self._database.read, self._database.write
        room = {"weights": snapshot_bytes, checkpoint.KIND: checkpoint_bytes}
        self._recorder = Recorder(self._database, self._files, room, lease_seconds)
        self.set_state = self._recorder.set_state  # as it stands there
        self._holding = self._recorder.holding
        self.holds = self._holding.holds
        self.races = RaceRows(self._database, self._holding)
        self._orphans = Orphans(
            self._database, self._holding, lambda run: bool(self.snapshots(run, checkpoint.KIND))
        )
        self.news = News(self._database)
        self.commands = CommandRows(self._database, self._holding, self.news)
        self.labels = Labels(self._database)
        self.pins = Pins(self._database)
        self.imports = imports.Imports(self._database)
        self.listing = Listing(self._database)
        self._removal = Removal(self._database, self._files, self._holding.alive)
        self.expire = self._removal.expire  # as it stands there
        self._files.open()
        self._database.open()

    # Writing

    def create(
        self,
        spec: RunSpec,
        owner: str,
        state: str = "queued",
        attended: bool = True,
        origin: Mapping[str, Any] | None = None,
    ) -> str:
        """Makes a run of this process and returns its id, 12 URL-safe characters not to guess. One
        that is not `attended` ends where its loss breaks; one with an `origin` (`imports.add`) was
        trained elsewhere."""
        run_id = "".join(secrets.choice(_ALPHABET) for _ in range(12))

        def write(connection: Connection) -> None:
            self._insert(connection, run_id, spec, owner, state)
            if not attended:
                connection.execute(insert(tables.unattended).values(run_id=run_id))
            if origin is not None:
                imports.add(connection, run_id, origin)

        self._write(write)
        self._holding.hold(run_id)
        return run_id

    def _insert(
        self, connection: Connection, run_id: str, spec: RunSpec, owner: str, state: str
    ) -> None:
        connection.execute(
            insert(tables.runs).values(
                **self._number(),
                id=run_id,
                owner=owner,
                digest=spec.digest,
                spec=spec.to_json(),
                state=state,
                created=time.time(),
                **self._holding.columns(),
            )
        )

    def branch(self, parent: str, step: int, spec: RunSpec, owner: str, fresh: bool) -> str:
        """Makes a run that leaves another after the step of a checkpoint, with a spec of its own
        and, if `fresh`, an optimiser that begins anew. The checkpoint becomes its own."""
        files = self._read(lambda connection: snapshots.files(connection, parent, checkpoint.KIND))
        file = files.get(step)
        if file is None:
            raise StoreError(f"There is no checkpoint of step {step:,} of that run.")
        run_id = "".join(secrets.choice(_ALPHABET) for _ in range(12))
        arrays = self._files.read(parent, file)
        left = Snapshot(step, resuming.ORIGIN, arrays)
        self._files.write(run_id, snapshots.file(left), to_npz(arrays))

        def write(connection: Connection) -> None:
            self._insert(connection, run_id, spec, owner, "queued")
            snapshots.write(connection, run_id, left, 0)
            resuming.branch(connection, run_id, parent, step, fresh)

        self._write(write)
        self._holding.hold(run_id)
        return run_id

    def start(self, run_id: str, paused: bool) -> checkpoint.Start:
        """Where a run that goes on begins: at its last checkpoint that can be read, at the one it
        branches from, or else again at its first step. One that was `paused` comes back so, where
        that is asked for: the mark of its last pause or resume says it, for the checkpoint that
        follows it may never have come."""
        for kind in (checkpoint.KIND, resuming.ORIGIN):
            try:
                found = self.snapshot(run_id, kind)
            except StoreError as error:
                if kind == resuming.ORIGIN or error.passing:
                    raise
                _log.warning("No checkpoint of run %s can be read: %s", run_id, error)
                continue
            if found is not None:
                record = self.run(run_id)
                branch = kind == resuming.ORIGIN
                fresh = record is not None and record.fresh
                states = [mark.value for mark in self.marks(run_id) if mark.kind == STATE]
                paused = paused and states[-1:] == ["paused"]
                return checkpoint.Start(found.arrays, branch, not fresh, paused)
        return checkpoint.Start({})

    def requeue(
        self,
        run_id: str,
        message: str = "",
        most: int | None = None,
        ended: bool = False,
        patient: bool = False,
    ) -> bool:
        """Lets a run of this process wait again, or one that has `ended`, which this process then
        holds. With `most` it is taken up by itself, so many times. Whether it waits now."""
        if self._recorder.unwritten(run_id) is not None:
            return False
        states = {"stopped", "failed"} if ended else LIVE
        holder = self._holding.columns()
        mine = None if ended else tables.runs.c.holder == holder["holder"]
        done = self._write(
            lambda it: resuming.requeue(it, run_id, states, holder, message, most, mine), patient
        )
        if done:
            self._holding.hold(run_id)
        return done

    def record(self, run_id: str, event: Event) -> None:
        """Keeps an event and what follows from it for the run's state.

        A run that has ended keeps its state, whatever comes later.
        """
        self._recorder.record(run_id, event)

    def interrupt_dead(self, most: int = 0) -> list[str]:
        """As `Orphans.interrupt`: marks the runs whose process is gone, or lets them wait again."""
        return self._orphans.interrupt(most)

    def take_over(self) -> list[RunRecord]:
        """The waiting runs whose process is gone, in the order in which they came. This process
        holds them from now on."""
        taken = self._holding.take_over()
        found = [self.run(run_id) for run_id in taken]
        self._holding.told_of(taken)
        return [record for record in found if record is not None]

    def release(self, run_ids: Sequence[str]) -> None:
        """Leaves waiting runs of this process to the one that asks for them next."""
        self._holding.release(run_ids)

    def delete(self, run_ids: Sequence[str]) -> list[Removed]:
        """Removes runs with all that there is of them, all or none. Refuses one that is unknown or
        that a living process still trains."""
        return self._removal.delete(run_ids)

    def make_room(self) -> list[Removed]:
        """Removes for good what was deleted a while ago, and the oldest runs that have ended where
        the store or a visitor's runs take more than they may; gives those of the latter."""
        return self._removal.make_room(self._most_bytes, self._visitor_bytes)

    @property
    def taken(self) -> int:
        """Bytes that all runs took when `make_room` looked last."""
        return self._removal.taken

    def removed(self, run_id: str) -> Removed | None:
        """The run of this id, if there was one and it is gone."""
        return self._removal.find(run_id)

    def removed_of(self, owners: Collection[str]) -> list[Removed]:
        """The runs of these owners that went to make room, newest first."""
        return self._removal.of(owners)

    def close(self) -> None:
        """Ends the sign of life and the connections."""
        self._holding.close()
        try:
            self._recorder.write_overdue()
        except StoreError as error:
            _log.warning("The end of a run was not written: %s", error)
        try:
            self._database.close()
        except StoreError as error:
            _log.warning("The store was not closed in order: %s", error)

    # Reading

    def run(self, run_id: str) -> RunRecord | None:
        """The run, or None if there is no such run."""
        query = RECORDS.where(tables.runs.c.id == run_id)
        row = self._read(lambda connection: connection.execute(query).first())
        return None if row is None else self._to_record(row)

    def runs(
        self, limit: int = 50, owner: str | Collection[str] | None = None, live: bool | None = None
    ) -> list[RunRecord]:
        """Runs that nobody has deleted, newest first; of one owner or several, or only the (not)
        live ones, where asked."""
        query = RECORDS.order_by(tables.runs.c.number.desc()).limit(limit)
        query = query.where(tables.labels.c.deleted.is_(None))
        if owner is not None:
            owners = [owner] if isinstance(owner, str) else owner
            query = query.where(tables.runs.c.owner.in_(owners))
        if live is not None:
            states = LIVE if live else STATES - LIVE
            query = query.where(tables.runs.c.state.in_(states))
        rows = self._read(lambda connection: connection.execute(query).all())
        return [self._to_record(row) for row in rows]

    def by_digest(self, digests: Sequence[str], owner: str | None = None) -> dict[str, RunRecord]:
        """Of each of these specs, by digest, the run that tells most: a completed one, else one
        that is live, else the newest; none where there is no run. A branch, which began with
        another spec, a run that was changed mid-run, one that was deleted and one that was brought
        from elsewhere tell of none. With an `owner` only runs on which a race of that owner may
        count (`records.serves`)."""
        query = RECORDS.where(
            tables.runs.c.digest.in_(digests),
            tables.runs.c.id.not_in(select(tables.imported.c.run_id)),
            tables.origins.c.parent.is_(None),
            tables.labels.c.deleted.is_(None),
        ).order_by(tables.runs.c.number)
        columns = tables.marks.c

        def read(connection: Connection) -> tuple[list[RunRecord], Sequence[Any]]:
            known = [self._to_record(row) for row in connection.execute(query)]
            marked = connection.execute(
                select(columns.run_id, columns.step, columns.what, columns.value).where(
                    columns.run_id.in_([record.id for record in known])
                )
            )
            return known, marked.all()

        known, marked = self._read(read)
        changed = {
            row.run_id
            for row in marked
            if _mark(row.step, row.what, json.loads(row.value)).kind in STEERED
        }
        found: dict[str, RunRecord] = {}
        for record in known:
            before = found.get(record.digest)
            if record.id in changed or not (owner is None or records.serves(record, owner)):
                continue
            if before is None or records.tells(record) >= records.tells(before):
                found[record.digest] = record
        return found

    def series(self, run_id: str, name: str, after: int = 0) -> Series:
        """Steps (int32, ascending) after step `after` and the values (float32) there.

        `name` is one of Progress (loss, accuracy, gradient_norm, learning_rate, ...: every step)
        or split_metric of Evaluated (validation_loss, validation_accuracy, test_loss, ...). A
        step that was not recorded between two that were is NaN.
        """
        if not self.of_evaluations(name):
            return self.all_series(run_id, {name: after})[name]
        split, _, metric = name.partition("_")
        return self._read(
            lambda connection: evaluations.read(connection, run_id, split, metric, after)
        )

    def all_series(self, run_id: str, after: Mapping[str, int]) -> dict[str, Series]:
        """Several series of every step, each after a step, with one statement."""
        return self._read(lambda connection: curves.read(connection, run_id, after))

    def numbers(self, run_id: str, after: int = 0) -> list[evaluations.Numbers]:
        """The numbers of all evaluations of a run, or of those after the one of a number, in the
        order of their steps: number, split, step and metrics of each."""
        return self._read(lambda connection: evaluations.numbers(connection, run_id, after))

    @staticmethod
    def of_evaluations(name: str) -> bool:
        """Whether a series has a value at every evaluation; else it has one at every step."""
        split, _, metric = name.partition("_")
        return split in _SPLITS and bool(metric)

    def series_names(self, run_id: str) -> list[str]:
        """What was recorded at every step: names for `series`, beside those of the metrics."""
        columns = tables.series.c
        query = select(columns.name).where(columns.run_id == run_id).distinct()
        query = query.order_by(columns.name)
        return self._read(lambda connection: list(connection.execute(query).scalars()))

    def marks(self, run_id: str) -> list[Changed]:
        """What was changed mid-run, in order."""
        columns = tables.marks.c
        query = (
            select(columns.step, columns.what, columns.value)
            .where(columns.run_id == run_id)
            .order_by(columns.number)
        )
        rows = self._read(lambda connection: connection.execute(query).all())
        return [_mark(row.step, row.what, json.loads(row.value)) for row in rows]

    def evaluation(
        self,
        run_id: str,
        split: str = "validation",
        full: bool | None = None,
        step: int | None = None,
    ) -> Evaluated | None:
        """The latest evaluation of a split, of all its images or a sample where asked; or None.
        With a `step` the one nearest to it whose arrays were kept."""
        return self._read(
            lambda connection: evaluations.latest(connection, run_id, split, full, step)
        )

    def evaluations(self, run_id: str) -> list[Evaluated]:
        """All evaluations of a run, in the order in which they came."""
        return self._read(lambda connection: evaluations.every(connection, run_id))

    def started(self, run_id: str) -> Started | None:
        """What the run was built of, or None before it was; do not write into its arrays. Where
        their file is lost or damaged there are none."""
        query = select(tables.runs.c.built).where(tables.runs.c.id == run_id)
        text = self._read(lambda connection: connection.execute(query).scalar_one_or_none())
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
        files = self._read(lambda connection: snapshots.files(connection, run_id, kind))
        if step is not None and step not in files:
            return None
        steps = sorted((one for one in files if step is None or one <= step), reverse=True)
        fault = None
        for one in steps:
            try:
                return Snapshot(one, kind, self._files.read(run_id, files[one]))
            except StoreError as error:
                if error.passing:
                    raise
                fault = fault or error
                _log.warning("A snapshot of run %s is passed over: %s", run_id, error)
        if fault is not None and set(steps) & set(self.snapshots(run_id, kind)):
            raise fault
        return None  # thinned out between the two queries

    def snapshots(self, run_id: str, kind: str) -> list[int]:
        """The steps of which there is a snapshot, ascending."""
        return sorted(self._read(lambda connection: snapshots.files(connection, run_id, kind)))

    def _number(self) -> dict[str, Any]:
        """The number of a new run: none is given twice, as SQLite by itself would."""
        if not self._database.sqlite:
            return {}
        highest = [
            select(func.coalesce(func.max(table.c.number), 0)).scalar_subquery()
            for table in (tables.runs, tables.removed)
        ]
        return {"number": func.max(*highest) + 1}

    def _to_record(self, row: Row[Any]) -> RunRecord:
        record = to_record(row._asdict())
        values = self._recorder.unwritten(record.id)
        if values is None or not record.live:
            return record
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
