"""What a run says, as rows and files of the store."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, TypeVar

from sqlalchemy import Connection, insert, select, update

from playground.errors import LostRun, StoreError
from playground.runs import curves, evaluations, resuming, snapshots, tables
from playground.runs.connection import Database
from playground.runs.files import AnyFiles, to_npz
from playground.runs.holding import Holding
from playground.runs.records import LIVE, STATES, dumps
from playground.training.changes import STATE
from playground.training.events import (
    Changed,
    Evaluated,
    Event,
    Failed,
    Finished,
    Preparing,
    Progress,
    Resumed,
    Snapshot,
    Started,
)

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
Ending = tuple[dict[str, Any], Mapping[str, float]]  # the columns of a run, and its metrics


class Recorder:
    """Writes the events and ends of runs. Of each kind of snapshot a run keeps at most about as
    many bytes as it has `room`. An end that cannot be written now is kept and written as soon as
    it can be. Thread-safe; methods raise StoreError, LostRun of a run that this process does not
    hold."""

    def __init__(
        self, database: Database, files: AnyFiles, room: Mapping[str, int], lease_seconds: float
    ) -> None:
        self._database, self._files, self._room = database, files, room
        self.holding = Holding(database, self.write_overdue, lease_seconds)
        self._unwritten: dict[str, Ending] = {}  # that could not be written yet

    def unwritten(self, run_id: str) -> dict[str, Any] | None:
        """The columns of an end that is not written yet."""
        found = self._unwritten.get(run_id)
        return None if found is None else found[0]

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
            case Resumed():
                self._record_resumed(run_id, event)
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

    # One method for each kind of event that keeps more than a state

    def _record_started(self, run_id: str, event: Started) -> None:
        """What the run is built of; of one that goes on, that it does."""
        if self._is_built(run_id):
            self._update(run_id, LIVE, state="running", message="", steps=event.steps)
            return
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
            message="",
            started=time.time(),
            steps=event.steps,
            parameters=event.parameters,
            built=dumps(facts),
        )

    def _is_built(self, run_id: str) -> bool:
        query = select(tables.runs.c.built.is_not(None)).where(tables.runs.c.id == run_id)
        return self._write(
            run_id, lambda connection: bool(connection.execute(query).scalar_one_or_none())
        )

    def _record_resumed(self, run_id: str, event: Resumed) -> None:
        gone = self._write(run_id, lambda it: resuming.forget_later(it, run_id, event))
        self._files.remove(run_id, gone)

    def _record_progress(self, run_id: str, event: Progress) -> None:
        def write(connection: Connection) -> None:
            curves.write(connection, run_id, event)
            connection.execute(
                update(tables.runs)
                .where(tables.runs.c.id == run_id)
                .values(
                    step=event.step,
                    epoch=event.epoch,
                    seconds=event.seconds,
                    images_per_second=event.images_per_second,
                    heartbeat=self._database.clock,
                )
            )

        self._write(run_id, write)

    def _record_evaluated(self, run_id: str, event: Evaluated) -> None:
        self._write(run_id, lambda connection: evaluations.write(connection, run_id, event))

    def _record_snapshot(self, run_id: str, event: Snapshot) -> None:
        self._files.write(run_id, snapshots.file(event), to_npz(event.arrays))
        room = self._room[event.kind]
        gone = self._write(run_id, lambda it: snapshots.write(it, run_id, event, room))
        self._files.remove(run_id, gone)

    def _record_changed(self, run_id: str, event: Changed) -> None:
        def write(connection: Connection) -> None:
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

        self._write(run_id, write)

    # States

    def _write(self, run_id: str, work: Callable[[Connection], _T], patient: bool = True) -> _T:
        """What `work` makes of a transaction that has a run of this process for itself."""

        def claimed(connection: Connection) -> _T:
            self.holding.claim(connection, run_id)
            return work(connection)

        return self._database.write(claimed, patient)

    def _update(
        self, run_id: str, states: frozenset[str] | set[str], patient: bool = True, **values: Any
    ) -> None:
        """Writes columns of a run that is in one of `states`."""
        statement = (
            update(tables.runs)
            .where(tables.runs.c.id == run_id, tables.runs.c.state.in_(states))
            .values(heartbeat=self._database.clock, **values)
        )
        self._write(run_id, lambda connection: connection.execute(statement), patient)

    def _end(
        self,
        run_id: str,
        state: str,
        values: Mapping[str, Any],
        metrics: Mapping[str, float] | None = None,
        patient: bool = True,
    ) -> None:
        """Writes a run's end, or the one before it that is not written yet: the first counts."""
        end: Ending = {"state": state, "finished": time.time(), **values}, metrics or {}
        before = self._unwritten.get(run_id)
        if before is not None and before[0]["state"] == state:
            end = {**before[0], **end[0]}, {**before[1], **end[1]}
        elif before is not None:
            end = before
        try:
            self._write_end(run_id, *end, patient)
        except LostRun:
            self.holding.let_go(run_id)  # how it ends, another says
            raise
        except StoreError:
            self._unwritten[run_id] = end
            self.holding.start()
            raise
        self._unwritten.pop(run_id, None)
        self.holding.let_go(run_id)

    def _write_end(
        self, run_id: str, values: dict[str, Any], metrics: Mapping[str, float], patient: bool
    ) -> None:
        def write(connection: Connection) -> None:
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

        self._write(run_id, write, patient)

    def write_overdue(self) -> None:
        """Writes the ends that could not be written when they came."""
        for run_id, (values, metrics) in list(self._unwritten.items()):
            try:
                self._write_end(run_id, values, metrics, patient=False)
            except LostRun as error:
                _log.warning("The end of a run is not written: %s", error)
            self._unwritten.pop(run_id, None)
            self.holding.let_go(run_id)
