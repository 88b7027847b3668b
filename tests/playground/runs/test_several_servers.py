"""Several servers over one store, as if each were a machine of its own: a run of one is seen and
steered from all, and when its server dies another goes on with it, once, to the same numbers."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest

from playground.errors import RunError, StoreError
from playground.runs import exchange, liveness
from playground.runs.store import Store, open_store
from playground.runs.supervisor import Supervisor
from playground.settings import Settings
from playground.spec import RunSpec
from tests.playground.runs.serving import LONG, QUICK, ROOT, state, step_of, until

WHOLE = RunSpec(seed=6)  # 1,500 steps of the quick worker
LEASE = 6.0  # a busy machine keeps even the living from giving signs
REAL = (sys.executable, "-m", "playground.worker")

# A server of its own machine; what it is told by stdin it submits.
SERVER = """
import sys
from pathlib import Path
from playground.runs import exchange, liveness
from playground.runs.store import open_store
from playground.runs.supervisor import Supervisor
from playground.settings import Settings
from playground.spec import RunSpec

home, url, name, lease, *command = sys.argv[1:]
liveness.host = lambda: name
settings = Settings(
    home=Path(home), store_url=url, workers=1, lease_seconds=float(lease), looker_free_gib=1e6
)
service = Supervisor(settings, open_store(settings), command)
service.start(checking=False)
print("ready", flush=True)
for line in sys.stdin:
    print(service.submit(RunSpec.from_json(line), "me"), flush=True)
"""


class Server:
    """A server in a process of its own."""

    def __init__(
        self, settings: Settings, name: str, worker: Sequence[str] = QUICK, lease: float = LEASE
    ) -> None:
        given = [str(settings.home), settings.store_url, name, str(lease), *worker]
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, *given],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline() == "ready\n"

    def submit(self, spec: RunSpec) -> str:
        self.process.stdin.write(spec.to_json() + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def fall_asleep(self, store: Store) -> None:
        """Stops as a machine that sleeps, but not within a write: SQLite would let nobody else
        write until it wakes."""
        while True:
            self.send(signal.SIGSTOP)
            try:
                with store._database.writing():
                    return
            except StoreError:
                self.send(signal.SIGCONT)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def start(kept: Callable[..., Settings]) -> Iterator[Callable[[str], Server]]:
    made: list[Server] = []

    def of(name: str) -> Server:
        made.append(Server(kept(), name))
        return made[-1]

    yield of
    for one in made:
        one.close()


@pytest.fixture
def here(kept, monkeypatch) -> Iterator[Supervisor]:
    """The server that one looks at."""
    monkeypatch.setattr(liveness, "host", lambda: "here")
    settings = kept(workers=1, lease_seconds=LEASE, looker_free_gib=1e6)
    found = Supervisor(settings, open_store(settings), QUICK)
    found.start(checking=False)
    yield found
    found.close()
    found.store.close()


def numbers(service: Supervisor, run_id: str) -> tuple[list[float], list[int]]:
    """All steps' losses, and the steps of the evaluations."""
    losses = service.store.series(run_id, "loss")[1].tolist()
    return losses, [step for _, _, step, _ in service.store.numbers(run_id)]


def test_a_run_of_another_server_is_seen_and_steered_and_outlives_it(start, here):
    other, third = start("other"), start("third")
    heard: list[str] = []
    here.listeners.append(lambda run_id, awaited: heard.append(run_id))
    run_id = other.submit(WHOLE)
    assert here.store.run(run_id) is not None
    until(lambda: step_of(here, run_id) > 0)
    if not here.store._database.sqlite:  # which tells nobody, and is looked at
        until(lambda: run_id in heard)

    for do, then in (("pause", "paused"), ("resume", "running"), ("pause", "paused")):
        here.command(run_id, "me", do)
        until(lambda then=then: state(here, run_id) == then)
    before = step_of(here, run_id)
    here.command(run_id, "me", "step")
    until(lambda: step_of(here, run_id) == before + 1)
    here.command(run_id, "me", "change", "rate", "learning_rate", 0.25)
    until(lambda: [m.value for m in here.store.marks(run_id) if m.kind == "rate"] == [0.25])
    with pytest.raises(RunError, match="Only the browser that started this run"):
        here.command(run_id, "you", "stop")
    here.command(run_id, "me", "resume")
    until(lambda: step_of(here, run_id) > before + 100)

    other.send(signal.SIGKILL)
    recorded = numbers(here, run_id)[0]
    until(lambda: here.store.run(run_id).resumed == 1)
    until(lambda: state(here, run_id) == "completed", 60)
    assert len(recorded) > 100
    assert numbers(here, run_id)[0] == list(map(float, range(1, 1501)))
    assert here.store.run(run_id).resumed == 1
    assert third.process.poll() is None


