"""Backups: of a store that is written meanwhile, put back elsewhere, refused in words."""

import json
import shutil
import threading
import zipfile
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from playground.__main__ import app
from playground.datasets import own
from playground.errors import StoreError
from playground.runs import backup as backups
from playground.runs.backup import NOTE, STORE, backup, restore
from playground.runs.store import open_store
from playground.settings import Settings, settings
from playground.training.events import Snapshot
from tests.browser.recording import Recording

RECORDED = Path(__file__).parents[1] / "recorded"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def kept(home: Path):
    """A store with a completed run and one that trains, both with snapshots."""
    store = open_store(Settings(home=home))
    for _ in range(2):
        run = Recording(store).begin().advance(50).evaluate()
        store.record(run.id, snapshot(50))
    store.set_state(store.runs()[1].id, "completed")
    store.races.create("{}", "me")
    (home / "own" / "set").mkdir(parents=True)
    (home / "own" / "set" / "images.npy").write_bytes(b"pixels")
    yield store
    store.close()


def snapshot(step: int) -> Snapshot:
    return Snapshot(step, "weights", {"w": np.full(1000, step, np.float32)})


def test_a_store_that_is_written_meanwhile_comes_back_whole(kept, home, tmp_path) -> None:
    """Each run of the copy has all that its rows name; what trained goes on elsewhere."""
    stop, faults = threading.Event(), []

    def write() -> None:
        """Runs of which snapshots are thinned out as they come."""
        try:
            store = open_store(Settings(home=home, snapshot_mib=1))
            step, run = 0, Recording(store, steps=10_000).begin()
            while not stop.is_set():
                run.advance(10)
                step += 10
                store.record(run.id, Snapshot(step, "weights", {"w": np.ones(30_000)}))
            store.close()
        except Exception as error:
            faults.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    taken = [backup(Settings(home=home), tmp_path / f"copy{each}") for each in range(3)]
    stop.set()
    writer.join()
    assert not faults and taken[0].runs >= 2
    assert taken[-1].bytes > 1000 and not list(tmp_path.glob("*.part"))
    before = {run.id: kept.series(run.id, "loss")[1] for run in kept.runs()}
    for each in range(3):
        there = Settings(home=tmp_path / f"there{each}")
        restore(there, tmp_path / f"copy{each}")
        assert (there.home / "own" / "set" / "images.npy").read_bytes() == b"pixels"
        store = open_store(there)
        for run in store.runs():
            values = store.series(run.id, "loss")[1]
            assert len(values) == run.step
            assert np.array_equal(values, before[run.id][: run.step])
            for step in store.snapshots(run.id, "weights"):
                assert store.snapshot(run.id, "weights", step) is not None
            assert (store.started(run.id) is None) == (run.started is None)
        live = [run.id for run in store.runs(live=True)]
        assert len(live) >= 1
        store.interrupt_dead(most=3)
        assert sorted(run.id for run in store.take_over()) == sorted(live)
        assert len(store.races.active()) == 1
        store.close()


def test_visitors_data_come_along_from_wherever_they_are(kept, home, tmp_path) -> None:
    name = "own_" + "a" * 32
    (tmp_path / "uploads" / name).mkdir(parents=True)
    (tmp_path / "uploads" / name / "images.npz").write_bytes(b"pixels" * 1000)
    given = Settings(home=home, uploads=tmp_path / "uploads")
    assert backup(given, tmp_path / "copy").bytes > 6_000
    for there in (
        Settings(home=tmp_path / "there", uploads=tmp_path / "elsewhere"),
        Settings(home=tmp_path / "plain"),
        Settings(home=tmp_path / "within", uploads=tmp_path / "within" / "data"),
    ):
        restore(there, tmp_path / "copy")
        found = [path.parent for path in there.home.rglob("images.npz")]
        if not own.root(there).is_relative_to(there.home):
            found += [path.parent for path in own.root(there).rglob("images.npz")]
        assert found == [own.root(there) / name]
        assert (found[0] / "images.npz").read_bytes() == b"pixels" * 1000
    with pytest.raises(StoreError, match="within the folder of visitors' data"):
        backup(given, tmp_path / "uploads" / "copy")


