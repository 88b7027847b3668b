"""What stands for all tests that need it: a PostgreSQL, and a Ray cluster."""

from collections.abc import Callable, Iterator

import pytest

from tests.postgresql import PostgreSQL
from tests.ray_cluster import RayCluster


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL that ends with the tests."""
    with PostgreSQL() as found:
        yield found


@pytest.fixture(scope="session")
def new_schema(postgresql: PostgreSQL) -> Callable[[], str]:
    """Gives the URL of an empty place in the PostgreSQL at each call."""
    return postgresql.new_schema


@pytest.fixture(scope="session")
def cluster() -> Iterator[RayCluster]:
    """Three nodes with two CPUs each."""
    with RayCluster(nodes=3, cpus=2) as found:
        yield found
