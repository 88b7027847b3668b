"""Two processes with one store, in any order of create, record, kill, reopen and delete: what was
said is what is there, and of what is gone nothing is left (a state machine of hypothesis)."""

import multiprocessing
import os
import shutil
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from playground.errors import StoreError
from playground.runs.records import LIVE
from playground.runs.store import Store, open_store
from playground.settings import Settings
from playground.spec import RunSpec
from playground.training.events import Evaluated, Finished, Progress, Snapshot, Started

SPEC = RunSpec(dataset="digits")
WHERE = st.sampled_from(["here", "there"])
# Forked from a process that has imported all and has no thread, a process costs 20 ms.
context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
if context.get_start_method() == "forkserver":
    context.set_forkserver_preload(["tests.playground.runs.test_two_processes"])


def does(store: Store, what: str, *given: Any) -> Any:
    """What a process does with its store; of a refusal, its message."""
    try:
        if what == "create":
            return store.create(SPEC, "me")
        if what == "record":
            run_id, step = given
            if step == 0:
                store.record(run_id, Started(1, [], 9, 9, 1, 1, 1, [], {}, {"a": np.ones(3)}))
            values = np.full(2, step, np.float32)
            store.record(run_id, Progress(step + 2, 0.1, 0.1, 1.0, {"loss": values}))
            store.record(run_id, Snapshot(step + 2, "weights", {"a": values}))
            metrics = {"loss": float(step)}
            store.record(run_id, Evaluated(step + 2, 0.1, "validation", 9, True, metrics))
            return None
        if what == "end":
            store.record(given[0], Finished(given[1], "completed", 0.1, {"loss": 0.5}))
            return None
        if what == "delete":
            return [one.number for one in store.delete([given[0]])]
        if what == "take over":
            return [store.interrupt_dead(), [run.id for run in store.take_over()]]
    except StoreError as error:
        return f"refused: {error}"
    raise ValueError(what)


def serve(home: str, url: str, orders: Connection) -> None:
    """The other process: does what it is told until it is killed."""
    store = open_store(Settings(home=Path(home), store_url=url))
    orders.send("ready")
    while True:
        orders.send(does(store, *orders.recv()))


