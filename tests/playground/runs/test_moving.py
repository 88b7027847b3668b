"""A store that is moved to another database: all of it, checked, or nothing and said."""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, insert, select, text
from typer.testing import CliRunner

from playground.__main__ import app
from playground.errors import StoreError
from playground.runs import liveness, moving, tables
from playground.runs.address import announced
from playground.runs.bucket import open_files
from playground.runs.moving import move
from playground.runs.store import Store, open_store
from playground.settings import Settings, settings
from playground.spec import RunSpec
from playground.training.events import Changed, Evaluated
from tests.playground.recorded import STORE
from tests.playground.runs.conftest import DATABASES, settings_of

HELD = ("host", "pid", "holder", "heartbeat")
Places = Callable[[], str]


@pytest.fixture
def kept(tmp_path: Path) -> Settings:
    """A recorded store that has a row in every table, and a run that waits for nobody."""
    with zipfile.ZipFile(STORE) as archive:
        archive.extractall(tmp_path)
    found = Settings(home=tmp_path)
    with closing(open_store(found)) as store:
        filled(store)
    return found


def filled(store: Store) -> None:
    first, second, third, _ = (run.id for run in store.runs())
    store.labels.name(second, [store.run(second).owner], "é **b** \0")
    store.labels.follow(second, "somebody")
    store.pins.add("one", "race", {"setup": "\0" * 9}, "teacher", 3)
    store.races.create('{"a": "\\u0000"}', "me")
    store.record(store.create(RunSpec(dataset="digits"), "me", attended=False, origin={"a": 1}),
                 Changed(1, "rate", "learning_rate", 1 / 3))  # fmt: skip
    store.delete([third])
    with store._database.writing() as connection:
        for table in (tables.runs, tables.races):  # as if this process had ended
            connection.execute(table.update().values(holder=liveness.NOBODY))
        connection.execute(insert(tables.commands).values(
            run_id=second, visitor="me", command="{}", sent=0.1, answer=None))  # fmt: skip
        connection.execute(insert(tables.origins).values(
            run_id=first, resumed=1, parent=second, parent_step=3, fresh=True))  # fmt: skip
        connection.execute(insert(tables.sizes).values(
            run_id=first, files=2**40, rows=1, measured=0.3))  # fmt: skip


@pytest.fixture
def new(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Places]:
    """Gives URLs of databases that are empty, by turns of each kind."""
    made: list[str] = []

    def place() -> str:
        kind = DATABASES[1 - len(made) % 2]
        made.append(kind)
        url = settings_of(_Kind(request, kind), tmp_path)().store_url
        return url or f"sqlite:///{(tmp_path / f'new{len(made)}.sqlite').as_posix()}"

    yield place


class _Kind:
    """A request with another parameter."""

    def __init__(self, request: pytest.FixtureRequest, param: str) -> None:
        self.getfixturevalue, self.param = request.getfixturevalue, param


def rows(url: str) -> dict[str, list[dict[str, Any]]]:
    """All rows of a database, as they were written but for NUL and who held them."""
    engine, found = create_engine(url), {}
    with engine.connect() as connection:
        for table in moving._tables():
            said = [row._asdict() for row in connection.execute(select(table))]
            plain = [{n: v for n, v in row.items() if n not in HELD} for row in said]
            found[table.name] = sorted(plain, key=repr)
    engine.dispose()
    return found


def without_nul(found: Any) -> Any:
    """With U+FFFD in the place of NUL, as PostgreSQL has it."""
    if isinstance(found, dict):
        return {name: without_nul(one) for name, one in found.items()}
    if isinstance(found, list):
        return [without_nul(one) for one in found]
    return found.replace("\0", "\ufffd") if isinstance(found, str) else found


def test_a_store_goes_to_postgresql_and_back_with_every_row(kept: Settings, new: Places) -> None:
    there, back = new(), new()
    before = rows(f"sqlite:///{kept.home / 'playground.sqlite'}")
    assert all(before.values())  # no table is left untried
    found = move(kept, there)
    assert found.rows == {name: len(one) for name, one in before.items()}
    assert (found.files, found.left) == (0, 0)
    moved = Settings(home=kept.home, store_url=there)
    assert rows(there) == without_nul(before)
    assert move(moved, back).rows == found.rows
    assert rows(back) == rows(there)
    for url in (there, back):
        with closing(open_store(Settings(home=kept.home, store_url=url))) as store:
            assert [run.number for run in store.runs()] == [5, 4, 3, 1]
            new_run = store.create(RunSpec(dataset="digits"), "me")
            assert store.run(new_run).number == 6
            store.record(new_run, Evaluated(1, 0.1, "test", 9, True, {"loss": 0.5}))
            store.record(new_run, Changed(1, "rate", "learning_rate", 0.1))
            assert store.snapshot(store.runs()[-1].id, "weights") is not None


def test_what_waited_waits_for_the_next_server(kept: Settings, new: Places) -> None:
    there = new()
    move(kept, there)
    with closing(open_store(Settings(home=kept.home, store_url=there))) as store:
        assert len(store.races.active()) == 1
        assert [run.number for run in store.take_over()] == [5]


