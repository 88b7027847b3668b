"""The store's database: how it is opened, read and written, and what its errors mean."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    cast,
    extract,
    func,
    insert,
    inspect,
    literal_column,
    select,
    text,
)
from sqlalchemy.exc import SQLAlchemyError

from playground.errors import StoreError
from playground.runs import engines, migrations, store_errors, tables
from playground.settings import Settings

APPEAR_SECONDS = 5.0  # how long an empty file may be one that another process is just making
AGAIN_SECONDS = 0.1  # between two tries of a database that is gone
OPENING = 0x10555  # the number of the lock under which PostgreSQL's tables are made

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


def url_of(settings: Settings) -> str:
    """Where the store of these settings is."""
    return settings.store_url or f"sqlite:///{(settings.home / 'playground.sqlite').as_posix()}"


class Database:
    """A database of the store's tables. Thread-safe; every method raises StoreError.

    While another program writes, writing waits for LOCK_SECONDS, or for `patience` seconds where
    that is asked for.
    """

    def __init__(self, url: str, patience: float = 60.0) -> None:
        self._patience = patience
        self._engine = engines.engine(url)
        self._driver: Any = self._engine.dialect.dbapi
        self.sqlite = self._engine.dialect.name == "sqlite"
        if self.sqlite:
            self.place = self._engine.url.database or ":memory:"
            self._reader = self._engine
            self._writer: AbstractContextManager[object] = threading.Lock()
        else:
            self.place = f"The database {self._engine.url.database or ''}".strip()
            # What several statements read is of one moment, as SQLite has it.
            self._reader = self._engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            self._writer = nullcontext()  # rows have locks there

    @property
    def clock(self) -> ColumnElement[float]:
        """What the database's own clock says, in seconds since 1970: the same for every machine."""
        if self.sqlite:
            return literal_column("(julianday('now') - 2440587.5) * 86400.0", Float)
        return cast(extract("epoch", func.clock_timestamp()), Float)

    def open(self) -> None:
        """Makes the tables in a new database, and brings an earlier version's to this one; refuses
        a foreign, an empty or a newer one and leaves it as it is. Raises OSError, too, where the
        folder of a file cannot be made."""
        try:
            self._open()
        except Exception:
            self._engine.dispose()
            raise

    def _open(self) -> None:
        file = Path(self.place)
        if self.sqlite:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._refuse_empty(file)
            self._look_into(file)
            engines.tune(self._engine)
        with self.reading() as connection:
            version = self._version(connection)
        if version != tables.VERSION:
            with self.writing(patient=True) as connection:
                if not self.sqlite:
                    connection.execute(select(func.pg_advisory_xact_lock(OPENING)))
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
        """Bytes that are in use; 0 where nobody can tell: a file of PostgreSQL does not shrink
        when rows go."""
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
            with self.told(), self._writer, self._engine.connect() as connection:
                connection.execution_options(playground_begin="")
                raw = connection.connection.dbapi_connection
                if raw is not None:
                    raw.executescript(pragma)  # which steps through to its end

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that reads, of one moment however many statements it has."""
        with self.told(), self._reader.connect() as connection:
            yield connection

    def read(self, work: Callable[[Connection], _T]) -> _T:
        """Gives what `work` makes of a connection, in one transaction that reads: once more where
        PostgreSQL's connection broke meanwhile."""
        try:
            with self.reading() as connection:
                return work(connection)
        except StoreError as error:
            if self.sqlite or not error.passing:
                raise
        with self.reading() as connection:
            return work(connection)

    @contextmanager
    def writing(self, patient: bool = False) -> Iterator[Connection]:
        """One transaction; with SQLite one at a time in this process, so that threads wait here in
        turn. Waits while it cannot begin; what breaks it off then is raised."""
        end = self._end(patient)
        with self.told(), ExitStack() as stack:
            while True:
                try:
                    connection = stack.enter_context(self._transaction())
                    break
                except SQLAlchemyError as error:
                    self._pause(error, end)
            yield connection

    def write(self, work: Callable[[Connection], _T], patient: bool = False) -> _T:
        """Gives what `work` makes of a connection, in one transaction that is in when this
        returns, and once: one that was broken off for no fault of its own, such as by a lost
        connection, is done anew, unless the database says that it is in."""
        end = self._end(patient)
        with self.told():
            while True:
                number = None
                try:
                    with self._transaction() as connection:
                        found = work(connection)
                        number = self._number(connection)
                    return found
                except SQLAlchemyError as error:
                    self._pause(error, end)
                if number is not None and self._is_in(number, end):
                    return found

    def detached(self) -> Any:
        """The driver's own connection, no part of the pool, for whoever closes it."""
        found = self._engine.raw_connection()
        raw = found.dbapi_connection
        found.detach()
        return raw

    def _end(self, patient: bool) -> float:
        return time.monotonic() + (self._patience if patient else engines.LOCK_SECONDS)

    def _pause(self, error: SQLAlchemyError, end: float) -> None:
        """Before another try; raises what went wrong if there is none."""
        if not store_errors.passing(error) or time.monotonic() > end:
            raise error
        if not self.sqlite:  # which has waited itself
            time.sleep(AGAIN_SECONDS)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._writer, self._engine.connect() as connection:
            connection.execution_options(playground_begin="BEGIN IMMEDIATE")
            with connection.begin():
                yield connection

    def _number(self, connection: Connection) -> str | None:
        """The number of a transaction of PostgreSQL that has written something."""
        if self.sqlite:
            return None  # what it commits is in, or raises
        return connection.execute(
            text("SELECT CAST(pg_current_xact_id_if_assigned() AS text)")
        ).scalar_one()

    def _is_in(self, number: str, end: float) -> bool:
        """Whether a transaction whose end was not heard of was committed."""
        query = text("SELECT pg_xact_status(CAST(:number AS xid8))")
        while True:
            try:
                with self._engine.connect() as connection:
                    status = connection.execute(query, {"number": number}).scalar_one()
            except SQLAlchemyError as error:
                self._pause(error, end)
            else:
                if status != "in progress":
                    return bool(status == "committed")
                time.sleep(AGAIN_SECONDS)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turns the database's errors into StoreErrors in plain words."""
        try:
            yield
        except (SQLAlchemyError, self._driver.Error) as error:
            _log.debug("%s: %s", self.place, self._redacted(str(getattr(error, "orig", error))))
            raise store_errors.in_words(error, self.place) from error

    def _redacted(self, said: str) -> str:
        """What a driver says, without what of the URL may be secret."""
        url = self._engine.url
        for secret in (url.password, *url.query.values()):
            said = said.replace(str(secret), "***") if secret else said
        return said
