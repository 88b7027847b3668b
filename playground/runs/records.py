"""A run as pages see it, made of its row in the store."""

import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np
from sqlalchemy import Select, false, func, select

from playground.errors import SpecError
from playground.runs import tables
from playground.spec import DEFAULT_TASK, RunSpec, spec_of
from playground.tasks import TASKS

LIVE = frozenset({"queued", "preparing", "running", "paused"})
STATES = LIVE | {"completed", "stopped", "failed"}
TERMINAL = "command line"  # the owner of runs that were started from a terminal
# Ends that a second try with the same seed would come to again.
FINAL = frozenset({"nonfinite", "loss", "data", "spec", "memory"})
SHARE = "share"  # the kind of an end that is not the run's own: a race takes the run up again


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
    resumed: int  # how often it was taken up again by itself
    parent: str | None  # the run that it branches from,
    parent_step: int | None  # after this step,
    fresh: bool  # with an optimiser that began anew
    name: str  # what its owner calls it, "" for nothing,
    notes: str  # and says of it
    starred: bool
    deleted: datetime | None  # since when it is gone unless that is undone
    attended: bool  # else it ends where its loss breaks: it is of a race

    @property
    def foreign(self) -> str:
        """What to say of a run whose task this version does not know; "" of any other."""
        if self.spec.task in TASKS:
            return ""
        return (
            f"Run #{self.number} learns {self.spec.task[:32]!r}, which this version of the Loss "
            "Playground does not know: open it with the version that trained it."
        )

    @property
    def live(self) -> bool:
        """Whether the run waits, trains or pauses."""
        return self.state in LIVE


_ORIGINS = tables.origins.c
_OF_ORIGIN = {
    "resumed": func.coalesce(_ORIGINS.resumed, 0).label("resumed"),
    "parent": _ORIGINS.parent,
    "parent_step": _ORIGINS.parent_step,
    "fresh": func.coalesce(_ORIGINS.fresh, false()).label("fresh"),
    "attended": tables.unattended.c.run_id.is_(None).label("attended"),
}
_LABELS = tables.labels.c
_OF_LABELS = {
    "name": func.coalesce(_LABELS.name, "").label("name"),
    "notes": func.coalesce(_LABELS.notes, "").label("notes"),
    "starred": func.coalesce(_LABELS.starred, false()).label("starred"),
    "deleted": _LABELS.deleted,
}
_COLUMNS: list[Any] = [
    (_OF_ORIGIN | _OF_LABELS).get(field.name, tables.runs.c.get(field.name))
    for field in fields(RunRecord)
]
# What a record is made of: a query of runs goes on from here.
RECORDS: Select[Any] = select(*_COLUMNS).select_from(
    tables.runs.outerjoin(tables.origins, tables.origins.c.run_id == tables.runs.c.id)
    .outerjoin(tables.labels, tables.labels.c.run_id == tables.runs.c.id)
    .outerjoin(tables.unattended, tables.unattended.c.run_id == tables.runs.c.id)
)


def to_record(values: dict[str, Any]) -> RunRecord:
    """The record of a row of `RECORDS`."""
    for name in ("fresh", "starred", "attended"):
        values[name] = bool(values[name])
    for name in ("created", "started", "finished", "deleted"):
        if values[name] is not None:
            values[name] = moment(values[name])
    values["metrics"] = json.loads(values["metrics"])
    values["where"] = json.loads(values["where"]) if values["where"] else None
    values["spec"] = _spec(values["spec"])
    return RunRecord(**values)


def serves(record: RunRecord, owner: str) -> bool:
    """Whether a race of this owner may count on a run: one that is completed, one whose end another
    try would come to again, or one that was started for a race of the same owner. Any other may be
    paused or stopped by whose it is."""
    if record.state == "completed" or (record.state == "failed" and record.kind in FINAL):
        return True
    return record.owner == owner and not record.attended


def tells(record: RunRecord) -> int:
    """How much a run tells of its spec: a completed one most, a broken one least."""
    return 2 if record.state == "completed" else 1 if record.live else 0


def moment(seconds: float) -> datetime:
    """Seconds since 1970 as a time."""
    return datetime.fromtimestamp(seconds, UTC)


def dumps(value: Any) -> str:
    """JSON of plain values and NumPy's numbers."""
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
        # JSON has no tuples, and a spec no lists.
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in json.loads(text).items()
        }
        return spec_of(values.get("task", DEFAULT_TASK)).model_construct(**values)
