"""Runs that do not begin: those that go on from a checkpoint, by themselves or because somebody
asks, and branches of other runs. What the supervisor does with the store for them."""

import logging
import time
from collections.abc import Sequence
from typing import Any

from playground.errors import RunError, SpecError, StoreError
from playground.runs.jobs import Job
from playground.runs.run_queue import QueuedRun
from playground.runs.steering import check_owner
from playground.runs.store import Store
from playground.settings import Settings
from playground.spec import RunSpec
from playground.training import checkpoint
from playground.training.changes import check_branch
from playground.training.events import Event, Snapshot

Ending = tuple[str, str, str, str, str]  # run, state, message, hint, kind
_log = logging.getLogger(__name__)


class GoingOn:
    """Asked without the supervisor's lock. Methods raise StoreError."""

    def __init__(self, settings: Settings, store: Store, adopts: bool = True) -> None:
        self._settings, self._store, self._adopts = settings, store, adopts

    def request(self, one: QueuedRun) -> dict[str, Any]:
        """What a worker is sent for a run; of one that goes on the store is asked. Raises
        StoreError where a branch has nothing to begin with."""
        message: dict[str, Any] = {"id": one.run_id, "do": "train", "spec": one.spec.to_json()}
        message["attended"] = one.attended
        if not one.again:
            return message
        start = self._store.start(one.run_id, one.paused)
        return {**message, "start": {**vars(start), "arrays": dict(start.arrays)}}

    def begun(self, spec: RunSpec, visitor: str, attended: bool = True) -> QueuedRun:
        """A new run."""
        run_id = self._store.create(spec, visitor, attended=attended)
        return QueuedRun(run_id, visitor, spec, time.monotonic(), attended=attended)

    def after_exit(self, job: Job, reason: str) -> QueuedRun | None:
        """A run whose worker is gone, to wait again; None where it has ended with that."""
        if not job.heard or job.stop_at is not None:
            return None
        message = f"The worker process of this run {reason} at step {job.step:,}. It goes on from "
        try:
            again = self._store.requeue(
                job.run_id, f"{message}its last checkpoint.", self._settings.resumes, patient=True
            )
        except StoreError as error:
            _log.warning("Run %s cannot go on: %s", job.run_id, error)
            return None
        return job.queued.later() if again else None

    def hand_on(self, waiting: Sequence[str], jobs: Sequence[Job]) -> list[Ending]:
        """At the server's end leaves the runs that wait to the next one, with those that train;
        gives how those end that went on too often."""
        handed, endings = list(waiting), []
        for job in jobs:
            said = f"The server was shut down at step {job.step:,} of this run."
            try:
                going = self._store.requeue(
                    job.run_id, f"{said} It goes on from there.", self._settings.resumes
                )
            except StoreError as error:
                _log.warning("Run %s cannot be handed on: %s", job.run_id, error)
                going = False
            if going:
                handed.append(job.run_id)
                continue
            kept = "What it recorded is kept."
            hint = "Start the run again; the same seed gives the same numbers."
            endings.append((job.run_id, "failed", f"{said} {kept}", hint, "interrupted"))
        try:
            self._store.release(handed)
        except StoreError as error:  # they are found all the same once this process is gone
            _log.warning("Waiting runs could not be handed on: %s", error)
        return endings

    def orphans(self) -> tuple[list[QueuedRun], list[Ending]]:
        """The runs whose program is gone: those that wait now for a worker of this one, in their
        order, and those that came from a version that knew other settings. The others are told."""
        self._store.interrupt_dead(self._settings.resumes)
        found, endings = [], []
        for record in self._store.take_over() if self._adopts else ():
            try:
                spec = RunSpec.from_json(record.spec.to_json())
            except SpecError as error:
                endings.append((record.id, "failed", error.message, error.hint, "spec"))
                continue
            again = record.started is not None or record.parent is not None
            one = QueuedRun(
                record.id,
                record.owner,
                spec,
                time.monotonic(),
                attended=record.attended,
                again=again,
            )
            found.append(one.later() if again else one)
        return found, endings

    def resumed(self, run_id: str, visitor: str) -> QueuedRun:
        """A run that ended before it was done, to go on from its last checkpoint. Raises RunError
        where it cannot, or not by this visitor."""
        record = self._store.run(run_id)
        if record is None:
            raise RunError("There is no such run.", "Check the link, or start a new run.")
        check_owner(record.owner, visitor)
        if record.live:
            raise RunError("This run has not ended.", "Watch it.")
        if record.state == "completed":
            raise RunError("This run is done.", "Go on from it with another setting.")
        if not self._store.snapshots(run_id, checkpoint.KIND):
            raise RunError(
                "No checkpoint was kept of this run.",
                "Start it again; the same seed gives the same numbers.",
            )
        try:
            spec = RunSpec.from_json(record.spec.to_json())
        except SpecError as error:
            raise RunError(f"This version cannot train it: {error.message}.", error.hint) from None
        if not self._store.requeue(run_id, ended=True):
            raise RunError("This run cannot go on.", "Reload the page to see how it is.")
        return QueuedRun(
            run_id, visitor, spec, time.monotonic(), attended=record.attended, again=True
        )

    def branch(self, parent: str, step: int, spec: RunSpec, visitor: str, fresh: bool) -> QueuedRun:
        """A new run of a visitor that leaves another after a step. Raises RunError where that
        cannot be."""
        record, started = self._store.run(parent), self._store.started(parent)
        if record is None or started is None:
            raise RunError("There is no such run.", "Check the link, or start a new run.")
        if record.foreign:
            raise RunError(record.foreign)
        check_branch(record.spec, spec)
        kept = self._store.snapshots(parent, checkpoint.KIND)
        if step not in kept:
            said = f"the nearest is {min(kept, key=lambda one: abs(one - step)):,}" if kept else ""
            raise RunError(
                f"No checkpoint of step {step:,} was kept of this run{said and f': {said}'}.",
                "Choose a step that has one." if kept else "Train it again.",
            )
        if step >= spec.epochs * started.steps_per_epoch:
            raise RunError(
                f"After step {step:,} a run of {spec.epochs} epochs is over.",
                "Give it more epochs, or go back to an earlier step.",
            )
        run_id = self._store.branch(parent, step, spec, visitor, fresh)
        return QueuedRun(run_id, visitor, spec, time.monotonic(), again=True)


def is_checkpoint(event: Event) -> bool:
    """Whether what a run says is a checkpoint."""
    return isinstance(event, Snapshot) and event.kind == checkpoint.KIND


def await_checkpoints(jobs: Sequence[Job], seconds: float) -> None:
    """Waits until each of these runs, which were asked for one, has sent its checkpoint or ended;
    at most so many seconds in all."""
    end = time.monotonic() + seconds
    for job in jobs:
        if job.steps and not job.ended:
            job.kept.wait(max(0.0, end - time.monotonic()))
