"""What there is on a Ray cluster alone: nodes that die, places that are not there, a cluster that
is away. What workers do as on one machine is told of both by the tests that are `EVERYWHERE`."""

import os
import signal
import time

import numpy as np
import pytest

from playground.runs import supervisor
from playground.runs.local_executor import WORKER_COMMAND
from playground.runs.store import open_store
from playground.runs.supervisor import Supervisor
from playground.settings import Settings
from playground.spec import RunSpec
from tests.playground.runs.serving import LONG, QUICK, ended, gone, state, step_of, until
from tests.ray_cluster import RayCluster, parent


@pytest.fixture
def make(tmp_path):
    made = []

    def of(address, command=QUICK, **changes) -> Supervisor:
        values = {"home": tmp_path, "workers": 1, "executor": "ray", "ray_address": address}
        settings = Settings(**(values | {"looker_free_gib": 1e6} | changes))
        found = Supervisor(settings, open_store(settings), command)
        made.append(found)
        found.start(checking=False)
        return found

    yield of
    for one in made:
        one.close()
        one.store.close()


def pid(service: Supervisor) -> int:
    """Of the worker that is there."""
    return next(iter(service._slots)).pid


def test_a_run_whose_node_dies_goes_on_at_another_with_the_numbers_it_would_have_had(make, cluster):
    service = make(cluster.address, command=WORKER_COMMAND, worker_cores=1)
    spec = RunSpec(dataset="digits", width=8, epochs=6)
    run_id = service.submit(spec, "me")
    until(lambda: step_of(service, run_id) > 10, 120)
    service.command(run_id, "me", "pause")
    until(lambda: state(service, run_id) == "paused")
    kept = step_of(service, run_id)
    service.command(run_id, "me", "step")  # it has more than its checkpoint
    until(lambda: step_of(service, run_id) == kept + 1)
    first = pid(service)
    began = time.monotonic()
    cluster.kill_node_of(first)
    until(lambda: service.store.run(run_id).resumed == 1)
    assert time.monotonic() - began < 2
    told = service.store.run(run_id)
    assert told.state == "queued" and "lost with its Ray actor or node" in told.message
    assert "limit" not in told.message  # of memory, of which this says nothing
    cluster.add_node()  # for the tests that come
    until(lambda: state(service, run_id) == "paused", 120)
    assert pid(service) != first
    service.command(run_id, "me", "resume")
    again = service.submit(spec, "me")  # which nothing interrupts
    assert [ended(service, each).state for each in (run_id, again)] == ["completed"] * 2
    for name in ("loss", "accuracy", "validation_loss"):
        one, other = (service.store.series(each, name) for each in (run_id, again))
        assert np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1]), name


def test_a_run_waits_for_a_node_that_is_large_enough_and_no_longer_than_it_is_wanted(
    make, cluster, monkeypatch
):
    monkeypatch.setattr(supervisor, "IDLE_SECONDS", 0.5)
    service = make(cluster.address, ray_memory_gib=1000, warm_workers=1, workers=2)
    run_id = service.submit(LONG, "me")
    waits = "a Ray node with 1 CPU and 1e+03 GiB of memory: none of 4 is that large"
    until(lambda: service.waits_for(run_id) == waits)
    assert service.status()["waits"] == waits
    other = service.submit(LONG, "me")
    until(lambda: service._executor.size == 2)
    service.command(other, "me", "stop")
    service.command(run_id, "me", "stop")
    until(lambda: service._executor.size == 1)  # the warm one is wanted for who comes next
    assert [state(service, each) for each in (run_id, other)] == ["stopped"] * 2


def test_a_run_waits_for_a_cluster_that_is_away(make):
    service = make("127.0.0.1:9")
    run_id = service.submit(LONG, "me")
    assert service.waits_for(run_id) == "the Ray cluster at 127.0.0.1:9"
    time.sleep(3)
    assert state(service, run_id) == "queued"
    assert not service.status()["problem"]


def test_a_killed_actor_and_a_cluster_that_ends_are_told_and_the_run_waits(make):
    with RayCluster(nodes=1) as cluster:
        service = make(cluster.address)
        run_id = service.submit(LONG, "me")
        until(lambda: step_of(service, run_id) > 10)
        worker = pid(service)
        os.kill(parent(worker), signal.SIGKILL)
        until(lambda: service.store.run(run_id).resumed == 1)
        until(lambda: gone(worker))  # it ends with its actor
        until(lambda: state(service, run_id) == "running")
    until(lambda: service.store.run(run_id).resumed == 2)
    told = service.store.run(run_id)
    assert told.state == "queued" and "lost with its Ray actor or node" in told.message
