"""How the store's database is reached: SQLite, tuned for many readers and one writer, or PostgreSQL
by way of psycopg 3."""

from typing import Any

from sqlalchemy import Connection, create_engine, event, make_url
from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from playground.errors import StoreError

LOCK_SECONDS = 5.0  # how long one waits for another program that writes
TRY_SECONDS = 0.25  # how long without letting the other threads try
# After so long without a word in the middle of a transaction, such as from a machine that sleeps,
# PostgreSQL breaks it off, so that nobody waits for its locks.
IDLE_SECONDS = 5.0
POSTGRESQL = "postgresql+psycopg"
# Of a server, which has 100 connections to give unless it is told otherwise, a process takes fewer.
_POOL = {"sqlite": (8, 56), "postgresql": (8, 16)}
# libpq's: a server that is gone without a word is noticed within seconds, not after hours.
_CONNECTING: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # milliseconds
    "application_name": "loss-playground",
}


def engine(url: str) -> Engine:
    """The engine of a URL. Raises StoreError where it is none that can be used, without saying it:
    it may hold a password."""
    try:
        where = make_url(url)
        if where.drivername in ("postgres", "postgresql"):
            where = where.set(drivername=POSTGRESQL)
        if where.get_backend_name() not in _POOL:
            raise NoSuchModuleError(where.get_backend_name())
        return _postgresql(where) if where.drivername == POSTGRESQL else _sqlite(where)
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError):
        # Without its cause, which may repeat what of the URL it did not understand.
        raise StoreError(
            "PLAYGROUND_STORE_URL is not the URL of a database that can be used here.",
            "Use sqlite:///<file>, or postgresql+psycopg://<user>:<password>@<host>/<database>, "
            "which needs `pip install -r deploy/requirements.txt`.",
        ) from None


def _sqlite(url: URL) -> Engine:
    size, more = _POOL["sqlite"]
    return create_engine(url, pool_size=size, max_overflow=more)


def _postgresql(url: URL) -> Engine:
    size, more = _POOL["postgresql"]
    wanted = {name: value for name, value in _CONNECTING.items() if name not in url.query}
    found = create_engine(
        url,
        pool_size=size,
        max_overflow=more,
        pool_pre_ping=True,
        connect_args=wanted,
        hide_parameters=True,
    )

    def connected(raw: Any, _: Any) -> None:
        with raw.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{LOCK_SECONDS:g}s'")
            cursor.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS:g}s'")
        raw.commit()

    event.listen(found, "connect", connected)
    event.listen(found, "before_cursor_execute", _without_nul, retval=True)
    return found


def _without_nul(
    connection: Connection, cursor: Any, statement: str, given: Any, context: Any, many: bool
) -> tuple[str, Any]:
    """PostgreSQL's texts hold every character but NUL, which becomes U+FFFD."""
    many_rows = isinstance(given, list)
    return statement, [without_nul(one) for one in given] if many_rows else without_nul(given)


def without_nul(given: Any) -> Any:
    """The values of a row, by name, as PostgreSQL takes them."""
    if not isinstance(given, dict) or not any(map(_has_nul, given.values())):
        return given
    return {n: v.replace("\0", "\ufffd") if _has_nul(v) else v for n, v in given.items()}


def _has_nul(value: Any) -> bool:
    return isinstance(value, str) and "\0" in value


def tune(engine: Engine) -> None:
    """Sets up a SQLite: WAL, so that readers and the writer pass each other; writers take their
    turn up front."""

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
