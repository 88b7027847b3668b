"""The short form of `python -m tests.load`: one server whose training needs no TensorFlow, a dozen
visitors, dropped connections, readers that never read, and a kill of each kind. How long things
take the long form says: here other programs run, too."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.load import scenarios
from tests.load.kills import KINDS, SPEC, Killer
from tests.load.server import Server, Shared
from tests.postgresql import PostgreSQL
from tests.ray_cluster import RayCluster


@pytest.fixture(scope="module")
def store_url(postgresql: PostgreSQL) -> str:
    return postgresql.new_schema()


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, store_url: str, cluster: RayCluster
) -> Iterator[Server]:
    """What kills need: its store in a PostgreSQL, its worker on a Ray cluster."""
    home = tmp_path_factory.mktemp("home")
    found = Server(home, store_url=store_url, executor="ray", ray_address=cluster.address)
    found.start()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def shared(server: Server, store_url: str) -> Iterator[Shared]:
    found = Shared(server.home, store_url)
    yield found
    found.close()


@pytest.fixture
def run(server: Server, shared: Shared) -> str:
    """The run that trains, with twenty behind it."""
    missing = 21 - len(shared.store.runs(live=True))
    scenarios.waiting(shared, missing, seed=SPEC.seed)
    return shared.training(most=1000)


def test_a_dozen_viewers_are_answered_and_told(server: Server, shared: Shared, run: str) -> None:
    found, faults = asyncio.run(scenarios.viewers([server], shared, run, 12, 3.0))
    assert not faults and found["errors"] == 0
    assert found["messages"] >= 12 and found["steps_per_second"] > 0


def test_of_dropped_connections_nothing_is_left(server: Server, run: str) -> None:
    found = asyncio.run(scenarios.crowd(server, run, 100))
    assert found["streams_left"] == 0 and found["files"] < 300


def test_readers_that_never_read_keep_nobody_waiting(
    server: Server, shared: Shared, run: str
) -> None:
    found = asyncio.run(scenarios.never_reading(server, shared, run, 10, 2.0))
    assert found["message_p95"] < 30 and found["grown_mib"] < 50


def test_kills_of_every_kind_lose_nothing_and_runs_go_on(
    server: Server, shared: Shared, postgresql: PostgreSQL, cluster: RayCluster
) -> None:
    killer = Killer(server, shared, postgresql, cluster)
    killer.kill(list(KINDS), 0.3)
    assert {kind: (one.lost, one.anew) for kind, one in killer.found.items()} == dict.fromkeys(
        KINDS, (0, 0)
    )
    assert max(time for one in killer.found.values() for time in one.told) < 30