def test_numbers_of_runs_that_are_gone_are_not_given_again(kept: Settings, new: Places) -> None:
    with closing(open_store(kept)) as store:
        (last,) = store.take_over()
        store.set_state(last.id, "stopped")
        store.delete([last.id])
    there = new()
    move(kept, there)
    with closing(open_store(Settings(home=kept.home, store_url=there))) as store:
        assert store.run(store.create(RunSpec(dataset="digits"), "me")).number == 6


def test_files_go_along_and_a_second_try_goes_on(
    kept: Settings, new: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = f"memory://{kept.home.name}"
    there, here = open_files(bucket, kept.home, 1.0), open_files("", kept.home / "runs", 1.0)
    first = min(here.runs())
    there.open()
    for name in here.sizes(first):
        there.write(first, name, here.raw(first, name))
    written = type(there).write
    names: list[str] = []

    def write(self: Any, run_id: str, name: str, content: bytes) -> None:
        names.append(run_id)
        written(self, run_id, name, content)

    monkeypatch.setattr(type(there), "write", write)
    url = new()
    found = move(kept, url, bucket)
    assert first not in names and found.files == len(names) + len(here.sizes(first)) > 10
    assert {one: there.sizes(one) for one in there.runs()} == {
        one: here.sizes(one) for one in here.runs()
    }
    assert found.bytes == sum(map(here.size, here.runs()))
    with closing(open_store(Settings(home=kept.home, store_url=url, files_url=bucket))) as store:
        assert store.started(store.runs()[-1].id).arrays
    there.write("another", "x.npz", b"x")
    with pytest.raises(StoreError, match="files of 1 other runs"):
        move(kept, new(), bucket)


def test_a_database_that_is_not_empty_is_refused_and_stays(kept: Settings, new: Places) -> None:
    for url in (new(), new()):
        with closing(open_store(Settings(home=kept.home, store_url=url))) as store:
            store.pins.add("one", "race", {}, "teacher", 1)
        before = rows(url)
        with pytest.raises(StoreError, match=r"is not empty: there are rows in pins|already"):
            move(kept, url)
        assert rows(url) == before


def test_tables_that_a_server_has_made_and_nobody_used_are_empty(
    kept: Settings, new: Places
) -> None:
    url = new()
    open_store(Settings(home=kept.home, store_url=url)).close()
    assert move(kept, url).rows["runs"] == 4


def test_a_store_that_somebody_works_with_is_refused(kept: Settings, new: Places) -> None:
    urls = new(), new()
    with closing(open_store(kept)) as store:
        store.create(RunSpec(dataset="digits"), "me")
        for url in urls:
            with pytest.raises(StoreError, match=r"is in use: .* has 1 of its runs"):
                move(kept, url)
    for url in urls:  # its process is this one, which lives
        with pytest.raises(StoreError, match="is in use"):
            move(kept, url)
    assert not Path(urls[1].removeprefix("sqlite:///")).exists()


def test_a_store_whose_server_is_up_is_refused_though_nothing_trains(
    kept: Settings, new: Places
) -> None:
    refused = pytest.raises(StoreError, match="is up, and what it is given")
    with announced(kept.home, "http://localhost:1"), refused:
        move(kept, new())
    assert move(kept, new()).rows["runs"]


def test_what_a_machine_held_that_is_gone_is_moved_after_its_lease(
    kept: Settings, new: Places
) -> None:
    with closing(open_store(kept)) as store, store._database.writing() as connection:
        gone = {"host": "elsewhere", "holder": "x", "heartbeat": 0.0}
        connection.execute(tables.races.update().values(**gone))
    assert move(kept.model_copy(update={"lease_seconds": 2.0}), new()).rows["races"] == 1


def test_rows_of_runs_that_are_gone_are_left_and_counted(kept: Settings, new: Places) -> None:
    with closing(open_store(kept)) as store, store._database.writing() as connection:
        connection.execute(text("INSERT INTO unattended VALUES ('gone')"))
    assert move(kept, new()).left == 1


def test_a_copy_that_is_not_the_same_is_refused(
    kept: Settings, new: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest, calls = moving._digest, []

    def other(connection: Any, table: Any) -> tuple[int, int]:
        if table is tables.marks:
            calls.append(table)
        count, total = digest(connection, table)
        return count, total + len(calls)

    monkeypatch.setattr(moving, "_digest", other)
    new()
    url = new()
    with pytest.raises(StoreError, match="The copy of marks is not as the table: "):
        move(kept, url)
    assert not Path(url.removeprefix("sqlite:///")).exists()


def test_the_command_says_what_it_moved_and_what_to_do(
    kept: Settings, new: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    new()
    monkeypatch.setenv("PLAYGROUND_HOME", str(kept.home))
    settings.cache_clear()
    url = new()
    said = CliRunner().invoke(app, ["move", url, "--files", f"file://{kept.home / 'else'}"])
    again = CliRunner().invoke(app, ["move", url])
    monkeypatch.undo()
    settings.cache_clear()
    assert said.exit_code == 0 and "runs" in said.output
    assert "Set PLAYGROUND_STORE_URL and PLAYGROUND_FILES_URL to the new place" in said.output
    assert again.exit_code == 2 and "already" in again.output
