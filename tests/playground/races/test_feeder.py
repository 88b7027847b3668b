"""Which runs the feeder starts, whose count for a race, and which it takes up again. With
supervisors whose workers were never started."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from playground.races import feeder as module
from playground.races.feeder import Feeder
from playground.races.race import SWEEP, Lane, Race
from playground.races.terminal import train
from playground.runs import liveness, tables
from playground.runs.race_rows import ACTIVE, DONE, STOPPED
from playground.runs.records import SHARE, TERMINAL
from playground.runs.store import Store, open_store
from playground.runs.supervisor import Supervisor
from playground.settings import Settings
from playground.spec import RunSpec
from playground.training.events import Changed, Finished, Snapshot, Started
from tests.playground.races.test_results import BASE, LANES, completed

RACE = Race(BASE, LANES[:2], seeds=2)
Make = Callable[..., Feeder]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(Settings(home=tmp_path))) as found:
        yield found


@pytest.fixture
def make(store: Store, tmp_path: Path) -> Make:
    return lambda workers=2, **more: Feeder(
        Supervisor(Settings(home=tmp_path, workers=workers, **more), store)
    )


def started(store: Store) -> list[RunSpec]:
    return [run.spec for run in reversed(store.runs(limit=500))]


def begin(store: Store, run_id: str) -> None:
    store.record(run_id, Started(9, [], 40, 10, 90, 10, 10, ["0"], {"inputs": []}, {}, {}, {}))


def test_a_paused_run_of_somebody_else_holds_no_race(store: Store, make: Make) -> None:
    foreign = store.create(RACE.spec(0), "somebody", "preparing")
    begin(store, foreign)
    store.record(foreign, Changed(3, "state", "", "paused"))
    mine = store.create(RACE.spec(1), "me")  # by hand: it may be paused as well
    feeder = make()
    race_id = feeder.begin(RACE, "me")
    own = [run for run in store.runs() if run.id not in (foreign, mine)]
    assert [run.spec for run in reversed(own)] == [RACE.spec(0), RACE.spec(1)]
    assert not any(run.attended for run in own) and store.run(mine).attended
    cells = feeder.follow(store.races.find(race_id)).live
    assert [cell.record.id for cell in cells] == [run.id for run in reversed(own)]


def test_what_anybody_has_completed_counts(store: Store, make: Make) -> None:
    for lane in range(2):
        completed(store, RACE.spec(lane, 0), 0.9)
    make().begin(RACE, "you")
    assert started(store)[2:] == [RACE.spec(0, 1), RACE.spec(1, 1)]


def test_a_run_that_the_server_stopped_for_others_goes_on_from_its_checkpoint(
    store: Store, make: Make
) -> None:
    feeder = make()
    race_id = feeder.begin(RACE, "me")
    first, second = (run.id for run in reversed(store.runs()))
    for run_id, kind in ((first, SHARE), (second, "")):
        feeder._supervisor._queue.leave(run_id)
        begin(store, run_id)
        store.record(run_id, Snapshot(7, "checkpoint", {}))
        store.record(run_id, Finished(7, "stopped", 1.0))
        store.set_state(run_id, "stopped", "Stopped at step 7.", kind=kind)
    feeder.tick()
    assert store.run(first).state == "queued" and not store.run(first).attended
    assert store.run(second).state == "stopped"  # by who owns it: the race takes it as it is
    store.races.set_state(race_id, ACTIVE)  # and is told to go on
    feeder.tick()
    assert store.run(second).state == "queued"
    assert len(store.runs()) == 2


def test_a_race_that_was_stopped_goes_on_at_once(store: Store, make: Make) -> None:
    feeder = make()
    race_id = feeder.begin(RACE, "me")
    feeder.stop(race_id, "me")
    assert {(run.state, run.kind) for run in store.runs()} == {("stopped", SHARE)}
    feeder.resume(race_id, "me")
    assert [run.state for run in store.runs()] == ["queued"] * 2 + ["stopped"] * 2


def test_a_run_of_two_races_is_not_stopped_with_one(store: Store, make: Make) -> None:
    feeder = make(workers=4)
    first, second = feeder.begin(RACE, "me"), feeder.begin(RACE.with_seeds(3), "me")
    assert len(store.runs()) == 4  # two seeds of two lanes, for both races
    feeder.stop(first, "me")
    assert {run.state for run in store.runs()} == {"queued"}
    feeder.stop(second, "me")
    assert {run.state for run in store.runs()} == {"stopped"}


def test_races_leave_room_in_the_queue(store: Store, make: Make) -> None:
    """However many races there are, fewer runs of them wait than would fill the queue; each owner
    has a part, and the lanes of a seed come together."""
    feeder = make(workers=3)
    sweep = Race(BASE, tuple(Lane({"dropout": n / 10}) for n in range(8)), kind=SWEEP)
    other = Race(BASE, tuple(Lane({"shift": n}) for n in range(4)))
    feeder.begin(sweep, "me")
    feeder.begin(Race(BASE, tuple(Lane({"l2": n / 100}) for n in range(8)), kind=SWEEP), "me")
    assert len(store.runs()) == 3  # as many as there are workers, of both together
    feeder.begin(other, "you")
    assert len(store.runs()) == 3  # as many of races wait as there are workers
    for run in store.runs():
        feeder._supervisor.withdraw(run.id, "me")
        store.set_state(run.id, "stopped", kind="")
    feeder.tick()
    assert [run.owner for run in store.runs()[:4]] == ["you"] * 4  # who was fed longest ago


def test_lanes_begin_together(store: Store, make: Make) -> None:
    feeder = make(workers=3)
    feeder.begin(RACE, "me")
    assert started(store) == [RACE.spec(0, 0), RACE.spec(1, 0)]
    feeder.tick()
    assert len(started(store)) == 2  # one worker is free: too few for the next seed's lanes
    for run in store.runs():
        feeder._supervisor._queue.leave(run.id)
        store.record(run.id, Finished(40, "completed", 4.0))
    feeder.tick()
    assert started(store)[2:] == [RACE.spec(0, 1), RACE.spec(1, 1)]


def test_a_terminal_trains_its_own_race_alone(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a race nor a run of a server that is gone is taken up, and Ctrl-C leaves nothing that
    waits for one."""
    orphan = store.races.create(RACE.with_seeds(5).to_json(), "somebody")
    waiting = store.create(RACE.spec(0), "somebody")
    with store._database.writing() as connection:
        for table in (tables.races, tables.runs):
            connection.execute(table.update().values(holder=liveness.NOBODY))

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("playground.runs.executor.Executor._launch", lambda executor: None)
    monkeypatch.setattr("playground.races.terminal.time.sleep", interrupted)
    settings = Settings(home=tmp_path, workers=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("playground.races.terminal._await_stops", lambda race, store: None)
        race_id, done = train(RACE, settings, store, json_lines=True)
    assert not done and store.races.find(race_id).state == STOPPED
    own = store.runs(owner=TERMINAL)
    assert [run.state for run in own] == ["stopped"] * 2
    assert store.run(waiting).state == "queued" and store.races.find(orphan).state == ACTIVE
    assert started(store)[1:] == [RACE.spec(0), RACE.spec(1)]


def test_a_terminals_race_is_taken_up_by_no_server(store: Store, make: Make) -> None:
    race_id = store.races.create(RACE.to_json(), TERMINAL)
    run_id = store.create(RACE.spec(0), TERMINAL, attended=False)
    with store._database.writing() as connection:
        for table in (tables.races, tables.runs):
            connection.execute(table.update().values(holder=liveness.NOBODY))
    make().tick()
    store.interrupt_dead()
    found = store.races.find(race_id)
    assert found.state == STOPPED and "The same command goes on" in found.message
    assert store.run(run_id).state == "failed" and store.take_over() == []


def test_a_race_is_done_when_nothing_is_missing(store: Store, make: Make) -> None:
    for seed in range(2):
        for lane in range(2):
            completed(store, RACE.spec(lane, seed), 0.9)
    feeder = make()
    race_id = feeder.begin(RACE, "me")
    assert store.races.find(race_id).state == DONE and len(store.runs()) == 4


def test_races_go_on_after_an_error_that_nobody_foresaw(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ticks, again = [0], threading.Event()

    def tick(feeder: Feeder) -> None:
        ticks[0] += 1
        if ticks[0] == 1:
            raise OSError("a disk that is away")
        again.set()

    monkeypatch.setattr(Feeder, "tick", tick)
    monkeypatch.setattr(module, "TICK_SECONDS", 0.01)
    feeder = make()
    feeder.start()
    assert again.wait(10)
    feeder.close()
    assert "a disk that is away" in caplog.text
