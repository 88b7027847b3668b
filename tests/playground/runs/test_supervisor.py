"""The supervisor: queue, steering, limits and what dies, with a worker that needs no TensorFlow.

`quick_worker.py` is the real worker but for the training loop; its docstring says what a seed
makes a run do. test_worker.py has real training.
"""

import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import namedtuple

import numpy as np
import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.pool import Pool

from playground import logs
from playground.errors import DataError, RunError, WorkerError
from playground.runs import supervisor as supervisor_module
from playground.runs import upkeep
from playground.runs.client import Superseded
from playground.runs.store import open_store
from playground.settings import Settings
from playground.training.events import Changed, Snapshot
from tests.playground.runs.serving import (
    DIES_FIRST,
    EVERYWHERE,
    FAILS,
    LONG,
    QUICK,
    ROOT,
    SERVER,
    SHORT,
    STUCK_AFTER,
    STUCK_BEFORE,
    ended,
    gone,
    killing,
    state,
    step_of,
    supervisors,
    training,
    until,
)


@pytest.fixture
def make(tmp_path, where):
    # What goes on by itself: test_going_on.
    with supervisors(home=tmp_path, answer_seconds=5.0, resumes=0, **where) as made:
        yield made


def test_a_run_is_trained_and_recorded(make):
    service = make()
    run_id = service.submit(SHORT, "me")
    found = ended(service, run_id)
    assert (found.state, found.owner, found.step) == ("completed", "me", 40)
    assert found.metrics["test_accuracy"] == 0.5
    assert len(service.store.series(run_id, "loss")[0]) == 40
    until(lambda: service.status()["ready"] and service.status()["running"] == 0)
    assert service.status() == {
        "ready": True,
        "checking": True,
        "looking": False,
        "workers": 1,
        "warm": 1,
        "running": 0,
        "queued": 0,
        "racing": 0,
        "states": {"queued": 0, "preparing": 0, "running": 0, "paused": 0},
        "waited_seconds": 0.0,
        "problem": "",
        "waits": "",
    }


def test_the_log_tells_of_a_run_and_of_nothing_that_was_typed(make, caplog):
    service = make(runs_per_minute=1)
    typed = SHORT.model_copy(update={"loss": "-log(p_true) + 0 * 12345"})
    visitor = "v" * 24
    with caplog.at_level(logging.INFO, "playground"):
        run_id = service.submit(typed, visitor)
        ended(service, run_id)
        with pytest.raises(RunError):
            service.submit(typed, visitor)
    facts = [(each.message, each.playground_facts) for each in caplog.records]
    assert [what for what, _ in facts] == [
        "run waits", "run has a worker", "run ended", "asked too often",
    ]  # fmt: skip
    assert all(told["run"] == run_id for _, told in facts[:3])
    assert facts[0][1]["visitor"] == facts[3][1]["visitor"] == logs.who(visitor)
    assert facts[2][1]["state"] == "completed" and facts[2][1]["step"] == 40
    assert not any(each in str(facts) for each in (visitor, "12345"))


@EVERYWHERE
def test_a_run_is_steered_by_its_owner_alone(make):
    service = make()
    run_id = service.submit(LONG, "me")
    training(service, run_id)
    for do in ("pause", "resume", "step", "stop", "change"):
        with pytest.raises(RunError, match="Only the browser that started this run"):
            service.command(run_id, "other", do)
    service.command(run_id, "me", "pause")
    until(lambda: state(service, run_id) == "paused")
    step = step_of(service, run_id)
    service.command(run_id, "me", "step")
    until(lambda: step_of(service, run_id) == step + 1)
    time.sleep(0.3)
    assert (state(service, run_id), step_of(service, run_id)) == ("paused", step + 1)
    service.command(run_id, "me", "change", "rate", "learning_rate", 0.01)
    service.command(run_id, "me", "resume")
    until(lambda: step_of(service, run_id) > step + 1)
    assert Changed(step + 2, "rate", "learning_rate", 0.01) in service.store.marks(run_id)
    service.command(run_id, "me", "stop")
    assert ended(service, run_id).state == "stopped"
    with pytest.raises(RunError, match="has ended"):
        service.command(run_id, "me", "resume")
    with pytest.raises(RunError, match="Only the browser"):
        service.command(run_id, "other", "resume")


