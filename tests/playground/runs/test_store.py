"""The store: what is recorded is there for every thread, process and server that comes after."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from sqlalchemy import select

from playground.errors import LostRun, StoreError
from playground.runs import snapshots, tables
from playground.runs.liveness import Sign, Watch
from playground.runs.store import LIVE, STATES, Store, open_store
from playground.spec import RunSpec
from playground.training.changes import STEERED
from playground.training.events import (
    Changed,
    Evaluated,
    Failed,
    Finished,
    Preparing,
    Progress,
    Snapshot,
    Started,
)
from tests.playground.runs.conftest import DATABASES, settings_of

ROOT = Path(__file__).resolve().parents[3]
SPEC = RunSpec(dataset="digits", seed=7)


@pytest.fixture
def store(kept):
    found = open_store(kept())
    yield found
    found.close()


def change(store: Store, statement: str) -> None:
    """What a test does to the tables that no public door does."""
    with store._database.writing() as connection:
        connection.exec_driver_sql(statement)


def started(**changes) -> Started:
    values = {
        "parameters": 99,
        "layers": [{"name": "conv", "shape": [8, 8, 4]}],
        "steps": 500,
        "steps_per_epoch": 50,
        "train_images": 90,
        "validation_images": 10,
        "test_images": 20,
        "class_names": ["é", "b"],
        "loss": {"title": "Mine", "parameters": {"gamma": 2.0}},
        "arrays": {"strip_images": np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1)},
    }
    return Started(**{**values, **changes})


def progress(step: int, count: int = 1, **more) -> Progress:
    values = np.arange(step - count + 1, step + 1, dtype=np.float32)
    return Progress(step, step / 50, step / 10, 640.0, {"loss": values, **more})


def test_a_run_is_kept_event_by_event(store):
    # Long because it is one run's life, and each event is recorded upon those before it.
    run_id = store.create(SPEC, "me")
    assert len(run_id) == 12 and run_id.isalnum()
    new = store.run(run_id)
    assert (new.owner, new.state, new.spec, new.digest) == ("me", "queued", SPEC, SPEC.digest)
    assert new.live and new.started is None and new.metrics == {} and new.where is None
    assert store.started(run_id) is None and store.evaluation(run_id) is None

    store.record(run_id, Preparing("Reading", 0.5))
    preparing = store.run(run_id)
    assert (preparing.state, preparing.preparing, preparing.preparing_fraction) == (
        "preparing",
        "Reading",
        0.5,
    )

    store.record(run_id, started())
    running = store.run(run_id)
    assert (running.state, running.steps, running.parameters) == ("running", 500, 99)
    assert running.started is not None and running.started.tzinfo is not None
    built = store.started(run_id)
    assert built.class_names == ["é", "b"] and built.loss["parameters"] == {"gamma": 2.0}
    assert np.array_equal(built.arrays["strip_images"], started().arrays["strip_images"])

    store.record(run_id, progress(3, 3, accuracy=np.zeros(3, np.float32)))
    record = store.run(run_id)
    assert (record.step, record.epoch, record.seconds, record.images_per_second) == (
        3,
        3 / 50,
        3 / 10,
        640.0,
    )

    looked = Evaluated(
        3, 0.06, "validation", 10, False, {"loss": 0.5, "accuracy": 0.9},
        {"confusion": np.eye(2, dtype=np.int32)},
    )  # fmt: skip
    store.record(run_id, looked)
    found = store.evaluation(run_id)
    assert (found.step, found.metrics, found.full, found.images) == (3, looked.metrics, False, 10)
    assert np.array_equal(found.arrays["confusion"], np.eye(2))
    assert store.evaluation(run_id, full=True) is None
    assert store.evaluation(run_id, "test") is None
    steps, values = store.series(run_id, "validation_accuracy")
    assert steps.tolist() == [3] and values == np.float32(0.9)

    for step in (3, 5):
        store.record(run_id, Snapshot(step, "weights", {"dense/kernel": np.full((2, 2), step)}))
    store.record(run_id, Snapshot(5, "weights", {"dense/kernel": np.full((2, 2), 6)}))
    assert store.snapshots(run_id, "weights") == [3, 5] and store.snapshots(run_id, "maps") == []
    assert store.snapshot(run_id, "weights").arrays["dense/kernel"][0, 0] == 6
    assert store.snapshot(run_id, "weights", 3).arrays["dense/kernel"][0, 0] == 3
    assert store.snapshot(run_id, "weights", 4) is None

    store.record(run_id, Changed(6, "rate", "learning_rate", 0.01))
    store.record(run_id, Changed(6, "state", "", "paused"))
    assert store.run(run_id).state == "paused"
    store.record(run_id, progress(4))  # a single step leaves it paused
    assert store.run(run_id).state == "paused"
    store.record(run_id, Changed(6, "state", "", "running"))
    assert store.run(run_id).state == "running"
    assert store.marks(run_id) == [
        Changed(6, "rate", "learning_rate", 0.01),
        Changed(6, "state", "", "paused"),
        Changed(6, "state", "", "running"),
    ]

    store.record(run_id, Finished(500, "completed", 9.5, {"loss": 0.25, "accuracy": 0.97}))
    end = store.run(run_id)
    assert (end.state, end.step, end.seconds, end.live) == ("completed", 500, 9.5, False)
    assert end.finished >= end.created
    assert end.metrics == {
        "validation_loss": 0.5,
        "validation_accuracy": 0.9,
        "test_loss": 0.25,
        "test_accuracy": 0.97,
    }


def test_a_run_goes_on_as_it_was_told_last(store):
    """Its checkpoint may be of before that: whoever recorded it was killed in between."""
    run_id = store.create(SPEC, "me")
    store.record(run_id, started())
    store.record(run_id, progress(6))
    store.record(run_id, Snapshot(6, "checkpoint", {"a": np.ones(3)}))
    assert not store.start(run_id, paused=True).paused
    for told in ("paused", "running", "paused"):
        store.record(run_id, Changed(6, "state", "", told))
        assert store.start(run_id, paused=True).paused == (told == "paused")
        assert not store.start(run_id, paused=False).paused


def test_a_failure_keeps_what_was_recorded_and_is_the_end(store):
    run_id = store.create(SPEC, "me")
    store.record(run_id, started())
    store.record(run_id, progress(5, 5))
    store.record(run_id, Failed(5, "nonfinite", "Not finite.", "Lower it.", {"line": 1}))
    store.record(run_id, Finished(6, "completed", 1.0))
    store.record(run_id, Preparing("again"))
    store.set_state(run_id, "running")
    found = store.run(run_id)
    assert (found.state, found.kind, found.message, found.hint, found.where) == (
        "failed",
        "nonfinite",
        "Not finite.",
        "Lower it.",
        {"line": 1},
    )
    assert store.series(run_id, "loss")[0].tolist() == [1, 2, 3, 4, 5]


def test_numbers_that_are_none_are_kept(store):
    run_id = store.create(SPEC, "me")
    store.record(run_id, Evaluated(1, 0.1, "validation", 1, False, {"loss": float("nan")}, {}))
    store.record(run_id, Progress(1, 0.1, 0.1, 1.0, {"loss": np.array([np.inf])}))
    assert np.isnan(store.series(run_id, "validation_loss")[1]).tolist() == [True]
    assert np.isinf(store.series(run_id, "loss")[1]).tolist() == [True]


def test_only_known_states_are_set(store):
    run_id = store.create(SPEC, "me")
    for state in sorted(LIVE):
        store.set_state(run_id, state)
        assert store.run(run_id).state == state
    with pytest.raises(ValueError, match="expected one of"):
        store.set_state(run_id, "exploded")
    assert LIVE < STATES


def test_runs_are_listed_newest_first(store):
    ids = [store.create(SPEC, owner) for owner in ("a", "b", "a")]
    store.set_state(ids[0], "stopped")
    assert [run.id for run in store.runs()] == ids[::-1]
    assert [run.id for run in store.runs(limit=1)] == [ids[2]]
    assert [run.id for run in store.runs(owner="a")] == [ids[2], ids[0]]
    assert [run.id for run in store.runs(live=True)] == [ids[2], ids[1]]
    assert [run.id for run in store.runs(live=False)] == [ids[0]]


@pytest.mark.parametrize("run_id", ["", "unknown", "../../etc", "\0", "é" * 1000])
def test_an_unknown_run_is_none(store, run_id):
    assert store.run(run_id) is None and store.started(run_id) is None
    assert store.evaluation(run_id) is None and store.snapshot(run_id, "weights") is None
    assert len(store.series(run_id, "loss")[0]) == 0 and store.marks(run_id) == []


@given(
    counts=st.lists(st.integers(1, 1500), min_size=1, max_size=8),
    after=st.integers(-1, 4000),
)
def test_a_series_is_whole_however_it_came(shared, counts, after):
    run_id = shared.create(SPEC, "me")
    total = 0
    for count in counts:
        total += count
        shared.record(run_id, progress(total, count))
    steps, values = shared.series(run_id, "loss", after)
    expected = np.arange(max(after, 0) + 1, max(total, max(after, 0)) + 1)
    assert steps.dtype == np.int32 and values.dtype == np.float32
    assert np.array_equal(steps, expected) and np.array_equal(values, expected)


@pytest.fixture(scope="module", params=DATABASES)
def shared(request, tmp_path_factory):
    found = open_store(settings_of(request, tmp_path_factory.mktemp("store"))())
    yield found
    found.close()


def test_a_series_with_a_gap_or_a_later_word_on_a_step(store):
    run_id = store.create(SPEC, "me")
    store.record(run_id, progress(2, 2))
    store.record(run_id, progress(6, 2))
    steps, values = store.series(run_id, "loss")
    assert steps.tolist() == [1, 2, 3, 4, 5, 6]
    assert values[[0, 1, 4, 5]].tolist() == [1, 2, 5, 6] and np.isnan(values[[2, 3]]).all()
    store.record(run_id, Progress(2, 0, 0, 0, {"loss": np.array([9.0])}))
    assert store.series(run_id, "loss")[1][:2].tolist() == [1, 9]


def test_a_series_that_begins_mid_run(store):
    run_id = store.create(SPEC, "me")
    store.record(run_id, progress(1030, 1030))
    store.record(run_id, progress(1032, 2, term=np.array([0.5, 0.25])))
    steps, values = store.series(run_id, "term")
    assert steps.tolist() == [1031, 1032] and values.tolist() == [0.5, 0.25]


def test_a_second_store_on_the_database_sees_all_at_once(store, kept):
    other = open_store(kept())
    try:
        run_id = store.create(SPEC, "me")
        store.record(run_id, started())
        store.record(run_id, progress(4, 4))
        other.record(run_id, progress(6, 2))
        assert other.run(run_id).step == store.run(run_id).step == 6
        assert other.started(run_id).steps == 500
        assert store.series(run_id, "loss", 3)[0].tolist() == [4, 5, 6]
        assert other.interrupt_dead() == []
    finally:
        other.close()


def test_threads_write_and_read_at_once(store):
    ids = [store.create(SPEC, "me") for _ in range(4)]
    faults = []

    def write(run_id):
        try:
            for step in range(1, 41):
                store.record(run_id, progress(step))
        except StoreError as error:
            faults.append(error)

    def read(run_id):
        try:
            while len(found := store.series(run_id, "loss")[0]) < 40:
                assert found.tolist() == list(range(1, len(found) + 1))
        except StoreError as error:
            faults.append(error)

    threads = [threading.Thread(target=job, args=(one,)) for one in ids for job in (write, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == [] and not any(thread.is_alive() for thread in threads)


# Another process


WRITER = """
import sys, time
import numpy as np
from pathlib import Path
from playground.runs.store import open_store
from playground.settings import Settings
from playground.spec import RunSpec
from playground.training.events import *

