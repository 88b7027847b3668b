"""What is PostgreSQL's alone: a connection that breaks at any moment, the rights of a user, texts
and stores that SQLite took; and that its password is never said."""

import random
import threading
import time
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import psycopg
import pytest
from sqlalchemy import MetaData, create_engine, event, insert, select, text

from playground.errors import StoreError
from playground.runs import tables
from playground.runs.store import open_store
from playground.settings import Settings
from playground.spec import RunSpec
from playground.training.events import Changed, Evaluated, Failed, Finished, Progress, Snapshot
from tests.playground.recorded import STORES
from tests.playground.runs.test_store import SPEC, change, progress, started


@pytest.fixture
def kept(new_schema: Callable[[], str], tmp_path: Path) -> Callable[..., Settings]:
    url = new_schema()
    return lambda **changes: Settings(home=tmp_path, store_url=url, **changes)


@pytest.fixture
def store(kept):
    found = open_store(kept())
    yield found
    found.close()


def test_connections_that_break_lose_nothing_and_double_nothing(store, postgresql):
    """At random moments, while four runs record as fast as they can."""
    ids = [store.create(SPEC, "me") for _ in range(4)]
    faults: list[Exception] = []

    def record(run_id: str) -> None:
        try:
            store.record(run_id, started())
            for step in range(2, 101, 2):
                store.record(run_id, progress(step, 2))
                store.record(run_id, Evaluated(step, 0.1, "validation", 9, True, {"loss": step}))
                store.record(run_id, Changed(step, "rate", "learning_rate", step))
            store.record(run_id, Snapshot(100, "checkpoint", {"a": np.ones(3)}))
            store.record(run_id, Finished(100, "completed", 1.0, {"loss": 0.5}))
        except StoreError as error:
            faults.append(error)

    threads = [threading.Thread(target=record, args=(run_id,)) for run_id in ids]
    for thread in threads:
        thread.start()
    draw, broken = random.Random(0), 0
    while any(thread.is_alive() for thread in threads):
        broken += postgresql.break_connections()
        time.sleep(draw.uniform(0.02, 0.2))
    assert faults == [] and broken > 10
    for run_id in ids:
        steps = list(range(2, 101, 2))
        assert store.series(run_id, "loss")[1].tolist() == list(range(1, 101))
        assert [step for _, _, step, _ in store.numbers(run_id)] == steps
        assert [mark.step for mark in store.marks(run_id)] == steps
        assert store.run(run_id).state == "completed"
        assert store.snapshot(run_id, "checkpoint").step == 100


def test_who_reads_does_not_notice_that_a_connection_breaks(store, monkeypatch):
    """In the middle of the statement, after the pool has found it alive; whatever is read."""
    run_id = store.create(SPEC, "me")
    store.record(run_id, progress(2, 2))
    dialect, broken = store._database._engine.dialect, []
    execute = dialect.do_execute

    def break_first(cursor, statement, parameters, context=None) -> None:
        if not broken and "SELECT" in statement:
            broken.append(statement)
            cursor.connection.close()
        execute(cursor, statement, parameters, context)

    monkeypatch.setattr(dialect, "do_execute", break_first)
    for read in (
        lambda: store.run(run_id).step == 2,
        lambda: store.series(run_id, "loss")[1].tolist() == [1, 2],
        lambda: store.marks(run_id) == store.evaluations(run_id) == [],
        lambda: store.listing.runs(["me"], "me")[0].id == run_id,
        lambda: store.races.of(["me"]) == store.pins.listed() == [],
        lambda: store.by_digest([SPEC.digest])[SPEC.digest].id == run_id,
        lambda: [one.id for one in store.runs()] == [run_id],
    ):
        broken.clear()
        assert read() and len(broken) == 1


@pytest.mark.parametrize("committed", [True, False])
def test_a_commit_whose_answer_is_lost_is_done_once(store, committed, monkeypatch):
    run_id = store.create(SPEC, "me")
    dialect, lost = store._database._engine.dialect, []
    commit = dialect.do_commit

    def commit_unheard(raw) -> None:
        if lost:
            return commit(raw)
        lost.append(raw)
        if committed:
            commit(raw)
        raw.dbapi_connection.close()
        raise psycopg.OperationalError("the connection is lost")

    monkeypatch.setattr(dialect, "do_commit", commit_unheard)
    store.record(run_id, Evaluated(2, 0.1, "validation", 9, True, {"loss": 0.5}))
    monkeypatch.undo()
    assert len(lost) == 1 and [step for _, _, step, _ in store.numbers(run_id)] == [2]


