"""Lessons that teachers have pinned: links to states of a page, which every visitor of the servers
of this store is offered, in the order in which the teachers have put them."""

import json
import secrets
import string
import time
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from playground.errors import PinError
from playground.runs import tables
from playground.runs.connection import Database
from playground.runs.labels import plain

MOST_TITLE = 60  # characters
MOST_QUERY = 24_000  # characters of a link: a race with written losses is long
PINNING = 0x10556  # the number of the lock under which PostgreSQL's pins are changed
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Pin:
    """A pinned lesson: what it is called, the page that it opens (the stem of its file) and what
    stands in that page's address."""

    id: str
    title: str
    page: str
    query: dict[str, str]


class Pins:
    """Keeps them. Who is a teacher is for the caller to say. Thread-safe; methods raise PinError
    for what cannot be, StoreError where the store cannot be read or written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def listed(self) -> list[Pin]:
        """All of them, in their order."""
        query = select(tables.pins).order_by(*_ORDER)
        rows = self._database.read(lambda connection: connection.execute(query).all())
        return [Pin(row.id, row.title, row.page, json.loads(row.query)) for row in rows]

    def add(self, title: str, page: str, query: Mapping[str, str], owner: str, most: int) -> str:
        """Pins a lesson after those that are there, of which there may be at most `most` with it;
        returns its id."""
        title, link = checked_title(title), json.dumps(dict(query))
        if len(link) > MOST_QUERY:
            raise PinError(
                f"The link of this page has {len(link):,} characters; a pinned one may have "
                f"{MOST_QUERY:,}.",
                "Shorten the loss or its comments, or take lanes out of the race.",
            )
        pin = "".join(secrets.choice(_ALPHABET) for _ in range(12))

        def write(connection: Connection) -> None:
            self._alone(connection)
            count, last = connection.execute(
                select(func.count(), func.coalesce(func.max(tables.pins.c.place), 0))
            ).one()
            if count >= most:
                raise PinError(
                    f"{count} lessons are pinned, and there may be at most {most}.",
                    "Unpin one on the page Class.",
                )
            values = {"id": pin, "title": title, "page": page, "query": link, "owner": owner}
            row = insert(tables.pins).values(**values, place=last + 1, pinned=time.time())
            connection.execute(row)

        self._database.write(write)
        return pin

    def remove(self, pin: str) -> None:
        """Unpins a lesson, if it is pinned."""
        gone = delete(tables.pins).where(tables.pins.c.id == pin)
        self._database.write(lambda connection: connection.execute(gone))

    def move(self, pin: str, by: int) -> None:
        """Moves a lesson by so many places, up where that is negative, as far as there are any."""

        def write(connection: Connection) -> None:
            self._alone(connection)
            ids = list(connection.execute(select(tables.pins.c.id).order_by(*_ORDER)).scalars())
            if pin not in ids:
                return  # another teacher was quicker
            to = min(max(ids.index(pin) + by, 0), len(ids) - 1)
            ids.remove(pin)
            ids.insert(to, pin)
            for place, one in enumerate(ids, start=1):
                row = update(tables.pins).where(tables.pins.c.id == one)
                connection.execute(row.values(place=place))

        self._database.write(write)

    def _alone(self, connection: Connection) -> None:
        """Nobody else counts or orders them until this transaction ends."""
        if not self._database.sqlite:  # which has one writer at a time
            connection.execute(select(func.pg_advisory_xact_lock(PINNING)))


def checked_title(text: str) -> str:
    """A title on one line. Raises PinError for none and for one that is too long."""
    title = " ".join(plain(text).split())
    if not title:
        raise PinError("A pinned lesson needs a title.", "Say in a few words what it shows.")
    if len(title) > MOST_TITLE:
        raise PinError(
            f"A title has at most {MOST_TITLE} characters; this one has {len(title)}.",
            "Shorten it.",
        )
    return title


_ORDER = (tables.pins.c.place, tables.pins.c.pinned, tables.pins.c.id)
