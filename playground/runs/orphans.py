"""What becomes of runs whose process is gone: some wait again, the others end."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Row, select

from playground.runs import liveness, records, resuming, tables
from playground.runs.connection import Database
from playground.runs.holding import Holding
from playground.runs.imports import Imports
from playground.runs.records import LIVE

_HALF = {
    "message": "The program that read this run out of a file was ended before it had all of it.",
    "hint": "Delete it, and import the file again.",
}


class Orphans:
    """Sees to them, each once however many processes do; `kept` says whether there is a checkpoint
    of a run. Thread-safe; methods raise StoreError."""

    def __init__(self, database: Database, holding: Holding, kept: Callable[[str], bool]) -> None:
        self._write, self._holding, self._kept = database.write, holding, kept
        self._imports = Imports(database)

    def interrupt(self, most: int) -> list[str]:
        """Marks as failed the runs that had begun and whose process is gone; returns their ids.
        Those that were taken up by themselves less than `most` times wait again, to be taken over;
        not those of a terminal, of which those that waited are marked, too, and not those that
        were being brought from elsewhere: nothing of them is trained here."""
        dead = []
        for row in self._holding.orphans(LIVE):
            own, brought = row.owner == records.TERMINAL, self._imports.of(row.id) is not None
            again = not own and not brought
            if again and (row.state == "queued" or self.wait_again(row, most)):
                continue
            said = _HALF if brought else self._said(row, own)
            if self._holding.end(row, state="failed", kind="interrupted", **said):
                dead.append(row.id)
        return dead

    def _said(self, row: Row[Any], own: bool) -> dict[str, str]:
        """What to say of a run that was being trained."""
        return {
            "message": f"The program that trained this run was ended at step {row.step:,}. "
            "What it recorded is kept.",
            "hint": f"`python -m playground resume {row.id}` goes on from its last checkpoint."
            if own and self._kept(row.id)
            else "Start the run again; the same seed gives the same numbers.",
        }

    def wait_again(self, row: Row[Any], most: int) -> bool:
        """Lets the run of a row wait again; whether it does, or another process was quicker."""
        message = (
            f"The program that trained this run was ended at step {row.step:,}. It goes on from "
            "its last checkpoint."
        )
        same = tables.runs.c.holder == row.holder

        def write(connection: Connection) -> bool:
            nobody = {"holder": liveness.NOBODY}
            return (
                resuming.requeue(connection, row.id, {row.state}, nobody, message, most, same)
                or not connection.execute(select(same).where(tables.runs.c.id == row.id)).scalar()
            )

        return self._write(write)
