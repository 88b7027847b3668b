"""A store that is damaged, locked, emptied or ended in the middle keeps and shows what is left."""

import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from playground.errors import StoreError
from playground.runs.files import from_npz, to_npz
from playground.runs.store import Store, open_store
from playground.settings import Settings
from playground.spec import RunSpec
from playground.training.events import Evaluated, Finished, Progress, Snapshot, Started

ROOT = Path(__file__).resolve().parents[3]
SPEC = RunSpec(dataset="digits", seed=7)
STARTED = Started(
    1, [], 9, 9, 1, 1, 1, ["a"], {"title": "Mine"}, {"strip_images": np.ones((2, 4, 4, 1))}
)


@pytest.fixture
def store(tmp_path):
    found = open_store(Settings(home=tmp_path))
    yield found
    found.close()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def overwrite(path: Path) -> None:
    path.write_bytes(b"\0" * path.stat().st_size)


HARMS = pytest.mark.parametrize("harm", [cut, empty, overwrite, Path.unlink])


@HARMS
def test_a_run_whose_started_file_is_lost_is_shown_all_the_same(store, tmp_path, harm):
    run_id = store.create(SPEC, "me")
    store.record(run_id, STARTED)
    store.record(run_id, Progress(2, 0.1, 0.1, 1.0, {"loss": np.ones(2)}))
    harm(tmp_path / "runs" / run_id / "started.npz")
    later = open_store(Settings(home=tmp_path))
    found = later.started(run_id)
    assert (found.steps, found.loss, found.arrays) == (9, {"title": "Mine"}, {})
    assert later.series(run_id, "loss")[0].tolist() == [1, 2]
    later.close()


@HARMS
def test_in_the_place_of_a_lost_snapshot_comes_the_one_before(store, tmp_path, harm):
    run_id = store.create(SPEC, "me")
    for step in (1, 2, 3):
        store.record(run_id, Snapshot(step, "weights", {"a": np.full(3, step)}))
    folder = tmp_path / "runs" / run_id
    harm(folder / "weights-000000003.npz")
    assert store.snapshot(run_id, "weights").step == 2
    assert store.snapshot(run_id, "weights", 3).arrays["a"].tolist() == [2, 2, 2]
    harm(folder / "weights-000000002.npz")
    assert store.snapshot(run_id, "weights").step == 1
    harm(folder / "weights-000000001.npz")
    with pytest.raises(StoreError, match=r"weights-000000003\.npz"):
        store.snapshot(run_id, "weights")


@given(st.data())
def test_a_file_with_a_byte_turned_is_read_as_it_was_or_refused(data):
    arrays = {"a": np.arange(6), "b": np.ones((2, 2), np.float32)}
    content = bytearray(to_npz(arrays, compressed=True))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found = from_npz(bytes(content))
    except ValueError:
        return
    for name in set(found) & set(arrays):  # names are not guarded, but then they are unknown
        assert np.array_equal(found[name], arrays[name])


def test_a_damaged_look_does_not_hide_its_numbers(store, tmp_path):
    run_id = store.create(SPEC, "me")
    store.record(run_id, Evaluated(1, 0.1, "test", 9, True, {"loss": 0.5}, {"a": np.ones(9)}))
    with sqlite3.connect(tmp_path / "playground.sqlite") as raw:
        raw.execute("UPDATE evaluations SET arrays = x'00112233'")
    found = store.evaluation(run_id, "test")
    assert (found.metrics, found.arrays) == ({"loss": 0.5}, {})


# What lies in the place of a store


def test_an_empty_file_is_not_taken_for_a_store(tmp_path, monkeypatch):
    monkeypatch.setattr("playground.runs.connection.APPEAR_SECONDS", 0.2)
    path = tmp_path / "playground.sqlite"
    path.touch()
    with pytest.raises(StoreError, match="is empty") as caught:
        open_store(Settings(home=tmp_path))
    assert path.stat().st_size == 0
    assert "remove the file" in caught.value.hint
    path.unlink()  # as the hint says
    open_store(Settings(home=tmp_path)).close()


