"""The store: what every run was, did and showed, in SQLite (or what the URL names) and files.

Any number of threads and processes may read and write one store. A run is written by the process
that made it with `create`, its holder; the holder's sign of life lets another process tell a run
that goes on from one whose process is gone.
"""

import io
import json
import logging
import math
import os
import secrets
import socket
import string
import threading
import time
import uuid
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import (
    Connection,
    Engine,
    Row,
    bindparam,
    create_engine,
    delete,
    event,
    func,
    insert,
    inspect,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from playground.errors import SpecError, StoreError
from playground.runs import tables
from playground.settings import Settings
from playground.spec import RunSpec
from playground.training.events import (
    Arrays,
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

LIVE = frozenset({"queued", "preparing", "running", "paused"})
STATES = LIVE | {"completed", "stopped", "failed"}
BEAT_SECONDS = 2.0
LEAST_SNAPSHOTS = 8  # of a kind, however large they are
MOST_SNAPSHOTS = 128  # and however small
STALE_SECONDS = 15.0  # without a sign of life for so long, a run's process is taken for dead
_SPLITS = ("validation", "test", "train")
_ALPHABET = string.ascii_letters + string.digits
_PROCESS = uuid.uuid4().hex
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunRecord:
    """One run as the store has it; `number` counts the store's runs from 1. `step` of `steps` are
    done; `seconds` of training without pauses; `metrics` has the latest validation_loss,
    validation_accuracy, test_loss, ...; `kind`, `message`, `hint` and `where` say why a run ended
    otherwise than by completing."""

    id: str
    owner: str
    digest: str
    spec: RunSpec
    state: str
    created: datetime
    started: datetime | None
    finished: datetime | None
    step: int
    steps: int
    epoch: float
    seconds: float
    images_per_second: float
    preparing: str
    preparing_fraction: float | None
    metrics: dict[str, float]
    kind: str
    message: str
    hint: str
    where: dict[str, Any] | None
    parameters: int
    number: int

    @property
    def live(self) -> bool:
        """Whether the run waits, trains or pauses."""
        return self.state in LIVE


def open_store(settings: Settings) -> "Store":
    """The store these settings name. Raises StoreError."""
    url = settings.store_url or f"sqlite:///{(settings.home / 'playground.sqlite').as_posix()}"
    return Store(url, settings.home / "runs", int(settings.snapshot_mib * 2**20))


class Store:
    """Keeps runs. `url` is SQLAlchemy's; arrays too large for a row lie under `folder`/run id.
    Of each kind of snapshot a run keeps at most about `snapshot_bytes`, thinned out evenly.

    Thread-safe. Every method raises StoreError, in plain words, when the store cannot be read or
    written.
    """

    def __init__(self, url: str, folder: Path, snapshot_bytes: int = 64 * 2**20) -> None:
        self._folder = folder
        self._snapshot_bytes = snapshot_bytes
        self._writer = threading.Lock()
        self._unwritten: dict[str, dict[str, Any]] = {}  # states that could not be written yet
        self._built: OrderedDict[str, Started] = OrderedDict()
        self._held: set[str] = set()  # live runs that this store made
        self._closed = threading.Event()
        self._heart: threading.Thread | None = None
        try:
            self._engine = create_engine(url, pool_size=8, max_overflow=56)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise StoreError(
                "PLAYGROUND_STORE_URL is not the URL of a database that can be used here.",
                "Use sqlite:///<file>, or install the driver of the database it names.",
            ) from error
        self._place = self._engine.url.database or str(self._engine.url.host)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if self._engine.dialect.name == "sqlite":
                Path(self._place).parent.mkdir(parents=True, exist_ok=True)
                _tune_sqlite(self._engine)
        except OSError as error:
            raise self._file_error(error) from error
        self._open()

    # Writing

    def create(self, spec: RunSpec, owner: str, state: str = "queued") -> str:
        """Makes a run of this process and returns its id, 12 URL-safe characters not to guess."""
        run_id = "".join(secrets.choice(_ALPHABET) for _ in range(12))
        now = time.time()
        with self._writing() as connection:
            connection.execute(
                insert(tables.runs).values(
                    id=run_id,
                    owner=owner,
                    digest=spec.digest,
                    spec=spec.to_json(),
                    state=state,
                    created=now,
                    host=socket.gethostname(),
                    pid=os.getpid(),
                    holder=_PROCESS,
                    heartbeat=now,
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
            "where": None if where is None else _dumps(where),
        }
        if state in LIVE:
            self._update(run_id, LIVE, state=state, **text)
        else:
            self._end(run_id, state, text)

    def interrupt_dead(self) -> list[str]:
        """Marks as failed the live runs whose process is gone; returns their ids."""
        columns = tables.runs.c
        with self._reading() as connection:
            rows = connection.execute(
                select(
                    columns.id, columns.step, columns.host, columns.pid, columns.holder,
                    columns.heartbeat,
                ).where(columns.state.in_(LIVE), columns.holder != _PROCESS)
            ).all()  # fmt: skip
        dead = [row for row in rows if not _alive(row)]
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

    def close(self) -> None:
        """Ends the sign of life and the connections."""
        self._closed.set()
        if self._heart is not None:
            self._heart.join(timeout=5)
        self._engine.dispose()

    # Reading

    def run(self, run_id: str) -> RunRecord | None:
        """The run, or None if there is no such run."""
        with self._reading() as connection:
            row = connection.execute(
                select(*_record_columns()).where(tables.runs.c.id == run_id)
            ).first()
        return None if row is None else self._to_record(row)

    def runs(
        self, limit: int = 50, owner: str | None = None, live: bool | None = None
    ) -> list[RunRecord]:
        """Runs, newest first; of one owner, or only the (not) live ones, where asked."""
        query = select(*_record_columns()).order_by(tables.runs.c.number.desc()).limit(limit)
        if owner is not None:
            query = query.where(tables.runs.c.owner == owner)
        if live is not None:
            states = LIVE if live else STATES - LIVE
            query = query.where(tables.runs.c.state.in_(states))
        with self._reading() as connection:
            return [self._to_record(row) for row in connection.execute(query)]

    def by_digest(self, digests: Sequence[str]) -> dict[str, RunRecord]:
        """Of each of these specs, by digest, the run that tells most: a completed one, else one
        that is live, else the newest; none where there is no run."""
        query = (
            select(*_record_columns())
            .where(tables.runs.c.digest.in_(digests))
            .order_by(tables.runs.c.number)
        )
        found: dict[str, RunRecord] = {}
        with self._reading() as connection:
            for record in map(self._to_record, connection.execute(query)):
                before = found.get(record.digest)
                if before is None or _tells(record) >= _tells(before):
                    found[record.digest] = record
        return found

    def series(self, run_id: str, name: str, after: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Steps (int32, ascending) after step `after` and the values (float32) there.

        `name` is one of Progress (loss, accuracy, gradient_norm, learning_rate, ...: every step)
        or split_metric of Evaluated (validation_loss, validation_accuracy, test_loss, ...). A
        step that was not recorded between two that were is NaN.
        """
        split, _, metric = name.partition("_")
        if split in _SPLITS and metric:
            return self._evaluated_series(run_id, split, metric, after)
        columns = tables.series.c
        with self._reading() as connection:
            rows = connection.execute(
                select(columns.first, columns.points)
                .where(
                    columns.run_id == run_id,
                    columns.name == name,
                    columns.chunk >= max(after, 0) // tables.CHUNK,
                )
                .order_by(columns.chunk)
            ).all()
        values = [np.frombuffer(row.points, "<f4") for row in rows]
        steps = [
            np.arange(row.first, row.first + len(part), dtype=np.int32)
            for row, part in zip(rows, values, strict=True)
        ]
        return _later(steps, values, after)

    def marks(self, run_id: str) -> list[Changed]:
        """What was changed mid-run, in order."""
        columns = tables.marks.c
        with self._reading() as connection:
            rows = connection.execute(
                select(columns.step, columns.what, columns.value)
                .where(columns.run_id == run_id)
                .order_by(columns.number)
            ).all()
        return [Changed(row.step, row.what, json.loads(row.value)) for row in rows]

    def evaluation(
        self, run_id: str, split: str = "validation", full: bool | None = None
    ) -> Evaluated | None:
        """The latest look at a split, of all its images or a sample where asked; or None."""
        columns = tables.evaluations.c
        query = (
            select(tables.evaluations)
            .where(columns.run_id == run_id, columns.split == split)
            .order_by(columns.step.desc(), columns.number.desc())
            .limit(1)
        )
        if full is not None:
            query = query.where(columns.full == full)
        with self._reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return Evaluated(
            step=row.step,
            epoch=row.epoch,
            split=row.split,
            images=row.images,
            full=row.full,
            metrics=json.loads(row.metrics),
            arrays=_from_npz(row.arrays),
        )

    def started(self, run_id: str) -> Started | None:
        """What the run was built of, or None before it was; do not write into its arrays."""
        if run_id in self._built:
            return self._built[run_id]
        with self._reading() as connection:
            text = connection.execute(
                select(tables.runs.c.built).where(tables.runs.c.id == run_id)
            ).scalar_one_or_none()
        if text is None:
            return None
        found = Started(**json.loads(text), arrays=self._read_file(run_id, "started.npz"))
        self._built[run_id] = found
        while len(self._built) > 64:
            self._built.popitem(last=False)
        return found

    def snapshot(self, run_id: str, kind: str, step: int | None = None) -> Snapshot | None:
        """The snapshot at `step`, or the latest; None if there is none."""
        columns = tables.snapshots.c
        query = (
            select(columns.step, columns.file)
            .where(columns.run_id == run_id, columns.kind == kind)
            .order_by(columns.step.desc())
            .limit(1)
        )
        if step is not None:
            query = query.where(columns.step == step)
        with self._reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        try:
            return Snapshot(row.step, kind, self._read_file(run_id, row.file))
        except StoreError:
            if row.step in self.snapshots(run_id, kind):
                raise
            return None  # thinned out between the two looks

    def snapshots(self, run_id: str, kind: str) -> list[int]:
        """The steps of which there is a snapshot, ascending."""
        columns = tables.snapshots.c
        with self._reading() as connection:
            return list(
                connection.execute(
                    select(columns.step)
                    .where(columns.run_id == run_id, columns.kind == kind)
                    .order_by(columns.step)
                ).scalars()
            )

    # One method for each kind of event that keeps more than a state

    def _record_started(self, run_id: str, event: Started) -> None:
        self._write_file(run_id, "started.npz", event.arrays)
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
            built=_dumps(facts),
        )

    def _record_progress(self, run_id: str, event: Progress) -> None:
        pieces: dict[tuple[str, int], tuple[int, np.ndarray]] = {}
        for name, values in event.series.items():
            values = np.asarray(values, np.float32)
            first = event.step - len(values) + 1
            for chunk in range((first - 1) // tables.CHUNK, (event.step - 1) // tables.CHUNK + 1):
                low = max(first, chunk * tables.CHUNK + 1)
                high = min(event.step, (chunk + 1) * tables.CHUNK)
                pieces[name, chunk] = (low, values[low - first : high - first + 1])
        columns = tables.series.c
        with self._writing() as connection:
            kept = {
                (row.name, row.chunk): (row.first, np.frombuffer(row.points, "<f4"))
                for row in connection.execute(
                    select(columns.name, columns.chunk, columns.first, columns.points).where(
                        columns.run_id == run_id,
                        tuple_(columns.name, columns.chunk).in_(list(pieces)),
                    )
                )
            }
            old: list[dict[str, Any]] = []
            new: list[dict[str, Any]] = []
            for (name, chunk), piece in pieces.items():
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
        with self._writing() as connection:
            connection.execute(
                insert(tables.evaluations).values(
                    run_id=run_id,
                    split=event.split,
                    step=event.step,
                    epoch=event.epoch,
                    images=event.images,
                    full=event.full,
                    metrics=_dumps(event.metrics),
                    arrays=to_npz(event.arrays),
                )
            )
            _add_metrics(
                connection,
                run_id,
                {f"{event.split}_{name}": value for name, value in event.metrics.items()},
            )

    def _record_snapshot(self, run_id: str, event: Snapshot) -> None:
        file = f"{event.kind}-{event.step:09d}.npz"
        self._write_file(run_id, file, event.arrays)
        columns = tables.snapshots.c
        kind = (columns.run_id == run_id, columns.kind == event.kind)
        with self._writing() as connection:
            rows = connection.execute(select(columns.step, columns.file).where(*kind)).all()
            files = {row.step: row.file for row in rows}
            if event.step not in files:
                connection.execute(
                    insert(tables.snapshots).values(
                        run_id=run_id, kind=event.kind, step=event.step, file=file
                    )
                )
                files[event.step] = file
            size = max(1, sum(array.nbytes for array in event.arrays.values()))
            room = max(LEAST_SNAPSHOTS, min(MOST_SNAPSHOTS, self._snapshot_bytes // size))
            spare = _spare(list(files), room)
            if spare:
                connection.execute(delete(tables.snapshots).where(*kind, columns.step.in_(spare)))
        try:
            for step in spare:
                (self._folder / run_id / files[step]).unlink(missing_ok=True)
        except OSError as error:
            raise self._file_error(error) from error

    def _record_changed(self, run_id: str, event: Changed) -> None:
        with self._writing() as connection:
            connection.execute(
                insert(tables.marks).values(
                    run_id=run_id, step=event.step, what=event.what, value=_dumps(event.value)
                )
            )
            if event.what == "state" and event.value in ("paused", "running"):
                connection.execute(
                    update(tables.runs)
                    .where(tables.runs.c.id == run_id, tables.runs.c.state.in_(LIVE))
                    .values(state=event.value)
                )

    # States

    def _update(self, run_id: str, states: frozenset[str] | set[str], **values: Any) -> None:
        """Writes columns of a run that is in one of `states`."""
        with self._writing() as connection:
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
    ) -> None:
        """Writes a run's end, unless it ended in another way before."""
        values = {"state": state, "finished": time.time(), **values}
        try:
            self._write_end(run_id, values, metrics or {})
        except StoreError:
            self._unwritten.setdefault(run_id, values)
            self._start_heart()
            raise
        self._held.discard(run_id)

    def _write_end(self, run_id: str, values: dict[str, Any], metrics: Mapping[str, float]) -> None:
        with self._writing() as connection:
            connection.execute(
                update(tables.runs)
                .where(
                    tables.runs.c.id == run_id,
                    tables.runs.c.state.in_(LIVE | {values["state"]}),
                )
                .values(**values)
            )
            if metrics:
                _add_metrics(connection, run_id, metrics)

    # The sign of life

    def _hold(self, run_id: str) -> None:
        self._held.add(run_id)
        self._start_heart()

    def _start_heart(self) -> None:
        if self._heart is None and not self._closed.is_set():
            self._heart = threading.Thread(target=self._beat, name="store-heart", daemon=True)
            self._heart.start()

    def _beat(self) -> None:
        while not self._closed.wait(BEAT_SECONDS):
            try:
                for run_id, values in list(self._unwritten.items()):
                    self._write_end(run_id, values, {})
                    del self._unwritten[run_id]
                    self._held.discard(run_id)
                if self._held:
                    with self._writing() as connection:
                        connection.execute(
                            update(tables.runs)
                            .where(tables.runs.c.holder == _PROCESS, tables.runs.c.state.in_(LIVE))
                            .values(heartbeat=time.time())
                        )
            except StoreError as error:
                _log.warning("The runs' sign of life could not be written: %s", error)

    # Connections and files

    def _open(self) -> None:
        """Makes the tables in an empty database; refuses a foreign or newer one."""
        with self._writing() as connection:
            names = set(inspect(connection).get_table_names())
            if tables.schema.name not in names:
                if names & set(tables.metadata.tables) or (
                    names and self._engine.dialect.name == "sqlite"
                ):
                    raise StoreError(
                        f"{self._place} belongs to another program.",
                        "Set PLAYGROUND_HOME or PLAYGROUND_STORE_URL to another place.",
                    )
                tables.metadata.create_all(connection)
                connection.execute(insert(tables.schema).values(version=tables.VERSION))
            version = connection.execute(select(func.max(tables.schema.c.version))).scalar_one()
        if version != tables.VERSION:
            raise StoreError(
                f"{self._place} was made by another version of the Loss Playground "
                f"(format {version}; this one reads {tables.VERSION}).",
                "Use that version, or set PLAYGROUND_HOME to another folder.",
            )

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._told(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """One transaction; one at a time in this process, so that threads wait here in turn."""
        with self._told(), self._writer, self._engine.connect() as connection:
            connection.execution_options(playground_write=True)
            with connection.begin():
                yield connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns the database's errors into StoreErrors in plain words."""
        try:
            yield
        except SQLAlchemyError as error:
            name = getattr(getattr(error, "orig", None), "sqlite_errorname", "")
            if name == "SQLITE_FULL" or name.startswith("SQLITE_IOERR"):
                raise StoreError(
                    f"{self._place} cannot be written: the disk is full or broken.",
                    "Free some space on it. What was recorded before is kept.",
                ) from error
            if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise StoreError(
                    f"{self._place} is locked by another program.",
                    "Close what holds it open, then try again.",
                ) from error
            if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
                raise StoreError(
                    f"{self._place} cannot be opened for writing.",
                    "Give this user the right to write there, or set PLAYGROUND_HOME to another "
                    "folder.",
                ) from error
            if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
                raise StoreError(
                    f"{self._place} is not a store of the Loss Playground, or is damaged.",
                    "Move it away, or set PLAYGROUND_HOME to another folder.",
                ) from error
            raise StoreError(f"The store {self._place} does not answer as expected.") from error

    def _file_error(self, error: OSError) -> StoreError:
        return StoreError(
            f"{error.filename or self._folder} cannot be used: {error.strerror or error}.",
            "Free some space, give this user the right to write there, or set PLAYGROUND_HOME "
            "to another folder.",
        )

    def _write_file(self, run_id: str, name: str, arrays: Arrays) -> None:
        """Whole or not at all: a reader never sees half a file."""
        path = self._folder / run_id / name
        part = path.with_suffix(f".{threading.get_ident()}.part")
        try:
            path.parent.mkdir(exist_ok=True)
            try:
                part.write_bytes(to_npz(arrays))
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            raise self._file_error(error) from error

    def _read_file(self, run_id: str, name: str) -> dict[str, np.ndarray]:
        path = self._folder / run_id / name
        try:
            return _from_npz(path.read_bytes())
        except OSError as error:
            raise self._file_error(error) from error
        except ValueError as error:
            raise StoreError(
                f"{path} is damaged.", "Remove the file; the run's curves are kept."
            ) from error

    def _evaluated_series(
        self, run_id: str, split: str, metric: str, after: int
    ) -> tuple[np.ndarray, np.ndarray]:
        columns = tables.evaluations.c
        with self._reading() as connection:
            rows = connection.execute(
                select(columns.step, columns.metrics)
                .where(columns.run_id == run_id, columns.split == split, columns.step > after)
                .order_by(columns.step, columns.number)
            ).all()
        found = {}  # of two looks at one step, the later counts
        for row in rows:
            value = json.loads(row.metrics).get(metric)
            if value is not None:
                found[row.step] = value
        return np.array(list(found), np.int32), np.array(list(found.values()), np.float32)

    def _to_record(self, row: Row[Any]) -> RunRecord:
        values = dict(row._mapping)
        for name in ("created", "started", "finished"):
            if values[name] is not None:
                values[name] = datetime.fromtimestamp(values[name], UTC)
        values["metrics"] = json.loads(values["metrics"])
        values["where"] = json.loads(values["where"]) if values["where"] else None
        values["spec"] = _spec(values["spec"])
        record = RunRecord(**values)
        unwritten = self._unwritten.get(record.id)
        if unwritten is None or not record.live:
            return record
        return replace(
            record,
            state=unwritten["state"],
            finished=datetime.fromtimestamp(unwritten["finished"], UTC),
            message=unwritten.get("message", ""),
            hint=unwritten.get("hint", ""),
            kind=unwritten.get("kind", ""),
        )


def _tells(record: RunRecord) -> int:
    return 2 if record.state == "completed" else 1 if record.live else 0


def _tune_sqlite(engine: Engine) -> None:
    """WAL, so that readers and the writer pass each other; writers take their turn up front."""

    def connected(raw: Any, _: Any) -> None:
        raw.isolation_level = None  # BEGIN is ours, below
        cursor = raw.cursor()
        cursor.execute("PRAGMA busy_timeout = 5000")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()

    def begun(connection: Connection) -> None:
        write = connection.get_execution_options().get("playground_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)


def _record_columns() -> list[Any]:
    return [tables.runs.c[field.name] for field in fields(RunRecord)]


def _add_metrics(connection: Connection, run_id: str, metrics: Mapping[str, float]) -> None:
    text = connection.execute(
        select(tables.runs.c.metrics).where(tables.runs.c.id == run_id)
    ).scalar_one_or_none()
    connection.execute(
        update(tables.runs)
        .where(tables.runs.c.id == run_id)
        .values(metrics=_dumps({**json.loads(text or "{}"), **metrics}))
    )


def _merged(known: tuple[int, np.ndarray], piece: tuple[int, np.ndarray]) -> tuple[int, np.ndarray]:
    """Both stretches of a series as one, the piece over what was known, NaN between them."""
    first = min(known[0], piece[0])
    end = max(known[0] + len(known[1]), piece[0] + len(piece[1]))
    values = np.full(end - first, np.nan, np.float32)
    for start, part in (known, piece):
        values[start - first : start - first + len(part)] = part
    return first, values


def _spare(steps: list[int], limit: int) -> list[int]:
    """Which of these steps to let go so that `limit` remain: never the first or the last, and
    always the one that leaves the smallest gap. Gaps are of the steps' roots, because a network
    changes most at the beginning."""
    kept, spare = sorted(steps), []
    while len(kept) > limit:
        roots = [math.sqrt(step) for step in kept]
        least = min(range(1, len(kept) - 1), key=lambda i: roots[i + 1] - roots[i - 1])
        spare.append(kept.pop(least))
    return spare


def _later(
    steps: list[np.ndarray], values: list[np.ndarray], after: int
) -> tuple[np.ndarray, np.ndarray]:
    if not steps:
        return np.empty(0, np.int32), np.empty(0, np.float32)
    joined = np.concatenate(steps)
    start = int(np.searchsorted(joined, after, side="right"))
    return joined[start:], np.concatenate(values)[start:].astype(np.float32)


def to_npz(arrays: Arrays) -> bytes:
    """Arrays by their names, as a file of NumPy's."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _from_npz(content: bytes) -> dict[str, np.ndarray]:
    """Raises ValueError for what is no such file."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    except (OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError("not an .npz") from error


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_number)


def _number(value: Any) -> Any:
    """NumPy's numbers as Python's."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"expected plain values, got {type(value).__name__}")


@lru_cache(maxsize=512)
def _spec(text: str) -> RunSpec:
    """A recorded spec. One that this version would refuse is still shown as it was."""
    try:
        return RunSpec.from_json(text)
    except SpecError:
        return RunSpec.model_construct(**json.loads(text))


def _alive(row: Any) -> bool:
    """Whether the process that holds a run still lives: at once for one of this machine that can
    be looked up, else by its sign of life."""
    if row.host == socket.gethostname() and os.name == "posix":
        if row.pid == os.getpid():
            return False  # an earlier process that had our number
        try:
            os.kill(row.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            _log.debug("Process %d belongs to another user.", row.pid)
    return bool(time.time() - row.heartbeat < STALE_SECONDS)
