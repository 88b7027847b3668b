"""How processes with one store hear of each other's changes: PostgreSQL passes on what is told
(LISTEN and NOTIFY); of SQLite one sees that something was written, by a number that costs nothing
to read."""

import secrets
import threading
import time
from contextlib import closing
from typing import Protocol

from sqlalchemy import func, select

from playground.runs.connection import Database

CHANNEL = "playground"
LOOK_SECONDS = 0.2  # between two looks at SQLite's number


class Hearing(Protocol):
    """What listens until it is closed."""

    def wait(self, seconds: float) -> list[str]:
        """What others told, as soon as they do; nothing after so many seconds, or where something
        has changed of which nothing is told. Raises StoreError."""

    def close(self) -> None:
        """Ends it."""


class News:
    """Tells other processes, and listens to them. Thread-safe; methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._me = secrets.token_hex(4)  # so that one does not hear oneself

    def tell(self, said: str) -> None:
        """Tells all who listen, where the database passes things on."""
        if not self._database.sqlite:
            notify = select(func.pg_notify(CHANNEL, f"{self._me} {said}"))
            self._database.write(lambda connection: connection.execute(notify))

    def listen(self) -> Hearing:
        """Begins to listen."""
        if self._database.sqlite:
            return _Watching(self._database)
        return _Listening(self._database, self._me)


class _Watching:
    """Sees by SQLite's `data_version` that any other connection has written."""

    def __init__(self, database: Database) -> None:
        self._database, self._over = database, threading.Event()
        with database.told():
            self._raw = database.detached()
        self._seen = self._version()

    def wait(self, seconds: float) -> list[str]:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._over.wait(LOOK_SECONDS):
            now = self._version()
            if now != self._seen:
                self._seen = now
                break
        return []

    def close(self) -> None:
        self._over.set()
        self._raw.close()

    def _version(self) -> int:
        with self._database.told(), closing(self._raw.cursor()) as cursor:
            return int(cursor.execute("PRAGMA data_version").fetchone()[0])


class _Listening:
    """Listens to PostgreSQL on a connection of its own."""

    def __init__(self, database: Database, me: str) -> None:
        self._database, self._me = database, me
        with database.told():
            self._raw = database.detached()
            try:
                self._raw.autocommit = True
                self._raw.execute(f"LISTEN {CHANNEL}")
            except Exception:
                self._raw.close()
                raise

    def wait(self, seconds: float) -> list[str]:
        with self._database.told():
            heard = [one.payload for one in self._raw.notifies(timeout=seconds, stop_after=1)]
        told = [said.partition(" ") for said in heard]
        return [said for who, _, said in told if who != self._me]

    def close(self) -> None:
        self._raw.close()
