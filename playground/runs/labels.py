"""What visitors give their runs: names, notes, stars; which they deleted, until that is final; and
whose links they came by."""

import time
import unicodedata
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from playground.errors import RunError
from playground.runs import tables
from playground.runs.connection import Database

MOST_NAME = 80  # characters
MOST_NOTES = 2000
MOST_FOLLOWED = 1000  # of one visitor, the newest
_PLAIN = {"name": "", "notes": "", "starred": False, "deleted": None}


class Labels:
    """Keeps them. What an owner alone may do takes the `owners` that somebody is. Thread-safe;
    methods raise RunError for what cannot be, StoreError where the store cannot be written."""

    def __init__(self, database: Database) -> None:
        self._write = database.write

    def name(self, run_id: str, owners: Collection[str], name: str) -> None:
        """Gives a run a name, on one line; "" takes it away."""
        self._set([run_id], owners, {"name": checked_name(name)})

    def note(self, run_id: str, owners: Collection[str], notes: str) -> None:
        """Gives a run notes; "" takes them away."""
        self._set([run_id], owners, {"notes": checked_notes(notes)})

    def star(self, run_ids: Sequence[str], owners: Collection[str], starred: bool) -> None:
        """Gives runs a star, or takes it away: one that has it is the last to make room."""
        self._set(run_ids, owners, {"starred": starred})

    def delete(self, run_ids: Sequence[str], owners: Collection[str]) -> None:
        """Takes runs out of all lists, to be removed for good when a while has passed
        (`removal.UNDO_SECONDS`)."""
        self._set(run_ids, owners, {"deleted": time.time()})

    def undo(self, run_ids: Sequence[str], owners: Collection[str]) -> None:
        """Brings deleted runs back. Raises RunError where one is gone for good."""
        self._set(run_ids, owners, {"deleted": None})

    def follow(self, run_id: str, visitor: str) -> None:
        """A visitor came by the link of this run of somebody else."""
        columns = tables.followed.c
        mine = columns.visitor == visitor

        def write(connection: Connection) -> None:
            if not connection.execute(
                select(tables.runs.c.id).where(tables.runs.c.id == run_id)
            ).first():
                return
            known = connection.execute(select(columns.since).where(mine, columns.run_id == run_id))
            if known.first() is not None:
                return
            values = {"visitor": visitor, "run_id": run_id, "since": time.time()}
            connection.execute(insert(tables.followed).values(values))
            newest = select(columns.run_id).where(mine).order_by(columns.since.desc())
            kept = list(connection.execute(newest.limit(MOST_FOLLOWED)).scalars())
            connection.execute(delete(tables.followed).where(mine, columns.run_id.not_in(kept)))

        self._write(write)

    def unfollow(self, run_ids: Sequence[str], visitor: str) -> None:
        """Takes runs of others out of a visitor's list."""
        columns = tables.followed.c
        gone = delete(tables.followed).where(
            columns.visitor == visitor, columns.run_id.in_(run_ids)
        )
        self._write(lambda connection: connection.execute(gone))

    def _set(self, run_ids: Sequence[str], owners: Collection[str], values: dict[str, Any]) -> None:
        """Writes columns of these runs, all or none."""
        changed = {**values, "changed": time.time()}

        def write(connection: Connection) -> None:
            _check_owners(connection, run_ids, owners)
            known = set(
                connection.execute(
                    select(tables.labels.c.run_id).where(tables.labels.c.run_id.in_(run_ids))
                ).scalars()
            )
            connection.execute(
                update(tables.labels).where(tables.labels.c.run_id.in_(known)).values(**changed)
            )
            new = [{**_PLAIN, **changed, "run_id": one} for one in dict.fromkeys(run_ids)]
            new = [row for row in new if row["run_id"] not in known]
            if new:
                connection.execute(insert(tables.labels), new)

        self._write(write)


def checked_name(text: str) -> str:
    """A name on one line. Raises RunError for one that is too long."""
    name = " ".join(plain(text).split())
    if len(name) > MOST_NAME:
        raise RunError(
            f"A name has at most {MOST_NAME} characters; this one has {len(name)}.",
            "Put the rest into the notes.",
        )
    return name


def checked_notes(text: str) -> str:
    """Notes without control characters. Raises RunError for some that are too long."""
    notes = plain(text).strip()
    if len(notes) > MOST_NOTES:
        raise RunError(
            f"Notes have at most {MOST_NOTES:,} characters; these have {len(notes):,}.",
            "Shorten them.",
        )
    return notes


def plain(text: str) -> str:
    """A text without what is no character of one: control characters but for ends of lines and
    tabs, marks that turn the direction of what follows, and halves of pairs."""
    return "".join(
        each
        for each in text.replace("\r\n", "\n")
        if each in "\n\t" or (unicodedata.category(each) not in ("Cc", "Cs", "Cn", "Co")
        and each not in _TURNS)
    )  # fmt: skip


_TURNS = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))


def _check_owners(connection: Connection, run_ids: Sequence[str], owners: Collection[str]) -> None:
    columns = tables.runs.c
    query = select(columns.id, columns.owner).where(columns.id.in_(run_ids))
    found = {row.id: row.owner for row in connection.execute(query)}
    for run_id in run_ids:
        if run_id not in found:
            raise RunError(
                "There is no such run, or no longer.", "Reload the page to see those that are."
            )
        if found[run_id] not in owners:
            raise RunError(
                "Only the browser that started this run can name, star or delete it.",
                "Open it and use its settings for a run of your own.",
            )
