"""The rows of races: which runs belong together, and whether somebody sees to them.

A race is kept as the text that describes it (`playground.races`), with the process that trains what
is missing of it. Its runs are found by the digests of their specs, whoever trained them.
"""

import secrets
import string
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, insert, select, update

from playground.runs import tables
from playground.runs.connection import Database
from playground.runs.holding import Holding
from playground.runs.records import TERMINAL

ACTIVE, STOPPED, DONE = "active", "stopped", "done"
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class RaceRecord:
    """A race as the store has it: `definition` is its JSON, `state` ACTIVE, STOPPED or DONE,
    `message` why it does not go on where it should, times are seconds since 1970. What broke before
    `begun`, when it was started or taken up last, is trained again."""

    id: str
    owner: str
    definition: str
    state: str
    message: str
    created: float
    begun: float


class RaceRows:
    """Keeps races. Thread-safe; every method raises StoreError."""

    def __init__(self, database: Database, holding: Holding) -> None:
        self._read, self._write = database.read, database.write
        self._holding = holding

    def create(self, definition: str, owner: str, state: str = ACTIVE) -> str:
        """Keeps a race and returns its id, 12 URL-safe characters not to guess."""
        race_id = "".join(secrets.choice(_ALPHABET) for _ in range(12))
        now = time.time()
        row = insert(tables.races).values(
            id=race_id,
            owner=owner,
            definition=definition,
            state=state,
            message="",
            created=now,
            begun=now,
            **self._holding.columns(),
        )
        self._write(lambda connection: connection.execute(row))
        return race_id

    def find(self, race_id: str) -> RaceRecord | None:
        """The race, or None if there is none of this id."""
        query = select(tables.races).where(tables.races.c.id == race_id)
        row = self._read(lambda connection: connection.execute(query).first())
        return None if row is None else _record(row)

    def of(self, owners: Collection[str], limit: int = 50) -> list[RaceRecord]:
        """The races of these owners, newest first."""
        query = select(tables.races).where(tables.races.c.owner.in_(owners))
        query = query.order_by(tables.races.c.created.desc()).limit(limit)
        rows = self._read(lambda connection: connection.execute(query).all())
        return [_record(row) for row in rows]

    def set_state(self, race_id: str, state: str, message: str = "") -> None:
        """Says how a race is; one that becomes ACTIVE is held by this process and begins anew."""
        values: dict[str, Any] = {"state": state, "message": message}
        if state == ACTIVE:
            values |= {"begun": time.time(), **self._holding.columns()}
        said = update(tables.races).where(tables.races.c.id == race_id).values(**values)
        self._write(lambda connection: connection.execute(said))

    def active(self, adopts: bool = True) -> list[RaceRecord]:
        """The active races that this process holds, oldest first: its own and, where it `adopts`
        them, those whose process is gone, which it takes over. A terminal's is nobody else's."""
        mine = self._holding.columns()
        query = select(tables.races).where(tables.races.c.state == ACTIVE)
        query = query.order_by(tables.races.c.created)
        rows = self._read(lambda connection: connection.execute(query).all())
        found = []
        for row in rows:
            if row.holder == mine["holder"]:
                found.append(_record(row))
            elif not adopts or self._holding.alive(row):
                continue
            elif row.owner == TERMINAL:
                said = "The terminal that trained it was ended. The same command goes on with it."
                self.set_state(row.id, STOPPED, said)
            elif self._take(row, mine):
                found.append(_record(row))
        return found

    def give_sign(self) -> None:
        """Writes that this process lives and sees to its races."""
        mine = self._holding.columns()
        columns = tables.races.c
        sign = (
            update(tables.races)
            .where(columns.holder == mine["holder"], columns.state == ACTIVE)
            .values(heartbeat=mine["heartbeat"])
        )
        self._write(lambda connection: connection.execute(sign))

    def _take(self, row: Row[Any], mine: dict[str, Any]) -> bool:
        columns = tables.races.c
        taken = (
            update(tables.races)
            .where(columns.id == row.id, columns.holder == row.holder)  # who is quicker
            .values(**mine, begun=time.time())
        )
        return self._write(lambda connection: connection.execute(taken).rowcount > 0)


def _record(row: Row[Any]) -> RaceRecord:
    values = row._asdict()
    return RaceRecord(**{name: values[name] for name in RaceRecord.__dataclass_fields__})
