"""How runs go: by name, or the oldest ones to keep the store within its limit."""

import itertools
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from playground.errors import RunError, StoreError
from playground.people import ACCOUNT
from playground.runs import evaluations, removal
from playground.runs.files import Files
from playground.runs.records import TERMINAL
from playground.runs.removal import LEAST_RUNS
from playground.runs.store import Store, open_store
from playground.runs.upkeep import Upkeep
from playground.settings import Settings
from playground.spec import RunSpec
from playground.training.events import Changed, Evaluated, Finished, Progress, Snapshot, Started

ROOT = Path(__file__).resolve().parents[3]
SPEC = RunSpec(dataset="digits", seed=7)


@pytest.fixture
def store(kept):
    found = open_store(kept())
    yield found
    found.close()


def whole_run(store: Store, owner: str = "me", size: int = 9) -> str:
    run_id = store.create(SPEC, owner)
    store.record(run_id, Started(1, [], 9, 9, 1, 1, 1, [], {}, {"strip_labels": np.ones(9)}))
    store.record(run_id, Progress(2, 0.1, 0.1, 1.0, {"loss": np.ones(2)}))
    store.record(run_id, Evaluated(2, 0.1, "test", 9, True, {"loss": 0.5}, {"a": np.ones(9)}))
    store.record(run_id, Changed(2, "rate", "learning_rate", 0.1))
    store.record(run_id, Snapshot(2, "weights", {"a": np.random.default_rng(0).random(size)}))
    store.record(run_id, Finished(2, "completed", 0.1))
    return run_id


def test_runs_of_anonymous_visitors_outlive_their_time_and_others_do_not(store):
    old = whole_run(store, "a" * 24)
    starred, account = whole_run(store, "a" * 24), whole_run(store, f"{ACCOUNT}1")
    terminals, live = whole_run(store, TERMINAL), store.create(SPEC, "a" * 24)
    store.labels.star([starred], ["a" * 24], True)
    now = time.time()
    assert store.expire(now - 60) == []
    (gone,) = store.expire(now + 60)
    assert (gone.id, gone.room) == (old, True)
    assert {run.id for run in store.runs()} == {starred, account, terminals, live}
    assert store.expire(now + 60) == [] and store.removed(old).number == gone.number


def test_the_server_removes_them_in_its_upkeep(store):
    old, told = whole_run(store, "a" * 24), Settings(run_days=1)
    Upkeep(told, store, lambda: None).tick(100.0)
    assert store.run(old) is not None
    store._write(
        lambda connection: connection.exec_driver_sql("UPDATE runs SET finished = finished - 90000")
    )
    Upkeep(Settings(), store, lambda: None).tick(100.0)
    assert store.run(old) is not None  # kept as long as there is room
    Upkeep(told, store, lambda: None).tick(100.0)
    assert store.run(old) is None


def rows(store: Store, query: str) -> list[tuple]:
    with store._database.reading() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def test_of_a_deleted_run_nothing_is_left_but_its_number(store, kept, tmp_path):
    left, gone = whole_run(store), whole_run(store)
    size = sum(file.stat().st_size for file in (tmp_path / "runs" / gone).iterdir())
    other = open_store(kept())
    assert other.started(gone) is not None and store.started(gone) is not None
    [removed] = store.delete([gone])
    assert other.started(gone) is None
    other.close()
    assert (removed.id, removed.number, removed.bytes, removed.room) == (gone, 2, size, False)
    assert store.run(gone) is None and store.started(gone) is None
    assert store.removed(gone) == removed and store.removed(left) is None
    assert not (tmp_path / "runs" / gone).exists() and (tmp_path / "runs" / left).exists()
    for table in ("series", "evaluations", "marks", "snapshots"):
        owners = rows(store, f"SELECT DISTINCT run_id FROM {table}")
        assert owners == [(left,)], table
    if store._database.sqlite:
        assert rows(store, "PRAGMA freelist_count") == [(0,)]
    assert store.run(store.create(SPEC, "me")).number == 3  # a number means one run for ever


def test_all_are_deleted_or_none(store):
    first, second = whole_run(store), whole_run(store)
    with pytest.raises(StoreError, match="no run 'unknown'"):
        store.delete([first, "unknown", second])
    assert {run.id for run in store.runs()} == {first, second}


