"""The commands of visitors whose server does not train the run that they steer: rows that the one
which does takes, each once, and answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update

from playground.runs import tables
from playground.runs.connection import Database
from playground.runs.holding import Holding
from playground.runs.news import News
from playground.runs.records import LIVE

KEPT_SECONDS = 60.0  # after which nobody waits for the answer any more
_TAKEN = "taken"


@dataclass(frozen=True)
class Sent:
    """A command: `do` and what `Supervisor.command` takes beside."""

    number: int
    run_id: str
    visitor: str
    command: Mapping[str, Any]


class CommandRows:
    """Keeps commands. Thread-safe; every method raises StoreError."""

    def __init__(self, database: Database, holding: Holding, news: News) -> None:
        self._database, self._holding, self._news = database, holding, news
        self._read, self._write = database.read, database.write

    def send(self, run_id: str, visitor: str, command: Mapping[str, Any]) -> int:
        """Leaves a command for the server that holds a run; its number."""
        row = insert(tables.commands).values(
            run_id=run_id,
            visitor=visitor,
            command=json.dumps(command),
            sent=self._database.clock,
        )
        found = self._write(lambda connection: connection.execute(row).inserted_primary_key)
        self._news.tell("commands")
        return int(found[0]) if found is not None else 0

    def take(self) -> list[Sent]:
        """The commands for live runs of this process, in the order in which they came. Whoever is
        given one sees to it, and answers."""
        columns, runs = tables.commands.c, tables.runs.c
        query = (
            select(columns.number, columns.run_id, columns.visitor, columns.command)
            .join(tables.runs, runs.id == columns.run_id)
            .where(
                columns.answer.is_(None),
                runs.holder == self._holding.columns()["holder"],
                runs.state.in_(LIVE),
            )
            .order_by(columns.number)
        )
        rows = self._read(lambda connection: connection.execute(query).all())
        return [
            Sent(row.number, row.run_id, row.visitor, json.loads(row.command))
            for row in rows
            if self._set(row.number, None, _TAKEN)
        ]

    def answer(self, number: int, refused: tuple[str, str] | None) -> None:
        """Says that a command that was taken is done, or refused with a message and a hint."""
        self._set(number, _TAKEN, json.dumps(refused))

    def answered(self, number: int) -> tuple[bool, tuple[str, str] | None]:
        """Whether there is an answer, and with what message and hint the command was refused, if
        it was."""
        query = select(tables.commands.c.answer).where(tables.commands.c.number == number)
        found = self._read(lambda connection: connection.execute(query).scalar_one_or_none())
        if found is None or found == _TAKEN:
            return False, None
        refused = json.loads(found)
        return True, None if refused is None else (refused[0], refused[1])

    def remove(self, number: int) -> None:
        """Removes a command, and those that nobody has asked about for long."""
        columns = tables.commands.c
        old = columns.sent < self._database.clock - KEPT_SECONDS
        self._write(
            lambda connection: connection.execute(
                delete(tables.commands).where((columns.number == number) | old)
            )
        )

    def _set(self, number: int, before: str | None, answer: str) -> bool:
        columns = tables.commands.c
        same = columns.answer.is_(None) if before is None else columns.answer == before
        statement = (
            update(tables.commands).where(columns.number == number, same).values(answer=answer)
        )
        return self._write(lambda connection: connection.execute(statement).rowcount > 0)
