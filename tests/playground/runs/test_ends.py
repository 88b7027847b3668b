"""How runs end where something is in the way at that moment: nothing that was said is lost, and
nothing that is gone leaves anything behind."""

import os
import sqlite3
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from playground.errors import StoreError
from playground.runs.store import Store, open_store
from playground.runs.supervisor import Supervisor
from playground.settings import Settings
from playground.spec import RunSpec
from playground.training.events import Finished, Snapshot

SPEC = RunSpec(dataset="digits")
QUICK = (sys.executable, "-m", "tests.playground.runs.quick_worker")


def until(condition, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


class Lock:
    """Another program's write lock on a store."""

    def __init__(self, home: Path) -> None:
        self._raw = sqlite3.connect(
            home / "playground.sqlite", isolation_level=None, check_same_thread=False
        )
        self._raw.execute("BEGIN IMMEDIATE")

    def release(self) -> None:
        self._raw.execute("ROLLBACK")
        self._raw.close()


@pytest.fixture
def store(tmp_path: Path):
    found = open_store(Settings(home=tmp_path, lock_seconds=0.3))
    yield found
    found.close()


def test_an_end_that_came_while_the_store_was_locked_is_the_runs_end(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, workers=1, lock_seconds=0.3, looker_free_gib=1e6)
    service = Supervisor(settings, open_store(settings), QUICK)
    service.start()
    try:
        run_id = service.submit(RunSpec(seed=0), "me")
        until(lambda: service.store.run(run_id).step > 10)
        service.command(run_id, "me", "pause")
        until(lambda: service.store.run(run_id).state == "paused")
        lock = Lock(tmp_path)
        threading.Timer(1.5, lock.release).start()
        service.command(run_id, "me", "stop")
        until(lambda: not service.store.run(run_id).live)
        time.sleep(3)
        with closing(open_store(settings)) as other:
            until(lambda: not other.run(run_id).live)
            assert (other.run(run_id).state, other.run(run_id).kind) == ("stopped", "")
    finally:
        service.close()
        service.store.close()


def test_an_end_that_waits_is_written_when_the_store_is_closed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("playground.runs.liveness.BEAT_SECONDS", 60.0)
    run_id = store.create(SPEC, "me", "running")
    lock = Lock(tmp_path)
    with pytest.raises(StoreError, match="locked"):
        store.record(run_id, Finished(9, "completed", 1.0, {"loss": 0.5}))
    lock.release()
    store.close()
    with closing(open_store(Settings(home=tmp_path))) as other:
        found = other.run(run_id)
        assert found is not None
        assert (found.state, found.metrics) == ("completed", {"test_loss": 0.5})


def test_a_later_word_on_an_end_is_not_overwritten_by_one_that_waited(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("playground.runs.liveness.BEAT_SECONDS", 60.0)
    run_id = store.create(SPEC, "me", "running")
    lock = Lock(tmp_path)
    with pytest.raises(StoreError, match="locked"):
        store.record(run_id, Finished(9, "stopped", 1.0))
    lock.release()
    store.set_state(run_id, "stopped", "Stopped while others waited.")
    store.close()
    with closing(open_store(Settings(home=tmp_path))) as other:
        found = other.run(run_id)
        assert found is not None
        assert (found.step, found.message) == (9, "Stopped while others waited.")


@pytest.mark.skipif(os.name != "posix", reason="takes a right away")
def test_files_that_could_not_go_with_their_run_go_later(store: Store, tmp_path: Path) -> None:
    run_id, kept = store.create(SPEC, "me"), store.create(SPEC, "me")
    for each in (run_id, kept):
        store.record(each, Snapshot(1, "weights", {"a": np.zeros(9)}))
        store.record(each, Finished(1, "stopped", 0.1))
    folder = tmp_path / "runs" / run_id
    (folder / "weights-000000001.npz").rename(tmp_path / "aside")
    (folder / "weights-000000001.npz").mkdir()  # as a process that died on its way leaves it
    other = open_store(Settings(home=tmp_path))
    other._files.remove_all = lambda run_id: None  # type: ignore[method-assign]
    other.delete([run_id])
    other.close()
    assert folder.exists() and store.run(run_id) is None
    foreign = tmp_path / "runs" / "of another store"
    foreign.mkdir()
    store.make_room()
    assert not folder.exists() and (tmp_path / "runs" / kept).exists() and foreign.exists()


def test_a_word_of_a_worker_that_was_let_go_is_no_fault(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, workers=1)
    with closing(open_store(settings)) as store:
        service = Supervisor(settings, store, QUICK)
        service.on_message(object(), {"id": "", "answer": None})  # type: ignore[arg-type]
        service.close()