WRITER = """
import sys, time
from pathlib import Path
from playground.runs.store import open_store
from playground.settings import Settings
from playground.spec import RunSpec

store = open_store(Settings(home=Path(sys.argv[1]), store_url=sys.argv[2]))
print(store.create(RunSpec(dataset="digits"), "me", sys.argv[3]), flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(os.name != "posix", reason="asks the system about a process")
@pytest.mark.parametrize("state", ["queued", "running", "paused"])
def test_a_live_run_is_deleted_only_when_its_process_is_gone(store, kept, state):
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(kept().home), kept().store_url, state],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            run_id = process.stdout.readline().strip()
            with pytest.raises(StoreError, match=f"still {state}") as caught:
                store.delete([run_id])
            assert caught.value.hint == "Stop it first." and store.run(run_id) is not None
        finally:
            process.kill()
    store.delete([run_id])
    assert store.run(run_id) is None


def test_the_oldest_that_have_ended_make_room(kept, tmp_path):
    url = kept().store_url or f"sqlite:///{tmp_path / 'playground.sqlite'}"
    store = Store(url, tmp_path / "runs", most_bytes=2_000_000)
    live = store.create(SPEC, "me")
    ids = [whole_run(store, "me" if number % 2 else "you", 25_000) for number in range(14)]
    used = sum(file.stat().st_size for file in (tmp_path / "runs").rglob("*.npz"))
    assert used > 2_500_000
    gone = store.make_room()
    assert [one.id for one in gone] == ids[: len(gone)] and 3 <= len(gone) <= 6
    assert all(one.room and one.bytes > 200_000 for one in gone)
    mine = [2 + at for at in range(len(gone)) if at % 2]
    assert [one.number for one in store.removed_of(["me"])] == mine[::-1]
    left = [run.id for run in store.runs()]
    assert left == [*ids[len(gone) :][::-1], live]
    used = sum(file.stat().st_size for file in (tmp_path / "runs").rglob("*.npz"))
    assert used <= 2_000_000
    assert store.make_room() == []
    store.close()


def test_two_servers_that_make_room_at_once_remove_each_run_once(kept, tmp_path):
    url = kept().store_url or f"sqlite:///{tmp_path / 'playground.sqlite'}"
    stores = [Store(url, tmp_path / "runs", most_bytes=1) for _ in range(3)]
    ids = [whole_run(stores[0]) for _ in range(LEAST_RUNS + 6)]
    with ThreadPoolExecutor() as pool:
        gone = list(pool.map(lambda store: store.make_room(), stores))
    assert sorted(one.id for found in gone for one in found) == sorted(ids[:6])
    for store in stores:
        store.close()


def test_the_newest_stay_however_large_they_are(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'a.sqlite'}", tmp_path / "runs", most_bytes=1)
    ids = [whole_run(store) for _ in range(LEAST_RUNS + 2)]
    assert [one.id for one in store.make_room()] == ids[:2]
    store.close()


def test_those_with_a_star_go_last_and_deleted_ones_first(tmp_path):
    url = f"sqlite:///{tmp_path / 'a.sqlite'}"
    store = Store(url, tmp_path / "runs", most_bytes=1)
    ids = [whole_run(store) for _ in range(LEAST_RUNS + 4)]
    store.labels.star(ids[:2], ["me"], True)
    store.labels.delete(ids[-1:], ["me"])
    assert [one.id for one in store.make_room()] == [ids[-1], ids[2], *ids[:2]]
    assert len(store.runs()) == LEAST_RUNS
    store.close()


def test_a_visitors_runs_keep_within_that_visitors_room(tmp_path):
    url = f"sqlite:///{tmp_path / 'a.sqlite'}"
    store = Store(url, tmp_path / "runs", visitor_bytes=2_000_000)
    one = whole_run(store, "one", 50_000)
    ids = [whole_run(store, "many", 25_000) for _ in range(14)]
    store.labels.star(ids[:1], ["many"], True)
    gone = store.make_room()
    assert [each.id for each in gone] == ids[1 : len(gone) + 1] and 3 <= len(gone) <= 6
    assert store.run(one) is not None and all(each.owner == "many" for each in gone)
    files = sum(
        file.stat().st_size
        for run_id in (run.id for run in store.runs(owner="many"))
        for file in (tmp_path / "runs" / run_id).iterdir()
    )
    listed = store.listing.runs(["many"], "many")
    assert files < sum(each.bytes for each in listed) <= 2_000_000
    assert files < store.taken
    assert store.make_room() == []
    store.close()


def test_whoever_is_alone_keeps_runs_as_long_as_the_store_has_room(kept, monkeypatch):
    assert Settings(store_gib=3).visitor_gib == 3 and Settings(visitor_gib=2).visitor_gib == 2
    store = open_store(kept())
    ids = [whole_run(store) for _ in range(LEAST_RUNS + 4)]
    # 9 GiB in all, of the 10 that a store may take unless told otherwise.
    monkeypatch.setattr(Files, "size", lambda files, run_id: 3 * 2**28)
    assert store.make_room() == [] and len(store.runs()) == len(ids)
    store.close()


def test_nobody_waits_while_the_files_of_what_goes_are_listed(store, kept, monkeypatch):
    """A bucket takes its time."""
    gone, other, size = whole_run(store), open_store(kept(lock_seconds=0.5)), Files.size

    def slow(files: Files, run_id: str) -> int:
        other.labels.star([run_id], ["me"], True)  # raises StoreError while others hold the lock
        return size(files, run_id)

    monkeypatch.setattr(Files, "size", slow)
    [removed] = store.delete([gone])
    assert removed.bytes > 0 and other.run(gone) is None
    other.close()


def test_what_was_deleted_comes_back_until_it_is_gone_for_good(store, tmp_path, monkeypatch):
    kept, gone = whole_run(store), whole_run(store)
    store.labels.delete([kept, gone], ["me"])
    assert store.runs() == [] and store.by_digest([SPEC.digest]) == {}
    assert store.run(gone).deleted is not None
    store.make_room()
    store.labels.undo([kept], ["me"])
    assert [run.id for run in store.runs()] == [kept] and store.run(kept).deleted is None
    monkeypatch.setattr(removal, "UNDO_SECONDS", 0.0)
    assert store.make_room() == []  # nothing went to make room
    assert store.run(gone) is None and not store.removed(gone).room
    assert not (tmp_path / "runs" / gone).exists() and store.run(kept) is not None
    with pytest.raises(RunError, match="no longer"):
        store.labels.undo([gone], ["me"])


def test_a_deleted_run_that_still_trains_is_removed_when_it_has_ended(store, monkeypatch):
    monkeypatch.setattr(removal, "UNDO_SECONDS", 0.0)
    run_id = store.create(SPEC, "me", "running")
    store.labels.delete([run_id], ["me"])
    store.make_room()
    assert store.run(run_id) is not None
    store.set_state(run_id, "stopped")
    store.make_room()
    assert store.run(run_id) is None


def test_of_earlier_looks_the_arrays_are_kept_too(store):
    run_id = store.create(SPEC, "me")
    for step in (1, 2, 3):
        for split in ("validation", "train"):
            arrays = {"confusion": np.full((9, 9), step)}
            store.record(run_id, Evaluated(step, 0.1, split, 9, step == 2, {"loss": step}, arrays))
    assert store.evaluation(run_id).arrays["confusion"][0, 0] == 3
    assert store.evaluation(run_id, full=True).arrays["confusion"][0, 0] == 2
    assert store.evaluation(run_id, "train").arrays["confusion"][0, 0] == 3
    assert store.series(run_id, "validation_loss")[1].tolist() == [1, 2, 3]
    for step in (1, 2, 3):
        assert store.evaluation(run_id, step=step).arrays["confusion"][0, 0] == step


def test_of_many_looks_arrays_are_thinned_out_evenly(store):
    run_id = store.create(SPEC, "me")
    draw = np.random.default_rng(0)
    for step in range(1, 201):
        arrays = {"strip_probabilities": draw.random((64, 10))}
        store.record(run_id, Evaluated(step, 0.1, "validation", 9, True, {"loss": step}, arrays))
    found = rows(store, "SELECT step FROM evaluations WHERE length(arrays) > 0 ORDER BY step")
    steps = [step for (step,) in found]
    assert len(steps) == evaluations.MOST and (steps[0], steps[-1]) == (1, 200)
    assert max(b - a for a, b in itertools.pairwise(steps)) <= 4
    assert store.series(run_id, "validation_loss")[1].tolist() == list(range(1, 201))