def test_a_server_that_was_away_finds_its_run_with_another_and_lets_it_be(start, here):
    """It is stopped for longer than its lease, as a machine that sleeps, and wakes."""
    other = start("other")
    run_id = other.submit(WHOLE)
    until(lambda: step_of(here, run_id) > 50)
    trainer = here.store.started(run_id).loss["pid"]
    other.fall_asleep(here.store)
    until(lambda: here.store.run(run_id).resumed == 1)
    other.send(signal.SIGCONT)
    until(lambda: not alive(trainer))  # its worker trained on, and is ended
    until(lambda: state(here, run_id) == "completed", 60)
    assert numbers(here, run_id) == (list(map(float, range(1, 1501))), list(range(20, 1501, 20)))
    assert other.submit(LONG) and other.process.poll() is None  # which goes on with others


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_command_that_nobody_answers_is_said(start, here, monkeypatch):
    other = start("other")
    run_id = other.submit(LONG)
    until(lambda: step_of(here, run_id) > 0)
    here.command(run_id, "me", "pause")
    until(lambda: state(here, run_id) == "paused")
    other.fall_asleep(here.store)
    monkeypatch.setattr(exchange, "ANSWER_SECONDS", 1.0)
    with pytest.raises(RunError, match="has not answered within 1 s"):
        here.command(run_id, "me", "stop")
    other.send(signal.SIGCONT)
    until(lambda: state(here, run_id) == "stopped")  # it was not forgotten
    with pytest.raises(RunError, match="This run has ended"):
        here.command(run_id, "me", "pause")


def test_what_is_taken_over_half_way_is_not_forgotten(kept, start, monkeypatch):
    """The store is gone between taking a waiting run over and reading what it is."""
    other = start("other")
    first = other.submit(LONG)
    waiting = other.submit(WHOLE)
    store = open_store(kept())
    until(lambda: store.run(first).step > 0)
    other.send(signal.SIGKILL)
    monkeypatch.setattr(liveness, "host", lambda: "here")
    monkeypatch.setattr(store._holding._watch, "_stale", 0.0)

    def away(run_id: str) -> None:
        raise StoreError("The database is gone.")

    with monkeypatch.context() as patch:
        patch.setattr(store, "run", away)
        with pytest.raises(StoreError):
            store.take_over()
    assert [record.id for record in store.take_over()] == [waiting]
    assert store.take_over() == []
    store.close()


def test_a_real_run_that_moves_to_another_server_has_the_numbers_of_one_that_stayed(
    kept, monkeypatch
):
    """Weights, streams and order of the batches come over with the checkpoint, bit for bit."""
    spec = RunSpec(dataset="digits", train_images=400, epochs=25, width=8, depth=1, seed=7)
    monkeypatch.setattr(liveness, "host", lambda: "here")
    settings = kept(workers=1, lease_seconds=LEASE, looker_free_gib=1e6)
    if not settings.store_url:
        pytest.skip("what is special about a move is the same; it costs two TensorFlows")
    other = Server(settings, "other", REAL)
    here = Supervisor(settings, open_store(settings))
    try:
        run_id = other.submit(spec)
        until(lambda: step_of(here, run_id) > 50, 300)
        for do, then in (("pause", "paused"), ("resume", "running")):
            here.command(run_id, "me", do)
            until(lambda then=then: state(here, run_id) == then)
        assert here.store.snapshots(run_id, "checkpoint")[-1] > 50
        other.send(signal.SIGKILL)
        here.start(checking=False)
        until(lambda: not here.store.run(run_id).live, 300)
        moved = here.store.run(run_id)
        assert (moved.state, moved.resumed) == ("completed", 1)
        stayed = here.store.run(here.submit(spec, "me"))
        until(lambda: not here.store.run(stayed.id).live, 300)
        assert here.store.run(stayed.id).metrics == moved.metrics
        for name in here.store.series_names(run_id):
            if name != "seconds":
                one, two = (here.store.series(each, name)[1] for each in (run_id, stayed.id))
                assert np.array_equal(one, two, equal_nan=True), name
        weights = [here.store.snapshot(each, "weights").arrays for each in (run_id, stayed.id)]
        assert all(np.array_equal(weights[0][name], weights[1][name]) for name in weights[0])
    finally:
        other.close()
        here.close()
        here.store.close()