def test_what_is_there_is_never_written_over(kept, home, tmp_path) -> None:
    copy = tmp_path / "copy"
    backup(Settings(home=home), copy)
    with pytest.raises(StoreError, match="is there already"):
        backup(Settings(home=home), copy)
    with pytest.raises(StoreError, match=r"There is a store at .* already"):
        restore(Settings(home=home), copy)
    with pytest.raises(StoreError, match="within the store's own folder"):
        backup(Settings(home=home), home / "copy")


def test_what_was_broken_off_is_done_again(kept, home, tmp_path) -> None:
    (tmp_path / "copy.part" / "runs").mkdir(parents=True)
    backup(Settings(home=home), tmp_path / "copy")
    there = Settings(home=tmp_path / "there")
    (there.home / "runs").mkdir(parents=True)  # of a restore that was broken off
    (there.home / f"{STORE}.part").write_bytes(b"half")
    restore(there, tmp_path / "copy")
    assert len(open_store(there).runs()) == 2


@pytest.mark.parametrize("fault", ["changed", "no note", "newer", "another format"])
def test_a_backup_that_cannot_be_used_is_refused_in_words(kept, home, tmp_path, fault) -> None:
    copy, there = tmp_path / "copy", Settings(home=tmp_path / "there")
    note = json.loads(json.dumps(vars(backup(Settings(home=home), copy))))
    match fault:
        case "changed":
            with (copy / STORE).open("r+b") as file:
                file.seek(5000)
                file.write(b"x")
            said = "not as it was taken"
        case "no note":
            (copy / NOTE).unlink()
            said = "no whole backup"
        case "newer":
            (copy / NOTE).write_text(json.dumps({**note, "version": 999}))
            said = "newer version"
        case _:
            (copy / NOTE).write_text(json.dumps({**note, "format": 2}))
            said = "another format"
    with pytest.raises(StoreError, match=said):
        restore(there, copy)
    assert not (there.home / STORE).exists()


def test_no_room_is_said_before_anything_is_written(kept, home, tmp_path, monkeypatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(10, 9, 1))
    with pytest.raises(StoreError, match=r"0 MB free, and .* MB are needed"):
        backup(Settings(home=home), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_store_of_an_earlier_version_is_brought_over(home, tmp_path) -> None:
    with zipfile.ZipFile(RECORDED / "store_2.zip") as packed:
        packed.extractall(home)
    backup(Settings(home=home), tmp_path / "copy")
    there = Settings(home=tmp_path / "there")
    assert restore(there, tmp_path / "copy").version == 2
    store = open_store(there)
    assert store.runs()
    store.close()


def test_only_a_file_can_be_copied() -> None:
    given = Settings(store_url="postgresql+psycopg://localhost/x")
    with pytest.raises(StoreError, match="not a file"):
        backup(given, Path("nowhere"))
    with pytest.raises(StoreError, match="not in PLAYGROUND_HOME"):
        backup(Settings(files_url="s3://runs"), Path("nowhere"))
    with pytest.raises(StoreError, match="not the URL"):
        backups._file(Settings(store_url="nonsense"))


def test_the_commands(kept, home, tmp_path, monkeypatch) -> None:
    def call(*words: object) -> str:
        settings.cache_clear()
        return CliRunner().invoke(app, [str(word) for word in words]).output.replace("\n", " ")

    monkeypatch.setenv("PLAYGROUND_HOME", str(home))
    monkeypatch.delenv("PLAYGROUND_STORE_URL", raising=False)
    assert "2 runs" in call("backup", tmp_path / "copy")
    assert "already" in call("restore", tmp_path / "copy")
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "there"))
    assert "has the 2 runs" in call("restore", tmp_path / "copy")
    settings.cache_clear()