@pytest.mark.parametrize(
    ("do", "kind", "name", "value"),
    [
        ("explode", "", "", 0),
        ("__init__", "", "", 0),
        ("change", "rate", "learning_rate", 11.0),
        ("change", "rate", "learning_rate", 0.0),
        ("change", "parameter", "gamma", float("nan")),
        ("change", "parameter", "gamma", "2"),
        ("change", "parameter", "nonsense", 1.0),
        ("change", "parameter", "learning_rate", 0.1),
        ("change", "rate", "gamma", 0.1),
        ("change", "state", "", "paused"),
        ("change", "loss", "", "mean_squared_error"),
    ],
)
def test_a_nonsense_command_is_refused(make, do, kind, name, value):
    service = make()
    run_id = service.submit(LONG, "me")
    training(service, run_id)
    with pytest.raises(RunError):
        service.command(run_id, "me", do, kind, name, value)
    with pytest.raises(RunError, match="no such run"):
        service.command("nothing", "me", "stop")


def test_visitors_take_turns_and_see_their_place(make):
    service = make(runs_per_visitor=3)
    first = service.submit(LONG, "a")
    training(service, first)
    again, third, other = (service.submit(LONG, name) for name in ("a", "a", "b"))
    assert [service.place(run) for run in (first, again, third, other)] == [None, 2, 3, 1]
    waits = [service.wait_seconds(run) for run in (other, again, third)]
    assert 0 < waits[0] < waits[1] < waits[2] and service.wait_seconds(first) is None
    assert service.status()["queued"] == 3 and state(service, other) == "queued"
    with pytest.raises(RunError, match="You have 3 runs"):
        service.submit(LONG, "a")
    with pytest.raises(RunError, match="still waits"):
        service.command(other, "b", "pause")
    with pytest.raises(RunError, match="Only the browser"):
        service.command(other, "a", "stop")

    service.command(again, "a", "stop")  # a waiting run leaves the queue
    assert state(service, again) == "stopped" and service.place(third) == 2
    service.command(first, "a", "stop")
    training(service, other)
    assert service.place(third) == 1
    service.command(other, "b", "stop")
    training(service, third)


def test_the_queue_is_bounded(make):
    service = make(queue_limit=2)
    until(lambda: service.status()["ready"])
    runs = [service.submit(LONG, f"visitor {number}") for number in range(3)]
    with pytest.raises(RunError, match="queue is full: 2 runs wait"):
        service.submit(LONG, "late")
    assert len(service.store.runs()) == 3
    service.command(runs[2], "visitor 2", "stop")
    service.submit(LONG, "late")


def test_a_visitor_starts_so_many_runs_a_minute_and_others_as_many(make):
    service = make(runs_per_minute=2, workers=2)
    first = service.submit_all([SHORT, SHORT], "me")
    with pytest.raises(RunError, match=r"started 2 runs this minute.*go on in 30 s"):
        service.submit(SHORT, "me")
    with pytest.raises(RunError, match="go on in"):
        service.resume(first[0], "me")
    assert len(service.store.runs()) == 2
    service.submit(SHORT, "you")
    service.submit_all(
        [SHORT, SHORT], "me", attended=False
    )  # of a race: they come as there is room


def test_a_run_that_is_known_to_be_short_goes_before_a_long_one(make):
    service = make()
    ended(service, service.submit(SHORT, "me"))  # now the pace is known
    blocking = service.submit(LONG, "me")
    training(service, blocking)
    long = service.submit(LONG.model_copy(update={"epochs": 200}), "me")
    short = service.submit(SHORT.model_copy(update={"dataset": "digits", "epochs": 1}), "me")
    assert service.place(long) == 1  # that of another pace is not known to be short
    service._durations.note(service.store.run(short).spec, 1e5)
    other = service.submit(SHORT.model_copy(update={"dataset": "digits", "epochs": 1}), "me")
    assert [service.place(one) for one in (other, long, short)] == [1, 2, 3]