class TwoProcesses(RuleBasedStateMachine):
    """`told` is what must be: of each run its holder ("here", "there" or "dead"), its steps and
    whether it has ended."""

    runs = Bundle("runs")
    place = staticmethod(lambda: "")  # the URL of a new store; "" for a file in `home`

    @initialize()
    def begin(self) -> None:
        self.home, self.url = Path(tempfile.mkdtemp(prefix="two-processes-")), self.place()
        self.other: Any = None
        self.store = open_store(Settings(home=self.home, store_url=self.url))
        self.start()
        self.told: dict[str, dict[str, Any]] = {}
        self.numbers: list[int] = []

    def start(self) -> None:
        self.orders, theirs = context.Pipe()
        self.other = context.Process(
            target=serve, args=(str(self.home), self.url, theirs), daemon=True
        )
        self.other.start()
        theirs.close()
        assert self.orders.recv() == "ready"

    def at(self, where: str, *order: Any) -> Any:
        if where == "here":
            return does(self.store, *order)
        self.orders.send(order)
        return self.orders.recv()

    @rule(target=runs, where=WHERE, records=st.integers(0, 2), ends=st.booleans())
    def create(self, where: str, records: int, ends: bool) -> str:
        run_id: str = self.at(where, "create")
        record = self.store.run(run_id)
        assert record is not None and record.state == "queued"
        assert record.number not in self.numbers  # a number means one run for ever
        self.numbers.append(record.number)
        self.told[run_id] = {"holder": where, "step": 0, "state": "queued"}
        for _ in range(records):
            self.record(run_id)
        if ends:
            self.end(run_id)
        return run_id

    @rule(run_id=runs)
    def record_more(self, run_id: str) -> None:
        self.record(run_id)

    def record(self, run_id: str) -> None:
        told = self.told.get(run_id)
        if told is None or told["holder"] == "dead" or told["state"] not in LIVE:
            return  # nobody trains it
        assert self.at(told["holder"], "record", run_id, told["step"]) is None
        told.update(step=told["step"] + 2, state="running")

    @rule(run_id=runs)
    def end_one(self, run_id: str) -> None:
        self.end(run_id)

    def end(self, run_id: str) -> None:
        told = self.told.get(run_id)
        if told is None or told["holder"] == "dead" or told["state"] not in LIVE:
            return
        assert self.at(told["holder"], "end", run_id, told["step"]) is None
        told["state"] = "completed"

    @rule()
    def kill(self) -> None:
        """The other process dies, and another begins."""
        self.other.kill()
        self.other.join()
        self.start()
        for told in self.told.values():
            if told["holder"] == "there" and told["state"] in LIVE:
                told["holder"] = "dead"

    @rule()
    def reopen(self) -> None:
        """This process opens the store anew; it lives, and so do its runs."""
        self.store.close()
        self.store = open_store(Settings(home=self.home, store_url=self.url))

    @rule(where=WHERE)
    def take_over(self, where: str) -> None:
        dead, waiting = self.at(where, "take over")
        orphans = {run_id: told for run_id, told in self.told.items() if told["holder"] == "dead"}
        assert set(dead) == {i for i, told in orphans.items() if told["state"] == "running"}
        assert waiting == [i for i, told in orphans.items() if told["state"] == "queued"]
        for run_id in dead:
            self.told[run_id].update(holder="nobody", state="failed")
        for run_id in waiting:
            self.told[run_id]["holder"] = where

    @rule(where=WHERE, run_id=consumes(runs))
    def delete(self, where: str, run_id: str) -> None:
        told = self.told[run_id]
        found = self.at(where, "delete", run_id)
        if told["state"] in LIVE and told["holder"] in ("here", "there"):
            assert found.startswith("refused") and "Stop it first" not in found
            return
        assert isinstance(found, list) and found[0] in self.numbers, found
        del self.told[run_id]

    @invariant()
    def what_is_there_is_what_was_said(self) -> None:
        if not hasattr(self, "told"):
            return
        found = {run.id: run for run in self.store.runs(limit=1000)}
        assert set(found) == set(self.told)
        for run_id, told in self.told.items():
            assert (found[run_id].state, found[run_id].step) == (told["state"], told["step"])
            steps, values = self.store.series(run_id, "loss")
            assert steps.tolist() == list(range(1, told["step"] + 1))
            assert values.tolist() == [step - step % 2 for step in range(told["step"])]
            marks, _ = self.store.series(run_id, "validation_loss")
            assert marks.tolist() == list(range(2, told["step"] + 1, 2))
            snapshot = self.store.snapshot(run_id, "weights")
            assert (snapshot.step if snapshot is not None else 0) == told["step"]
        folders = {path.name for path in (self.home / "runs").iterdir()}
        assert folders == {run_id for run_id, told in self.told.items() if told["step"]}
        with self.store._database.reading() as raw:
            for table in ("series", "evaluations", "marks", "snapshots"):
                owners = raw.exec_driver_sql(f"SELECT DISTINCT run_id FROM {table}").scalars()
                assert set(owners) <= set(self.told)
            if not self.url:
                assert raw.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"

    def teardown(self) -> None:
        if getattr(self, "other", None) is not None:
            self.other.kill()
            self.other.join()
            self.store.close()
            shutil.rmtree(self.home)


@pytest.mark.skipif(
    context.get_start_method() != "forkserver", reason="a process for each step takes long there"
)
@pytest.mark.parametrize(("database", "examples"), [("sqlite", 10), ("postgresql", 5)])
def test_two_processes(
    database: str, examples: int, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database == "postgresql":
        new_schema = request.getfixturevalue("new_schema")
        monkeypatch.setattr(TwoProcesses, "place", staticmethod(new_schema))
    run_state_machine_as_test(
        TwoProcesses,
        settings=settings(max_examples=examples, stateful_step_count=20, deadline=None),
    )
