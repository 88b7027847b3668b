"""The store's database: how it is opened, read and written, and what its errors mean."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, func, insert, inspect, select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from playground.errors import StoreError
from playground.runs import tables

LOCK_SECONDS = 5.0  # how long one statement waits for another program that writes
APPEAR_SECONDS = 5.0  # how long an empty file may be one that another process is just making


class LockedError(StoreError):
    """Another program writes and does not end."""


class Database:
    """A database of the store's tables. Thread-safe; every method raises StoreError."""

    def __init__(self, url: str) -> None:
        self._writer = threading.Lock()
        try:
            self._engine = create_engine(url, pool_size=8, max_overflow=56)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise StoreError(
                "PLAYGROUND_STORE_URL is not the URL of a database that can be used here.",
                "Use sqlite:///<file>, or install the driver of the database it names.",
            ) from error
        self.place = self._engine.url.database or str(self._engine.url.host)
        self.sqlite = self._engine.dialect.name == "sqlite"

    def open(self) -> None:
        """Makes the tables in a new database; refuses a foreign, an empty or a newer one. Raises
        OSError, too, where the folder of a file cannot be made."""
        file = Path(self.place)
        if self.sqlite:
            file.parent.mkdir(parents=True, exist_ok=True)
            _tune(self._engine)
            self._refuse_empty(file)
        with self.reading() as connection:
            names = set(inspect(connection).get_table_names())
        if tables.schema.name not in names:
            self._make()
        with self.reading() as connection:
            version = connection.execute(select(func.max(tables.schema.c.version))).scalar()
        if version != tables.VERSION:
            raise StoreError(
                f"{self.place} was made by another version of the Loss Playground "
                f"(format {version}; this one reads {tables.VERSION}).",
                "Use that version, or set PLAYGROUND_HOME to another folder.",
            )

    def _refuse_empty(self, file: Path) -> None:
        """SQLite would take an empty file for a new database, and hide that one was lost."""
        end = time.monotonic() + APPEAR_SECONDS
        while file.is_file() and not file.stat().st_size:
            if time.monotonic() > end:
                raise StoreError(
                    f"{file} is empty: it is not a store of the Loss Playground, or no longer.",
                    "Put a copy of the store there; to begin a new one, remove the file.",
                )
            time.sleep(0.05)

    def _make(self) -> None:
        with self.writing() as connection:
            names = set(inspect(connection).get_table_names())
            if tables.schema.name in names:
                return  # another process was quicker
            if names & set(tables.metadata.tables) or (names and self.sqlite):
                raise StoreError(
                    f"{self.place} belongs to another program.",
                    "Set PLAYGROUND_HOME or PLAYGROUND_STORE_URL to another place.",
                )
            tables.metadata.create_all(connection)
            connection.execute(insert(tables.schema).values(version=tables.VERSION))

    def close(self) -> None:
        """Ends the connections; what SQLite has in its log is written back into the file."""
        try:
            # While others read, the rest stays in the log, where the next one finds it.
            self._maintain("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self._engine.dispose()

    def _maintain(self, pragma: str) -> None:
        """Runs a pragma of SQLite outside of any transaction."""
        if self.sqlite:
            with self._told(), self._writer, self._engine.connect() as connection:
                connection.execution_options(playground_begin="")
                connection.exec_driver_sql(pragma).all()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that reads."""
        with self._told(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction; one at a time in this process, so that threads wait here in turn."""
        with self._told(), self._writer, self._engine.connect() as connection:
            connection.execution_options(playground_begin="BEGIN IMMEDIATE")
            with connection.begin():
                yield connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns the database's errors into StoreErrors in plain words."""
        try:
            yield
        except SQLAlchemyError as error:
            name = getattr(getattr(error, "orig", None), "sqlite_errorname", "")
            if name == "SQLITE_FULL" or name.startswith("SQLITE_IOERR"):
                raise StoreError(
                    f"{self.place} cannot be written: the disk is full or broken.",
                    "Free some space on it. What was recorded before is kept.",
                ) from error
            if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise LockedError(
                    f"{self.place} is locked by another program.",
                    "Close what holds it open, then try again.",
                ) from error
            if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
                raise StoreError(
                    f"{self.place} cannot be opened for writing.",
                    "Give this user the right to write there, or set PLAYGROUND_HOME to another "
                    "folder.",
                ) from error
            if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
                raise StoreError(
                    f"{self.place} is not a store of the Loss Playground, or is damaged.",
                    "Move it away, or set PLAYGROUND_HOME to another folder.",
                ) from error
            raise StoreError(f"The store {self.place} does not answer as expected.") from error


def _tune(engine: Engine) -> None:
    """WAL, so that readers and the writer pass each other; writers take their turn up front."""

    def connected(raw: Any, _: Any) -> None:
        raw.isolation_level = None  # BEGIN is ours, below
        cursor = raw.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {LOCK_SECONDS * 1000:.0f}")
        cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")  # of a new file; an old one stays
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()

    def begun(connection: Connection) -> None:
        how = connection.get_execution_options().get("playground_begin", "BEGIN")
        if how:
            connection.exec_driver_sql(how)

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
