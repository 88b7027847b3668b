"""Stores of earlier versions are brought to this one's tables with all that is in them, once,
whoever opens them; a newer one is left as it is. The stores are those that those versions wrote."""

import multiprocessing
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import create_engine, event

from playground.errors import StoreError
from playground.runs import migrations, tables
from playground.runs.store import Store, open_store
from playground.settings import Settings
from playground.spec import RunSpec
from tests.playground.recorded import STORES

ALL = ("runs", "series", "evaluations", "marks", "snapshots")


@pytest.fixture(params=STORES, ids=lambda path: path.stem)
def earlier(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The folder of a store that an earlier version wrote."""
    with zipfile.ZipFile(request.param) as archive:
        archive.extractall(tmp_path)
    return tmp_path


def contents(home: Path) -> dict[str, list]:
    with closing(sqlite3.connect(home / "playground.sqlite")) as raw:
        return {name: raw.execute(f"SELECT * FROM {name}").fetchall() for name in ALL}


def shape(home: Path) -> set[tuple[str, str, str]]:
    """What the tables and indexes are, however it was said."""
    with closing(sqlite3.connect(home / "playground.sqlite")) as raw:
        rows = raw.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master")
        return {(kind, name, " ".join(sql.split())) for kind, name, sql in rows}


def versions(home: Path) -> list[int]:
    with closing(sqlite3.connect(home / "playground.sqlite")) as raw:
        return sorted(number for (number,) in raw.execute("SELECT version FROM playground_schema"))


def test_every_version_but_the_first_has_its_step() -> None:
    assert sorted(migrations.MIGRATIONS) == list(range(2, tables.VERSION + 1))


def test_a_store_of_before_has_the_tables_of_a_new_one_and_all_its_rows(
    earlier: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before, first = contents(earlier), versions(earlier)[0]
    new = tmp_path_factory.mktemp("new")
    open_store(Settings(home=new)).close()
    with closing(open_store(Settings(home=earlier))) as store:
        assert contents(earlier) == before
        assert [run.number for run in store.runs()] == [4, 3, 2, 1]
        assert np.isfinite(store.series(store.runs()[-1].id, "loss")[1]).all()
        assert store.run(store.create(RunSpec(dataset="digits"), "me")).number == 5
        assert [one.number for one in store.delete([store.runs()[-1].id])] == [1]
    assert shape(earlier) == shape(new)
    assert versions(earlier)[-1] == tables.VERSION and versions(earlier)[0] == first


def test_a_step_that_fails_leaves_the_store_as_it_was(
    earlier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = shape(earlier), contents(earlier), versions(earlier)

    def fails(connection) -> None:
        migrations._to_2(connection)
        connection.exec_driver_sql("ALTER TABLE no_such_table ADD COLUMN x INTEGER")

    monkeypatch.setattr(migrations, "MIGRATIONS", {tables.VERSION: fails})
    with pytest.raises(StoreError):
        open_store(Settings(home=earlier))
    assert (shape(earlier), contents(earlier), versions(earlier)) == before


def opened(home: str) -> int:
    with closing(open_store(Settings(home=Path(home)))) as store:
        return len(store.runs())


def test_many_processes_may_open_a_store_of_before_at_once(tmp_path: Path) -> None:
    with zipfile.ZipFile(STORES[0]) as archive:
        archive.extractall(tmp_path)
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert pool.map(opened, [str(tmp_path)] * 3, 1) == [4] * 3
    assert versions(tmp_path) == list(range(1, tables.VERSION + 1))


def test_a_newer_store_is_refused_in_words_and_not_touched(earlier: Path) -> None:
    with closing(sqlite3.connect(earlier / "playground.sqlite")) as raw:
        raw.execute("INSERT INTO playground_schema VALUES (99)")
        raw.commit()
    before = {path: path.read_bytes() for path in earlier.rglob("*") if path.is_file()}
    with pytest.raises(StoreError, match=r"another version .*format 99; this one reads up to"):
        open_store(Settings(home=earlier))
    assert {path: path.read_bytes() for path in earlier.rglob("*") if path.is_file()} == before


def test_what_is_asked_at_every_tick_is_found_by_an_index(tmp_path: Path) -> None:
    asked: list[tuple[str, tuple]] = []
    with closing(open_store(Settings(home=tmp_path))) as store:
        run_id = store.create(RunSpec(dataset="digits"), "me")

        @event.listens_for(store._database._engine, "before_cursor_execute")
        def note(connection, cursor, statement, parameters, context, many) -> None:
            if statement.startswith(("SELECT", "UPDATE")):
                asked.append((statement, parameters))

        store.interrupt_dead()
        store.take_over()
        store._holding.give_sign()
        store.by_digest([RunSpec(dataset="digits").digest])
        store.runs(owner="me")
        store.run(run_id)
        store.marks(run_id)
        store.series(run_id, "loss")
        store.series(run_id, "validation_loss")
        store.evaluation(run_id)
        store.snapshots(run_id, "weights")
    assert len(asked) >= 10
    with closing(create_engine(f"sqlite:///{tmp_path / 'playground.sqlite'}").connect()) as raw:
        for statement, parameters in asked:
            plan = raw.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            assert not any("SCAN" in row[3] for row in plan), (statement, plan)


def test_the_store_is_the_same_whoever_made_it(tmp_path: Path) -> None:
    url = f"sqlite:///{(tmp_path / 'a.sqlite').as_posix()}"
    with closing(Store(url, tmp_path / "runs")), closing(Store(url, tmp_path / "runs")) as again:
        assert again.runs() == []