def test_runs_start_together_or_not_at_all(make):
    service = make(workers=3, warm_workers=1, queue_limit=1, runs_per_visitor=4)
    with pytest.raises(RunError, match="more than one visitor may have, 4"):
        service.submit_all([LONG] * 5, "me")
    with pytest.raises(RunError, match="queue is full"):
        for number in range(5):
            service.submit_all([LONG], f"visitor {number}")
    assert len(service.store.runs()) == 4


@EVERYWHERE
def test_workers_come_for_a_crowd_and_leave_after_it(make, monkeypatch):
    service = make(workers=3, warm_workers=1)
    first, second, third, waits = service.submit_all([LONG] * 4, "me")
    pids = {training(service, run) for run in (first, second, third)}
    assert len(pids) == 3 and state(service, waits) == "queued"
    for run in (waits, first, second, third):
        service.command(run, "me", "stop")
    until(lambda: service.status()["running"] == 0)
    monkeypatch.setattr(supervisor_module, "IDLE_SECONDS", 0.5)
    until(lambda: sum(map(gone, pids)) == 2)
    assert training(service, service.submit(LONG, "me")) in pids
    monkeypatch.setattr(supervisor_module, "IDLE_SECONDS", 60)
    service.expect(2)
    until(lambda: service.status()["warm"] == 2)


def test_many_submit_at_once(make):
    service = make(queue_limit=3, runs_per_visitor=2)
    until(lambda: service.status()["ready"])
    kept, refused = [], []

    def submit(number):
        try:
            kept.append(service.submit(LONG, f"visitor {number % 4}"))
        except RunError as error:
            refused.append(error)

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(kept), len(refused)) == (4, 8)
    assert sorted(service.place(run) or 0 for run in kept) == [0, 1, 2, 3]


@EVERYWHERE
def test_a_killed_worker_is_noticed_and_others_go_on(make):
    service = make(workers=2)
    lost, other = service.submit(LONG, "me"), service.submit(LONG, "you")
    pid, other_pid = training(service, lost), training(service, other)
    assert pid != other_pid
    began = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    found = ended(service, lost)
    assert time.monotonic() - began < 2  # some milliseconds where nothing else runs
    assert (found.state, found.kind) == ("failed", "worker")
    assert "limit 4 GiB" in found.message and f"at step {found.step:,}" in found.message
    steps, _ = service.store.series(lost, "loss")
    assert len(steps) == found.step >= 10
    assert state(service, other) == "running"
    again = service.submit(LONG, "me")
    assert training(service, again) not in (pid, other_pid)
    before = step_of(service, other)
    until(lambda: step_of(service, other) > before)


def test_a_run_whose_worker_died_before_taking_it_up_is_given_to_another(make):
    service = make()
    run_id = service.submit(DIES_FIRST, "me")
    training(service, run_id)
    assert state(service, run_id) == "running"


def test_a_failed_run_says_why_and_where(make):
    service = make()
    found = ended(service, service.submit(FAILS, "me"))
    assert (found.state, found.kind, found.where) == (
        "failed",
        "nonfinite",
        {"line": 1, "column": 2},
    )
    assert ended(service, service.submit(SHORT, "me")).state == "completed"


def test_stop_does_not_wait_for_what_is_before_the_first_step(make):
    service = make()
    run_id = service.submit(STUCK_BEFORE, "me")
    until(lambda: state(service, run_id) == "preparing")
    service.command(run_id, "me", "stop")
    assert state(service, run_id) == "stopped"
    with pytest.raises(RunError, match="has ended"):
        service.command(run_id, "me", "stop")


