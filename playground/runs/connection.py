"""The store's database: how it is opened, read and written, and what its errors mean."""

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, func, insert, inspect, select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import (
    ArgumentError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)

from playground.errors import StoreError
from playground.runs import migrations, tables

LOCK_SECONDS = 5.0  # how long one waits for another program that writes
TRY_SECONDS = 0.25  # how long without letting the other threads try
APPEAR_SECONDS = 5.0  # how long an empty file may be one that another process is just making

_log = logging.getLogger(__name__)


class Database:
    """A database of the store's tables. Thread-safe; every method raises StoreError.

    While another program writes, writing waits for LOCK_SECONDS, or for `patience` seconds where
    that is asked for.
    """

    def __init__(self, url: str, patience: float = 60.0) -> None:
        self._writer = threading.Lock()
        self._patience = patience
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
        """Makes the tables in a new database, and brings an earlier version's to this one; refuses
        a foreign, an empty or a newer one and leaves it as it is. Raises OSError, too, where the
        folder of a file cannot be made."""
        file = Path(self.place)
        if self.sqlite:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._refuse_empty(file)
            self._look_into(file)
            _tune(self._engine)
        with self.reading() as connection:
            version = self._version(connection)
        if version != tables.VERSION:
            with self.writing(patient=True) as connection:
                version = self._version(connection)  # another process may have been quicker
                if version is None:
                    self._make(connection)
                elif version < tables.VERSION:
                    migrations.migrate(connection, version)
                    _log.info("%s is of version %d now.", self.place, tables.VERSION)

    def _version(self, connection: Connection) -> int | None:
        """Of the store; None if there is none yet. Refuses one that is newer than this program."""
        if tables.schema.name not in inspect(connection).get_table_names():
            return None
        version: int | None = connection.execute(select(func.max(tables.schema.c.version))).scalar()
        if version is None or version > tables.VERSION:
            raise self._newer(version)
        return version

    def _newer(self, version: int | None) -> StoreError:
        return StoreError(
            f"{self.place} was made by another version of the Loss Playground "
            f"(format {version}; this one reads up to {tables.VERSION}).",
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

    def _look_into(self, file: Path) -> None:
        """Refuses a file that is foreign or newer without changing it, which tuning would."""
        if not file.is_file():
            return
        # Without a log nobody writes: then SQLite need not make one to read.
        how = "mode=ro" if Path(f"{file}-wal").exists() else "immutable=1"
        try:
            with closing(sqlite3.connect(f"{file.absolute().as_uri()}?{how}", uri=True)) as raw:
                found = raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
                names = {name for (name,) in found}
                if tables.schema.name in names:
                    query = str(select(func.max(tables.schema.c.version)))
                    ((version,),) = raw.execute(query)
        except sqlite3.Error:
            return  # what is wrong with it is said when it is opened
        if names and tables.schema.name not in names:
            raise self._foreign()
        if names and version is not None and version > tables.VERSION:
            raise self._newer(version)

    def _foreign(self) -> StoreError:
        return StoreError(
            f"{self.place} belongs to another program.",
            "Set PLAYGROUND_HOME or PLAYGROUND_STORE_URL to another place.",
        )

    def _make(self, connection: Connection) -> None:
        names = set(inspect(connection).get_table_names())
        if names & set(tables.metadata.tables) or (names and self.sqlite):
            raise self._foreign()
        tables.metadata.create_all(connection)
        connection.execute(insert(tables.schema).values(version=tables.VERSION))

    def close(self) -> None:
        """Ends the connections; what SQLite has in its log is written back into the file."""
        try:
            # While others read, the rest stays in the log, where the next one finds it.
            self._maintain("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self._engine.dispose()

    def shrink(self) -> None:
        """Gives the room of what was removed back to the disk, as far as the file is made so."""
        self._maintain("PRAGMA incremental_vacuum")

    def size(self) -> int:
        """Bytes that are in use; 0 where nobody can tell."""
        if not self.sqlite:
            return 0
        with self.reading() as connection:
            pages, free, page = (
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("page_count", "freelist_count", "page_size")
            )
        return int((pages - free) * page)

    def _maintain(self, pragma: str) -> None:
        """Runs a pragma of SQLite outside of any transaction."""
        if self.sqlite:
            with self._told(), self._writer, self._engine.connect() as connection:
                connection.execution_options(playground_begin="")
                raw = connection.connection.dbapi_connection
                if raw is not None:
                    raw.executescript(pragma)  # which steps through to its end

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that reads."""
        with self._told(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, patient: bool = False) -> Iterator[Connection]:
        """One transaction; one at a time in this process, so that threads wait here in turn."""
        end = time.monotonic() + (self._patience if patient else LOCK_SECONDS)
        while True:
            with self._told(), self._writer, self._engine.connect() as connection:
                connection.execution_options(playground_begin="BEGIN IMMEDIATE")
                try:
                    transaction = connection.begin()
                except OperationalError as error:
                    if not _locked(error) or time.monotonic() > end:
                        raise
                else:
                    with transaction:
                        yield connection
                    return

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns the database's errors into StoreErrors in plain words."""
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            name = _name(error)
            if name == "SQLITE_FULL" or name.startswith("SQLITE_IOERR"):
                raise StoreError(
                    f"{self.place} cannot be written: the disk is full or broken.",
                    "Free some space on it. What was recorded before is kept.",
                ) from error
            if _locked(error):
                raise StoreError(
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


def _name(error: Exception) -> str:
    """SQLite's name of an error; empty for one of another database."""
    return getattr(getattr(error, "orig", error), "sqlite_errorname", "")


def _locked(error: Exception) -> bool:
    return _name(error).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def _tune(engine: Engine) -> None:
    """WAL, so that readers and the writer pass each other; writers take their turn up front."""

    def connected(raw: Any, _: Any) -> None:
        raw.isolation_level = None  # BEGIN is ours, below
        cursor = raw.cursor()
        cursor.execute(_waiting(LOCK_SECONDS))
        cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")  # of a new file; an old one stays
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()

    def begun(connection: Connection) -> None:
        how = connection.get_execution_options().get("playground_begin", "BEGIN")
        if how == "BEGIN IMMEDIATE":
            connection.exec_driver_sql(_waiting(TRY_SECONDS))
            try:
                connection.exec_driver_sql(how)
            finally:
                connection.exec_driver_sql(_waiting(LOCK_SECONDS))
        elif how:
            connection.exec_driver_sql(how)

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)


def _waiting(seconds: float) -> str:
    return f"PRAGMA busy_timeout = {seconds * 1000:.0f}"