def test_numbers_are_given_once_however_many_ask_at_once(store, kept):
    stores = [open_store(kept()) for _ in range(3)]
    ids: list[str] = []
    threads = [
        threading.Thread(target=lambda one=one: ids.extend(one.create(SPEC, "me") for _ in "12345"))
        for one in stores
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.set_state(ids[-1], "stopped")
    store.delete(ids[-1:])
    store.create(SPEC, "me")
    numbers = [run.number for run in store.runs()]
    assert len(set(numbers)) == 15 and max(numbers) == 16
    for one in stores:
        one.close()


def test_what_is_read_is_of_one_moment(store):
    run_id = store.create(SPEC, "me")
    step = select(tables.runs.c.step).where(tables.runs.c.id == run_id)
    with store._database.reading() as connection:
        assert connection.execute(step).scalar_one() == 0
        store.record(run_id, progress(2, 2))
        assert connection.execute(step).scalar_one() == 0
    assert store.run(run_id).step == 2


def test_texts_that_sqlite_takes_are_taken(store):
    run_id = store.create(SPEC, "é" * 128)
    store.record(run_id, Failed(0, "nonfinite", "a\0b" * 9000, "\0", {"text": "\0"}))
    store.record(run_id, Changed(1, "parameter", "γ" * 500, 0.5))
    store.record(run_id, Progress(1, 0.1, 0.1, 1.0, {"l" * 500: np.ones(1)}))
    assert store.run(run_id).message.startswith("a\ufffdb")
    assert store.run(run_id).where == {"text": "\0"}
    assert store.marks(run_id)[0].name == "γ" * 500
    assert store.series_names(run_id) == ["l" * 500]


def test_a_store_of_sqlite_as_every_version_wrote_it_can_be_moved_here(new_schema, tmp_path):
    """The tables and rows of a recorded store, in a PostgreSQL: migrations run there as well."""
    for archive in STORES:
        home = tmp_path / archive.stem
        with zipfile.ZipFile(archive) as zipped:
            zipped.extractall(home)
        url = new_schema()
        copy(f"sqlite:///{home / 'playground.sqlite'}", url)
        with closing(open_store(Settings(home=home, store_url=url))) as store:
            records = store.runs()
            assert [run.number for run in records] == [4, 3, 2, 1]
            assert np.isfinite(store.series(records[-1].id, "loss")[1]).all()
            with store._database.reading() as connection:
                versions = connection.execute(select(tables.schema.c.version)).scalars().all()
            assert max(versions) == tables.VERSION
        new = new_schema()
        open_store(Settings(home=tmp_path, store_url=new)).close()
        assert shape(url) == shape(new)


def copy(source: str, target: str) -> None:
    """Makes the tables of one database in another, with their rows."""
    found, there, here = MetaData(), create_engine(source), create_engine(target)

    @event.listens_for(found, "column_reflect")
    def general(inspector, table, column) -> None:
        column["type"] = column["type"].as_generic()

    with there.connect() as reading, here.begin() as writing:
        found.reflect(reading)
        for table in found.sorted_tables:
            known = tables.metadata.tables[table.name].c
            for column in table.c:  # SQLite keeps times and yes or no as it likes
                column.type = known[column.name].type
        found.create_all(writing)
        for table in found.sorted_tables:
            rows = [row._asdict() for row in reading.execute(select(table))]
            if rows:
                writing.execute(insert(table), rows)
    there.dispose()
    here.dispose()


def shape(url: str) -> set[tuple]:
    """The columns and indexes of a database."""
    engine = create_engine(url)
    with engine.connect() as connection:
        columns = connection.execute(
            text(
                "SELECT table_name, column_name, data_type, is_nullable "
                "FROM information_schema.columns WHERE table_schema = current_schema()"
            )
        )
        indexes = connection.execute(
            text("SELECT tablename, indexname FROM pg_indexes WHERE schemaname = current_schema()")
        )
        found = {tuple(row) for row in columns} | {tuple(row) for row in indexes}
    engine.dispose()
    return found


# What goes wrong


def words(error: StoreError) -> str:
    return " ".join([str(error), error.message, error.hint, error.operator_hint, repr(error)])


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://me:geheim@127.0.0.1:9/loss",
        "postgresql://me:geheim@127.0.0.1:9/loss?password=geheim",
        "postgresql+psycopg://me:geheim@nowhere.invalid/loss",
        "postgresql+psycopg://me:geheim@127.0.0.1:port/loss",
        "postgresql+psycopg://me:geheim@127.0.0.1:9/loss?sslmode=geheim",
        "mysql://me:geheim@127.0.0.1/loss",
        "postgresql+nosuchdriver://me:geheim@127.0.0.1/loss",
    ],
)
def test_a_database_that_cannot_be_reached_is_said_without_the_password(
    url, tmp_path, caplog, monkeypatch
):
    monkeypatch.setattr("playground.runs.engines.LOCK_SECONDS", 0.1)
    caplog.set_level("DEBUG")
    settings = Settings(home=tmp_path, store_url=url, lock_seconds=0.1)
    with pytest.raises(StoreError) as caught:
        open_store(settings)
    assert "PLAYGROUND_STORE_URL" in words(caught.value)
    assert "geheim" not in words(caught.value) + caplog.text + repr(settings)