@EVERYWHERE
def test_a_worker_that_does_not_stop_is_replaced(make, monkeypatch):
    monkeypatch.setattr(supervisor_module, "STOP_SECONDS", 0.5)
    service = make()
    for spec in (STUCK_BEFORE, STUCK_AFTER):
        run_id = service.submit(spec, "me")
        until(lambda run_id=run_id: state(service, run_id) in ("preparing", "running"))
        if spec is STUCK_AFTER:
            training(service, run_id, 20)
        next_one = service.submit(SHORT, "you")
        service.command(run_id, "me", "stop")
        found = ended(service, run_id)
        assert found.state == "stopped"
        if spec is STUCK_AFTER:
            assert "did not answer" in found.message and found.step == 20
        assert ended(service, next_one).state == "completed"


def test_a_pause_ends_when_others_wait_too_long(make):
    service = make(pause_minutes=0.5 / 60)
    run_id = service.submit(LONG, "me")
    training(service, run_id)
    service.command(run_id, "me", "pause")
    until(lambda: state(service, run_id) == "paused")
    mine = service.submit(SHORT, "me")
    time.sleep(1.0)
    assert state(service, run_id) == "paused"  # nobody else waits
    service.command(mine, "me", "stop")
    other = service.submit(SHORT, "you")
    found = ended(service, run_id)
    assert found.state == "stopped"
    until(lambda: "others waited" in service.store.run(run_id).message)
    assert len(service.store.series(run_id, "loss")[0]) == found.step
    assert ended(service, other).state == "completed"


def test_a_run_ends_when_others_wait_too_long(make):
    service = make(run_minutes=1.0 / 60)
    run_id = service.submit(LONG, "me")
    training(service, run_id)
    mine = service.submit(SHORT, "me")
    time.sleep(1.5)
    assert state(service, run_id) == "running"  # nobody else waits
    service.command(mine, "me", "stop")
    other = service.submit(SHORT, "you")
    assert 0 < service.wait_seconds(other) <= 1.0
    assert ended(service, other).state == "completed"
    found = ended(service, run_id)
    assert found.state == "stopped" and "while others waited" in found.message
    assert len(service.store.series(run_id, "loss")[0]) == found.step > 0


def test_nobody_keeps_all_workers_while_others_wait(make):
    service = make(workers=2, warm_workers=2, share_minutes=0.5 / 60)
    first = service.submit(LONG, "me")
    training(service, first)
    second = service.submit(LONG, "me")
    training(service, second)
    third, other = service.submit(LONG, "me"), service.submit(LONG, "you")
    training(service, other)
    found = ended(service, second)
    assert found.state == "stopped" and "took all workers" in found.message
    assert state(service, first) == "running" and state(service, third) == "queued"
    time.sleep(1.0)
    assert state(service, first) == "running"  # two visitors, a worker each
    service.command(other, "you", "stop")
    training(service, third)


def test_a_full_disk_fails_the_run_and_keeps_what_was_recorded(make):
    limit = {"pages": 2**30}

    def apply(raw, _record, _proxy):
        raw.execute(f"PRAGMA max_page_count = {limit['pages']}")

    sqlalchemy_event.listen(Pool, "checkout", apply)
    try:
        service = make()
        run_id = service.submit(LONG, "me")
        training(service, run_id, 20)
        limit["pages"] = 1
        found = ended(service, run_id)
        assert (found.state, found.kind) == ("failed", "store")
        assert "disk is full" in found.message
        steps, _ = service.store.series(run_id, "loss")
        assert len(steps) >= 20
        until(lambda: service.status()["running"] == 0)  # the worker was told to stop
        limit["pages"] = 2**30
        assert ended(service, service.submit(SHORT, "me")).state == "completed"
    finally:
        sqlalchemy_event.remove(Pool, "checkout", apply)


@pytest.fixture
def free(monkeypatch):
    """GiB that the disk has free, for a test to change."""
    found = [10.0]
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(
        "playground.runs.disk.shutil.disk_usage", lambda place: usage(0, 0, int(found[0] * 2**30))
    )
    return found


