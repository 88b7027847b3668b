"""The short form of `python -m tests.load`: one server whose training needs no TensorFlow, a dozen
visitors, dropped connections, readers that never read, a killed worker and a killed server. How
long things take the long form says: here other programs run, too."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.load import scenarios
from tests.load.server import Server, Shared


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    found = Server(tmp_path_factory.mktemp("home"))
    found.start()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def shared(server: Server) -> Iterator[Shared]:
    found = Shared(server.home)
    yield found
    found.close()


@pytest.fixture
def run(server: Server, shared: Shared) -> str:
    """The run that trains, with twenty behind it."""
    missing = 21 - len(shared.store.runs(live=True))
    scenarios.waiting(shared, missing)
    return shared.training()


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


def test_killed_workers_and_servers_lose_nothing(server: Server, shared: Shared, run: str) -> None:
    assert scenarios.kill_workers(server, shared, 2, 0.3)["told_max"] < 30
    assert scenarios.kill_server(server, shared, 1, 0.3)["lost"] == 0
