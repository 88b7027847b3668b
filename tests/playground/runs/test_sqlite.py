"""What is SQLite's alone: its file, its locks, the disk that it lies on."""

import sqlite3
import time

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.pool import Pool

from playground.errors import StoreError
from playground.runs.store import Store, open_store
from playground.settings import Settings
from tests.playground.runs.test_store import SPEC, progress


def open_at(folder) -> Store:
    return open_store(Settings(home=folder))


@pytest.fixture
def store(tmp_path):
    found = open_at(tmp_path)
    yield found
    found.close()


def test_a_long_run_takes_little_room_and_each_poll_reads_little_of_it(tmp_path):
    store = open_at(tmp_path)
    run_id = store.create(SPEC, "me")
    for step in range(10, 5001, 10):
        store.record(run_id, progress(step, 10))
    store.close()
    with sqlite3.connect(tmp_path / "playground.sqlite") as raw:
        rows = raw.execute("SELECT count(*), sum(length(points)) FROM series").fetchone()
        plan = raw.execute(
            "EXPLAIN QUERY PLAN SELECT first FROM series WHERE run_id = 'a' AND name = 'b' "
            "AND chunk >= 3"
        ).fetchall()
    assert rows == (5, 5000 * 4)
    assert "SEARCH" in str(plan) and "chunk>?" in str(plan)


@pytest.fixture
def quota():
    """A limit on the database's pages, as a full disk: set ["pages"]."""
    limit = {"pages": 2**30}

    def apply(raw, _record, _proxy):
        raw.execute(f"PRAGMA max_page_count = {limit['pages']}")

    sqlalchemy_event.listen(Pool, "checkout", apply)
    yield limit
    sqlalchemy_event.remove(Pool, "checkout", apply)


def fill(store: Store, run_id: str) -> int:
    """Records steps until there is no room; the last step that was kept."""
    step = 0
    with pytest.raises(StoreError, match="disk is full"):
        while True:
            store.record(run_id, progress(step + 1000, 1000))
            step += 1000
    return step


def test_a_full_disk_is_said_and_keeps_what_was_recorded(quota, store, tmp_path):
    run_id = store.create(SPEC, "me")
    quota["pages"] = 1  # SQLite keeps what it has and takes no page more
    step = fill(store, run_id)
    found = store.series(run_id, "loss")[0]
    assert len(found) == step == store.run(run_id).step

    long = "The disk is full. " * 1000  # too long for the room that is left
    with pytest.raises(StoreError, match="disk is full"):
        store.set_state(run_id, "failed", long, kind="store")
    assert (store.run(run_id).state, store.run(run_id).message) == ("failed", long)

    quota["pages"] = 2**30
    other = open_at(tmp_path)
    try:
        end = time.monotonic() + 15
        while other.run(run_id).live and time.monotonic() < end:
            time.sleep(0.1)
        assert other.run(run_id).state == "failed"
    finally:
        other.close()


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "playground.sqlite").write_bytes(b"something else entirely " * 100)
    with pytest.raises(StoreError, match="not a store of the Loss Playground") as caught:
        open_at(tmp_path)
    assert "PLAYGROUND_HOME" in caught.value.hint


def test_another_program_s_database_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "playground.sqlite"
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE recipes (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="belongs to another program"):
        open_at(tmp_path)
    assert path.read_bytes() == before
    assert not path.with_name("playground.sqlite-wal").exists()


def test_a_newer_store_is_refused(tmp_path):
    open_at(tmp_path).close()
    with sqlite3.connect(tmp_path / "playground.sqlite") as raw:
        raw.execute("UPDATE playground_schema SET version = 99")
    with pytest.raises(StoreError, match=r"another version .* \(format 99"):
        open_at(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="file") as caught:
        open_at(tmp_path / "file" / "home")
    assert "PLAYGROUND_HOME" in caught.value.hint


def test_a_locked_store_is_said(tmp_path, store):
    with sqlite3.connect(tmp_path / "playground.sqlite") as raw:
        raw.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="locked by another program"):
            store.create(SPEC, "me")