def test_a_run_that_waits_does_not_begin_on_a_disk_that_is_nearly_full(make, free):
    """It would break at its first point, though it was taken while there was room."""
    service = make(free_gib=1.0)
    first = service.submit(LONG, "me")
    training(service, first)
    waits = service.submit(SHORT, "me")
    assert service.waits_for(waits) is None
    free[0] = 0.9
    service.command(first, "me", "stop")
    until(lambda: service.status()["running"] == 0)
    time.sleep(3 * upkeep.TICK_SECONDS)
    assert state(service, waits) == "queued"
    assert service.waits_for(waits) == "room on the server's disk" == service.status()["waits"]
    free[0] = 10.0
    assert ended(service, waits).state == "completed"


def test_a_disk_that_fills_is_met_step_by_step(make, free):
    service = make(free_gib=1.0)
    run_id = service.submit(LONG, "me")
    training(service, run_id)

    def pause_and_go_on() -> int:
        """How many checkpoints there are after one more was sent, and steps were done."""
        for do, state_then in (("pause", "paused"), ("resume", "running")):
            service.command(run_id, "me", do)
            until(lambda state_then=state_then: state(service, run_id) == state_then)
        before = step_of(service, run_id)
        until(lambda: step_of(service, run_id) > before)
        return len(service.store.snapshots(run_id, "checkpoint"))

    assert pause_and_go_on() >= 1
    free[0] = 0.9
    with pytest.raises(RunError, match=r"nearly full: 0.9 GiB are free, and 1 must be"):
        service.submit(SHORT, "me")
    count = pause_and_go_on()
    assert count >= 2
    weights = Snapshot(3, "weights", {"w": np.ones(3, np.float32)})
    job = next(slot.job for slot in service._slots.values() if slot.job)
    slot = next(iter(service._slots.values()))
    service._hear(slot, job, weights)
    assert not service.store.snapshots(run_id, "weights")
    free[0] = 0.2
    assert pause_and_go_on() == count
    began = time.monotonic()
    free[0] = 10.0
    service._hear(slot, job, weights)
    assert pause_and_go_on() > count and service.store.snapshots(run_id, "weights") == [3]
    free[0] = 0.2
    service.close()  # waits for no checkpoint that nobody keeps
    assert time.monotonic() - began < 8


@EVERYWHERE
def test_the_clock_goes_on_after_what_nobody_foresaw(make, monkeypatch, caplog):
    failed: list[float] = []

    def tick(self: upkeep.Upkeep, now: float) -> None:
        if not failed:
            failed.append(now)
            raise OSError("the disk is gone")

    monkeypatch.setattr(upkeep.Upkeep, "tick", tick)
    monkeypatch.setattr(supervisor_module, "STOP_SECONDS", 0.5)
    service = make()
    until(lambda: failed)
    run_id = service.submit(STUCK_AFTER, "me")
    pid = training(service, run_id, 20)
    service.command(run_id, "me", "stop")  # which the worker does not hear: the clock ends it
    assert ended(service, run_id).state == "stopped" and gone(pid)
    (said,) = [each for each in caplog.records if each.exc_info]
    assert said.exc_info[0] is OSError and "clock" in said.message


def test_a_closed_server_says_so_in_its_runs(make):
    service = make()
    run_id, waiting = service.submit(LONG, "me"), service.submit(LONG, "me")
    pid = training(service, run_id)
    service.close()
    assert gone(pid)
    found = service.store.run(run_id)
    assert (found.state, found.kind) == ("failed", "interrupted")
    assert "shut down at step" in found.message
    assert state(service, waiting) == "queued"
    with pytest.raises(RunError, match="shutting down"):
        service.submit(LONG, "me")


@pytest.mark.parametrize(
    ("where", "how"),
    [("local", "SIGKILL"), ("local", "SIGTERM"), ("ray", "SIGKILL")],
    indirect=["where"],
)
def test_a_killed_server_leaves_no_worker_and_its_runs_are_told(make, tmp_path, where, how):
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path), *QUICK],
        cwd=ROOT,
        env={**os.environ, **{f"PLAYGROUND_{name.upper()}": each for name, each in where.items()}},
        stdout=subprocess.PIPE,
        text=True,
    )
    with server, killing(server):
        run_id, *pids = server.stdout.readline().split()
        watcher = make()  # a second server on the same store lets the live one be
        assert state(watcher, run_id) == "running"
        with pytest.raises(RunError, match="Only the browser that started this run"):
            watcher.command(run_id, "you", "stop")  # what its own may: test_several_servers
        server.send_signal(getattr(signal, how))
        server.wait()
    until(lambda: all(gone(int(pid)) for pid in pids))
    watcher.close()
    found = state(make(), run_id), watcher.store.run(run_id)
    assert found[0] == "failed" and found[1].kind == "interrupted"
    steps, _ = watcher.store.series(run_id, "loss")
    assert len(steps) == found[1].step >= 10