def test_a_file_that_another_process_is_just_making_is_waited_for(tmp_path):
    path = tmp_path / "playground.sqlite"
    open_store(Settings(home=tmp_path)).close()
    made = path.read_bytes()
    path.write_bytes(b"")
    timer = threading.Timer(0.3, path.write_bytes, [made])
    timer.start()
    store = open_store(Settings(home=tmp_path))
    assert store.runs() == []
    timer.join()
    store.close()


# Another program's lock


LOCKER = """
import sqlite3, sys, time
raw = sqlite3.connect(sys.argv[1], isolation_level=None)
raw.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
time.sleep(float(sys.argv[2]))
raw.execute("ROLLBACK")
"""


def locked(tmp_path: Path, seconds: float) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-c", LOCKER, str(tmp_path / "playground.sqlite"), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "locked\n"
    return process


def test_a_lock_of_another_program_does_not_end_a_run(store, tmp_path, monkeypatch):
    # In a second process, for longer than anything waits but the events of a run.
    monkeypatch.setattr("playground.runs.engines.LOCK_SECONDS", 0.2)
    run_id = store.create(SPEC, "me")
    with locked(tmp_path, 2.0):
        with pytest.raises(StoreError, match="locked by another program"):
            store.create(SPEC, "me")
        store.record(run_id, STARTED)
    with locked(tmp_path, 1.0):
        store.record(run_id, Progress(2, 0.1, 0.1, 1.0, {"loss": np.ones(2)}))
    with locked(tmp_path, 1.0):
        store.record(run_id, Evaluated(2, 0.1, "validation", 9, True, {"loss": 0.5}, {}))
    with locked(tmp_path, 1.0):
        store.record(run_id, Snapshot(2, "weights", {"a": np.ones(3)}))
    with locked(tmp_path, 1.0):
        store.record(run_id, Finished(2, "completed", 0.1, {"loss": 0.25}))
    found = store.run(run_id)
    assert (found.state, found.step) == ("completed", 2)
    assert found.metrics == {"validation_loss": 0.5, "test_loss": 0.25}
    assert store.snapshots(run_id, "weights") == [2]


def test_a_lock_without_an_end_ends_a_run_with_all_its_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr("playground.runs.engines.LOCK_SECONDS", 0.2)
    store = Store(
        f"sqlite:///{tmp_path / 'playground.sqlite'}", tmp_path / "runs", lock_seconds=0.5
    )
    run_id = store.create(SPEC, "me")
    with locked(tmp_path, 3.0):
        with pytest.raises(StoreError, match="locked by another program"):
            store.record(run_id, Finished(2, "completed", 0.1, {"loss": 0.25}))
        assert store.run(run_id).state == "completed"
    end = time.monotonic() + 15
    while not store.run(run_id).metrics and time.monotonic() < end:
        time.sleep(0.1)
    store.close()
    later = open_store(Settings(home=tmp_path))
    assert later.run(run_id).metrics == {"test_loss": 0.25}
    later.close()


def test_a_locked_store_can_be_opened_and_read(store, tmp_path):
    run_id = store.create(SPEC, "me")
    with locked(tmp_path, 1.0):
        other = open_store(Settings(home=tmp_path))
        assert [run.id for run in other.runs()] == [run_id]
        other.close()


def test_what_is_closed_has_written_its_log_back(tmp_path):
    store, other = (open_store(Settings(home=tmp_path)) for _ in range(2))
    other.runs()  # holds a connection, so that SQLite itself would not
    store.create(SPEC, "me")
    log = tmp_path / "playground.sqlite-wal"
    assert log.stat().st_size
    store.close()
    assert not log.exists() or not log.stat().st_size
    other.close()