store = open_store(Settings(home=Path(sys.argv[1]), store_url=sys.argv[2]))
run_id = store.create(RunSpec(dataset="digits"), "command line", "preparing")
store.record(run_id, Started(1, [], 9, 9, 1, 1, 1, [], {}, {}))
store.record(run_id, Progress(2, 0.2, 0.1, 1.0, {"loss": np.ones(2)}))
print(run_id, flush=True)
time.sleep(60)
"""


@pytest.fixture
def writer(kept):
    command = [sys.executable, "-c", WRITER, str(kept().home), kept().store_url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_a_run_of_another_process_shows_live_and_is_left_alone_until_that_dies(
    store, writer, monkeypatch
):
    run_id = writer.stdout.readline().strip()
    assert store.run(run_id).state == "running" and store.run(run_id).step == 2
    assert store.interrupt_dead() == [] and store.run(run_id).live
    writer.kill()
    writer.wait()
    if os.name != "posix":  # its number cannot be looked up: its sign of life has to run out
        monkeypatch.setattr("playground.runs.liveness.STALE_SECONDS", 0.0)
    assert store.interrupt_dead() == [run_id]
    found = store.run(run_id)
    assert (found.state, found.kind, found.step) == ("failed", "interrupted", 2)
    assert "step 2" in found.message and "kept" in found.message
    assert store.series(run_id, "loss")[0].tolist() == [1, 2]


@pytest.mark.skipif(os.name != "posix", reason="asks the system about a process")
def test_a_live_process_of_this_machine_is_never_taken_for_dead(store, writer):
    run_id = writer.stdout.readline().strip()
    writer.send_signal(signal.SIGSTOP)  # as a machine that sleeps: no sign of life
    clock = itertools.count(0, 5)
    store._holding._watch = Watch(lambda holder: Sign(0.0, next(clock)))
    change(store, "UPDATE runs SET heartbeat = heartbeat - 86400")  # and the clock a day ahead
    assert [store.interrupt_dead() for _ in range(40)] == [[]] * 40
    writer.send_signal(signal.SIGCONT)
    assert store.run(run_id).live


@pytest.mark.skipif(os.name != "posix", reason="asks the system about a process")
def test_a_later_process_with_the_number_of_a_dead_one_holds_nothing(store, writer):
    run_id = writer.stdout.readline().strip()
    change(store, f"UPDATE runs SET pid = {os.getppid()}")
    assert store.interrupt_dead() == [run_id]


@pytest.mark.skipif(os.name != "posix", reason="asks the system about a process")
def test_a_dead_process_that_nobody_has_buried_is_dead(store, writer):
    run_id = writer.stdout.readline().strip()
    writer.kill()
    os.waitid(os.P_PID, writer.pid, os.WEXITED | os.WNOWAIT)
    assert store.interrupt_dead() == [run_id]


@pytest.mark.parametrize("beats", [False, True])
def test_a_process_elsewhere_is_dead_when_its_sign_of_life_stood_still_while_one_looked(beats):
    # From the first look to the third the machine slept, or the store was away: nobody looked.
    signs = iter([Sign(9.0 + beats * i, now) for i, now in enumerate((10, 3e4, 6e4, 60_005))])
    watch = Watch(lambda holder: next(signs))
    alive = [watch.alive("elsewhere", 1, "process 0123") for _ in range(4)]
    assert alive == [True, True, True, beats]


def test_one_that_gives_signs_in_any_of_its_runs_lives(store):
    """The runs of one process say different times, of which the latest counts."""
    ids = [store.create(SPEC, "me") for _ in range(2)]
    change(store, "UPDATE runs SET host = 'elsewhere', holder = 'process 0123', heartbeat = number")
    sign = store._holding._sign("process 0123")
    assert sign.beat == 2.0 and abs(sign.now - time.time()) < 60
    store._holding._watch = Watch(store._holding._sign, stale=0.0)
    assert [store._holding.orphans({"queued"})[i].id for i in (0, 1)] == ids


def test_the_sign_of_life_is_given_without_events(store):
    run_id = store.create(SPEC, "me")

    def beat() -> float:
        with store._database.reading() as connection:
            query = select(tables.runs.c.heartbeat).where(tables.runs.c.id == run_id)
            return connection.execute(query).scalar_one()

    first, end = beat(), time.monotonic() + 15
    while beat() == first and time.monotonic() < end:
        time.sleep(0.1)
    assert beat() > first
    assert abs(first - time.time()) < 60  # by the store's clock, which here is ours


def test_what_another_has_taken_over_is_not_written_any_more(store):
    """A server that was away for longer than its lease finds its runs with another."""
    run_id = store.create(SPEC, "me")
    store.record(run_id, progress(2, 2))
    change(store, "UPDATE runs SET holder = 'process 0123'")
    for event in (progress(4, 2), Changed(4, "state", "", "paused"), Finished(4, "completed", 1.0)):
        with pytest.raises(LostRun, match="another goes on with it"):
            store.record(run_id, event)
    with pytest.raises(LostRun):
        store.set_state(run_id, "failed")
    assert not store.requeue(run_id)
    assert store.series(run_id, "loss")[0].tolist() == [1, 2]
    assert (store.run(run_id).state, store.marks(run_id)) == ("queued", [])


def test_one_who_looks_and_one_who_looks_again_take_a_run_over_once(store, kept):
    run_id = store.create(SPEC, "me")
    store.set_state(run_id, "running")
    change(store, "UPDATE runs SET holder = 'process 0123'")
    change(store, f"UPDATE runs SET pid = {2**22 + 1}")
    seen = store._holding.orphans({"running"})
    other = open_store(kept())
    assert other.interrupt_dead(most=3) == []
    assert [record.id for record in other.take_over()] == [run_id]
    # This one saw it dead, too, but too late.
    assert not store._holding.end(seen[0], state="failed")
    assert store._orphans.wait_again(seen[0], most=3)
    assert (other.run(run_id).state, other.run(run_id).resumed) == ("queued", 1)
    other.close()


# What goes wrong


@pytest.mark.parametrize("url", ["nonsense", "nosuchdatabase://here", "sqlite+nosuchdriver:///x"])
def test_a_url_of_nothing_is_refused(tmp_path, url):
    with pytest.raises(StoreError, match="PLAYGROUND_STORE_URL"):
        Store(url, tmp_path)


def test_a_damaged_snapshot_is_named_and_never_unpickled(store, tmp_path):
    run_id = store.create(SPEC, "me")
    store.record(run_id, Snapshot(1, "weights", {"a": np.ones(3)}))
    (file,) = (tmp_path / "runs" / run_id).glob("*.npz")
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(StoreError, match="damaged"):
        store.snapshot(run_id, "weights")
    with file.open("wb") as stream:
        np.savez(stream, a=np.array([{"an": "object"}], dtype=object))
    with pytest.raises(StoreError, match="damaged"):
        store.snapshot(run_id, "weights")
    file.unlink()
    with pytest.raises(StoreError, match=file.name):
        store.snapshot(run_id, "weights")


def test_many_processes_may_open_a_new_store_at_once(kept):
    code = (
        "import sys; from pathlib import Path; from playground.runs.store import open_store; "
        "from playground.settings import Settings; from playground.spec import RunSpec; "
        "settings = Settings(home=Path(sys.argv[1]), store_url=sys.argv[2]); "
        "open_store(settings).create(RunSpec(), 'me')"
    )
    command = [sys.executable, "-c", code, str(kept().home), kept().store_url]
    processes = [subprocess.Popen(command, cwd=ROOT) for _ in range(4)]
    assert [process.wait(60) for process in processes] == [0, 0, 0, 0]
    store = open_store(kept())
    assert sorted(run.number for run in store.runs()) == [1, 2, 3, 4]
    store.close()


def test_snapshots_are_thinned_out_and_never_outgrow_their_room(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'a.sqlite'}", tmp_path / "runs", 20 * 400)
    run_id = store.create(SPEC, "me")
    for step in range(0, 1000, 5):
        store.record(run_id, Snapshot(step, "weights", {"a": np.full(100, step, np.float32)}))
    steps = store.snapshots(run_id, "weights")
    assert len(steps) == 20 and steps[0] == 0 and steps[-1] == 995
    assert len(list((tmp_path / "runs" / run_id).glob("*.npz"))) == 20
    roots = np.sqrt(steps)
    assert np.diff(roots).max() < 4 * roots[-1] / 19  # spread over the run, denser at its start
    assert steps[3] < 100
    assert all(store.snapshot(run_id, "weights", step).arrays["a"][0] == step for step in steps)
    store.close()


def test_of_large_snapshots_a_few_are_kept_all_the_same(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'a.sqlite'}", tmp_path / "runs", 1)
    run_id = store.create(SPEC, "me")
    for step in range(30):
        store.record(run_id, Snapshot(step, "weights", {"a": np.ones(9)}))
    assert len(store.snapshots(run_id, "weights")) == snapshots.LEAST["weights"]
    store.close()


@pytest.mark.parametrize("kind", sorted(STEERED))
def test_a_run_that_was_changed_tells_nothing_of_its_spec(store, kind: str):
    untouched, changed = store.create(SPEC, "me"), store.create(SPEC, "you")
    store.record(changed, Changed(3, kind, "learning_rate", 0.5))
    for run in (untouched, changed):
        store.record(run, Finished(5, "completed", 1.0, {}))
    assert store.by_digest([SPEC.digest])[SPEC.digest].id == untouched
    store.record(untouched, Changed(5, "state", "", "paused"))  # a pause changes no number
    assert store.by_digest([SPEC.digest])[SPEC.digest].id == untouched