def test_runs_that_waited_are_taken_up_by_the_next_server_in_their_order(make):
    before = make(warm_workers=1)
    first = before.submit(LONG, "me")
    waiting = [before.submit(SHORT, "me") for _ in range(3)]
    training(before, first)
    before.close()
    assert state(before, first) == "failed"
    service = make()
    assert [service.place(run_id) or 1 for run_id in waiting] == sorted(
        service.place(run_id) or 1 for run_id in waiting
    )
    found = [ended(service, run_id) for run_id in waiting]
    assert [(one.state, one.step) for one in found] == [("completed", 40)] * 3
    begun = [one.started for one in found]
    assert begun == sorted(begun)


QUEUEING = SERVER.replace(
    'run_id = service.submit(RunSpec(seed=0), "me")',
    """run_id = service.submit(RunSpec(seed=0), "me")
for seed in (1, 1, 1):
    service.submit(RunSpec(seed=seed), "you")""",
)


@pytest.mark.parametrize("running", [True, False], ids=["another runs", "started later"])
def test_runs_that_waited_for_a_killed_server_are_taken_up(make, tmp_path, monkeypatch, running):
    monkeypatch.setattr(upkeep, "SEARCHES", 75)  # each 0.2 s
    server = subprocess.Popen(
        [sys.executable, "-c", QUEUEING, str(tmp_path), *QUICK],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    with server, killing(server):
        run_id = server.stdout.readline().split()[0]
        watcher = make() if running else None
        if watcher is not None:
            time.sleep(0.5)  # it looks for orphans and finds none
            assert len(watcher.store.runs(owner="you", live=True)) == 3
            assert watcher.status()["queued"] == watcher.status()["running"] == 0
        server.kill()
        server.wait()
    service = watcher or make()
    waited = [run.id for run in service.store.runs(owner="you")][::-1]
    assert [ended(service, one).state for one in waited] == ["completed"] * 3
    assert state(service, run_id) == "failed"


def test_a_waiting_run_of_a_version_with_other_settings_is_told_so(make, tmp_path):
    store = open_store(Settings(home=tmp_path))
    run_id = store.create(SHORT, "me")
    store.release([run_id])
    store.close()
    with sqlite3.connect(tmp_path / "playground.sqlite") as raw:
        raw.execute("""UPDATE runs SET spec = json_set(spec, '$.batch_size', -3)""")
    found = ended(make(), run_id)
    assert (found.state, found.kind) == ("failed", "spec") and "batch_size" in found.message


# The checking worker


def test_a_text_is_checked(make):
    service = make()
    report = service.questions.ask("check", text="mean(y_pred)", parameters={"gamma": 2.0})
    assert report["ok"] and report["text"] == "mean(y_pred)"


@pytest.mark.parametrize(
    ("text", "message"),
    [("slow", "took longer than 0.5 s"), ("fatal", "ended the checking worker twice")],
)
def test_a_check_that_hangs_or_kills_is_said_and_the_next_is_answered(make, text, message):
    service = make(answer_seconds=0.5)
    pid = service.questions.ask("check", text="fine")["pid"]
    with pytest.raises(WorkerError, match=message):
        service.questions.ask("check", text=text)
    again = service.questions.ask("check", text="fine")["pid"]
    assert again != pid
    until(lambda: gone(pid))


def test_of_one_visitor_only_the_newest_text_is_checked(make):
    service = make(answer_seconds=0.5)
    service.questions.ask("check", text="fine")
    answers = {}

    def ask(text):
        try:
            answers[text] = service.questions.ask("check", "me", True, text=text)["text"]
        except Superseded:
            answers[text] = "superseded"
        except WorkerError:
            answers[text] = "too slow"

    threads = [threading.Thread(target=ask, args=(text,)) for text in ("slow", "a", "b", "c")]
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    assert answers == {"slow": "too slow", "a": "superseded", "b": "superseded", "c": "c"}


@EVERYWHERE
def test_a_killed_checker_is_asked_again_and_nobody_hears_of_it(make):
    service = make(ray_roles="check,look")
    pid = service.questions.ask("check", text="fine")["pid"]
    found = {}
    asking = threading.Thread(
        target=lambda: found.update(service.questions.ask("check", text="sleep 1"))
    )
    asking.start()
    time.sleep(0.3)
    os.kill(pid, signal.SIGKILL)
    asking.join()
    assert found["text"] == "sleep 1" and found["pid"] != pid


def test_a_flood_of_questions_delays_whoever_floods(make):
    service = make(answer_seconds=30.0)
    service.questions.ask("check", text="fine")
    answered = []

    def ask(visitor, text):
        service.questions.ask("check", visitor, text=text)
        answered.append(visitor)

    flood = [threading.Thread(target=ask, args=("loud", "sleep 0.1")) for _ in range(20)]
    for thread in flood:
        thread.start()
    until(lambda: len(answered) >= 2)
    for quiet in ("one", "other"):
        before = answered.count("loud")
        ask(quiet, "fine")
        assert answered.count("loud") - before <= 2  # what was in progress, and one that slipped in
    for thread in flood:
        thread.join()
    assert answered.count("loud") == 20


def test_who_waits_for_an_answer_is_told_when_the_server_closes(make):
    service = make(answer_seconds=30.0)
    service.questions.ask("check", text="fine")
    said = []

    def ask():
        with pytest.raises(WorkerError) as caught:
            service.questions.ask("check", text="slow")
        said.append(caught.value.message)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    service.close()
    for thread in threads:
        thread.join(10)
    assert said == ["The server is shutting down."] * 3


def test_samples_come_from_the_worker_once(make):
    service = make(answer_seconds=60.0)
    found = service.questions.ask("sample", dataset="digits")
    images, labels, names = (found[name] for name in ("images", "labels", "class_names"))
    assert images.shape == (10, 8, 8, 1) and labels.tolist() == list(range(10))
    assert names[3] == "3" and service.questions.ask("sample", dataset="digits") is found
    with pytest.raises(DataError):
        service.questions.ask("sample", dataset="nonsense")


@EVERYWHERE
def test_workers_that_cannot_start_are_said(make):
    service = make(command=(sys.executable, "-c", "raise SystemExit('no TensorFlow here')"))
    run_id = service.submit(LONG, "me")
    found = ended(service, run_id)
    assert found.state == "failed" and "no TensorFlow here" in found.message
    status = service.status()
    assert not status["ready"] and "no TensorFlow here" in status["problem"]


@EVERYWHERE
def test_a_worker_is_given_nothing_secret(make, monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")  # the Ray nodes have one, too
    monkeypatch.setenv("PLAYGROUND_STORE_URL", "")
    seen = tmp_path / "seen"
    code = f"import os; open({str(seen)!r}, 'a').write(' '.join(os.environ) + ' ')"
    make(command=(sys.executable, "-c", code))
    until(lambda: seen.exists() and "KERAS_BACKEND" in seen.read_text())
    names = set(seen.read_text().split())
    assert "PLAYGROUND_DATA" in names
    assert not names & {"AWS_SECRET_ACCESS_KEY", "PLAYGROUND_STORE_URL"}


def test_the_looker_starts_with_the_server_where_memory_allows(make):
    service = make(looker_free_gib=0)
    until(lambda: service.status()["looking"])
    late = make(looker_free_gib=1e6)
    until(lambda: late.status()["ready"])
    assert not late.status()["looking"] and not late.questions._clients["look"].started
    late.questions.start_looking()
    until(lambda: late.status()["looking"])