def test_what_is_wrong_with_a_database_is_said(kept, postgresql):
    open_store(kept()).close()
    with psycopg.connect(postgresql.url.replace("+psycopg", ""), autocommit=True) as raw:
        raw.execute("DROP ROLE IF EXISTS reader")
        raw.execute("CREATE ROLE reader LOGIN")
    reader = kept().store_url.replace("//postgres:", "//reader:")
    with pytest.raises(StoreError, match="does not let this program write"):
        open_store(Settings(home=kept().home, store_url=reader)).create(SPEC, "me")
    nowhere = kept().store_url.replace("/postgres?", "/nowhere?")
    with pytest.raises(StoreError, match="The database nowhere cannot be reached"):
        open_store(Settings(home=kept().home, store_url=nowhere))


def test_another_program_s_tables_are_left_as_they_are(kept):
    with psycopg.connect(kept().store_url.replace("+psycopg", ""), autocommit=True) as raw:
        raw.execute("CREATE TABLE runs (name TEXT)")
        with pytest.raises(StoreError, match="belongs to another program"):
            open_store(kept())
        raw.execute("DROP TABLE runs")
        raw.execute("CREATE TABLE recipes (name TEXT)")  # beside which there is room
        open_store(kept()).close()
        raw.execute("UPDATE playground_schema SET version = 99")
        with pytest.raises(StoreError, match=r"another version .* \(format 99"):
            open_store(kept())


def test_a_row_that_another_holds_is_waited_for_then_said(store, kept, monkeypatch):
    run_id = store.create(SPEC, "me")
    monkeypatch.setattr("playground.runs.engines.LOCK_SECONDS", 0.1)
    change(store, "SET lock_timeout = '0.2s'")
    with psycopg.connect(kept().store_url.replace("+psycopg", "")) as raw:
        raw.execute("SET LOCAL search_path TO " + schema_of(kept().store_url))
        raw.execute("SELECT * FROM runs FOR UPDATE")
        with pytest.raises(StoreError, match="locked by another program") as caught:
            store.set_state(run_id, "running")
        assert caught.value.passing
        threading.Timer(1.0, raw.rollback).start()
        store.record(run_id, progress(2, 2))  # which is patient
    assert store.run(run_id).step == 2


def schema_of(url: str) -> str:
    return url.rpartition("%3D")[2]


def test_a_run_waits_where_the_database_is_away_as_it_begins(store):
    """What a worker is sent is read from the store: a lost connection is no lost checkpoint."""
    run_id = store.create(RunSpec(dataset="digits"), "me")
    store.record(run_id, Snapshot(2, "checkpoint", {"a": np.ones(3)}))

    @event.listens_for(store._database._engine, "before_cursor_execute")
    def away(connection, cursor, *_) -> None:
        connection.connection.dbapi_connection.close()

    with pytest.raises(StoreError) as caught:
        store.start(run_id, False)
    assert caught.value.passing
    event.remove(store._database._engine, "before_cursor_execute", away)
    assert store.start(run_id, False).arrays["a"].tolist() == [1, 1, 1]
