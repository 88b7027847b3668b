"""All runs that a visitor may list, read with one statement and kept while nothing changes."""

import json
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select

from playground.runs import tables
from playground.runs.connection import Database
from playground.runs.records import LIVE

MOST = 5000  # runs of a list, the newest
KEPT = 16  # lists that are kept


@dataclass(frozen=True)
class Listed:
    """A run as a list has it: its facts in plain values. Times are seconds since 1970; `settings`
    what its spec says, which is not read anew: a run of before has what it had; `notes` are empty
    of others' runs, `bytes` None until they were measured."""

    id: str
    number: int
    owner: str
    digest: str
    state: str
    created: float
    step: int
    steps: int
    epoch: float
    seconds: float
    images_per_second: float
    parameters: int
    message: str
    settings: Mapping[str, Any]
    metrics: Mapping[str, float]
    parent: str | None
    parent_step: int | None
    name: str
    notes: str
    starred: bool
    deleted: float | None
    bytes: int | None

    @property
    def live(self) -> bool:
        """Whether the run waits, trains or pauses."""
        return self.state in LIVE


class Listing:
    """Reads lists of runs. Thread-safe; methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._read = database.read
        self._known: OrderedDict[tuple[str, ...], tuple[tuple[Any, ...], list[Listed]]]
        self._known = OrderedDict()
        self._one = threading.Lock()

    def runs(self, owners: Collection[str], visitor: str) -> list[Listed]:
        """The runs of these owners and those whose links the visitor came by, newest first, those
        among them that were deleted and can be brought back. The same list as long as nothing of it
        changes."""
        who = (visitor, *sorted(owners))

        def read(connection: Connection) -> tuple[tuple[Any, ...], list[Listed]]:
            stamp = tuple(connection.execute(_stamp(owners, visitor)).one())
            with self._one:
                known = self._known.get(who)
            if known is not None and known[0] == stamp:
                return known
            return stamp, _read(connection, owners, visitor)

        stamp, found = self._read(read)
        with self._one:
            self._known[who] = stamp, found
            self._known.move_to_end(who)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return found


_RUNS, _LABELS, _SIZES = tables.runs.c, tables.labels.c, tables.sizes.c
_FROM = (
    tables.runs.outerjoin(tables.origins, tables.origins.c.run_id == _RUNS.id)
    .outerjoin(tables.labels, _LABELS.run_id == _RUNS.id)
    .outerjoin(tables.sizes, _SIZES.run_id == _RUNS.id)
)
_ELSEWHERE: dict[str, Any] = {
    "settings": _RUNS.spec.label("settings"),
    "parent": tables.origins.c.parent,
    "parent_step": tables.origins.c.parent_step,
    "name": func.coalesce(_LABELS.name, "").label("name"),
    "notes": func.coalesce(_LABELS.notes, "").label("notes"),
    "starred": _LABELS.starred,
    "deleted": _LABELS.deleted,
    "bytes": (_SIZES.files + _SIZES.rows).label("bytes"),
}
_COLUMNS = [
    _ELSEWHERE[field.name] if field.name in _ELSEWHERE else _RUNS[field.name]
    for field in fields(Listed)
]


def _asked(owners: Collection[str], visitor: str) -> Any:
    """Which runs: their own, and of others those that they follow and that are not deleted."""
    links = select(tables.followed.c.run_id).where(tables.followed.c.visitor == visitor)
    return or_(
        _RUNS.owner.in_(owners),
        and_(_RUNS.id.in_(links), _LABELS.deleted.is_(None)),
    )


def _stamp(owners: Collection[str], visitor: str) -> Select[*tuple[Any, ...]]:
    """Numbers of which one changes whenever anything that a list shows does."""
    return (
        select(
            func.count(),
            func.max(_RUNS.number),
            func.sum(_RUNS.step),
            func.max(_RUNS.heartbeat),
            func.max(_RUNS.finished),
            func.sum(func.length(_RUNS.state) + func.length(_RUNS.metrics)),
            func.max(_LABELS.changed),
            func.sum(_SIZES.files + _SIZES.rows),
        )
        .select_from(_FROM)
        .where(_asked(owners, visitor))
    )


def _read(connection: Connection, owners: Collection[str], visitor: str) -> list[Listed]:
    query = (
        select(*_COLUMNS)
        .select_from(_FROM)
        .where(_asked(owners, visitor))
        .order_by(_RUNS.number.desc())
        .limit(MOST)
    )
    found = []
    for row in connection.execute(query):
        values = row._asdict()
        values["settings"] = _settings(values["settings"])
        values["metrics"] = json.loads(values["metrics"])
        values["starred"] = bool(values["starred"])
        if values["owner"] not in owners:
            values["notes"] = ""  # which are for who wrote them; a name goes with the run
        found.append(Listed(**values))
    return found


@lru_cache(maxsize=8192)
def _settings(text: str) -> Mapping[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found
