"""A race by real workers, one of which is killed: the table is that of an undisturbed one."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from playground.races.feeder import Feeder
from playground.races.race import Lane, Race
from playground.runs.race_rows import DONE
from playground.runs.store import open_store
from playground.runs.supervisor import Supervisor
from playground.settings import Settings
from playground.spec import RunSpec

BASE = RunSpec(
    dataset="digits",
    train_images=256,
    batch_size=32,
    label_noise=0.2,
    width=4,
    embedding=8,
    epochs=40,
    evaluations=2,
    dropout=0.2,
)
RACE = Race(BASE, (Lane({"loss": "categorical_crossentropy"}), Lane({"loss": "gce"})), target=0.5)
SECONDS = 240.0


def until(condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + SECONDS
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
    return found


@pytest.fixture
def feeder(tmp_path: Path) -> Iterator[Feeder]:
    settings = Settings(home=tmp_path, workers=2, warm_workers=2, resumes=1, looker_free_gib=1e6)
    with closing(open_store(settings)) as store:
        supervisor = Supervisor(settings, store)
        supervisor.start(checking=False)
        yield Feeder(supervisor)
        supervisor.close()


def table(feeder: Feeder, race_id: str) -> dict[str, Any]:
    """All that a race tells but for how long it took, and every step's loss."""
    store = feeder._store
    record = store.races.find(race_id)
    found = feeder.follow(record)
    results = feeder.reader.results(RACE, found)
    values = {name: lanes for name, lanes in results.values.items() if name != "seconds"}
    curves = [store.series(cell.record.id, "loss")[1].tobytes() for cell in found.cells]
    return {"values": values, "hashes": results.hashes, "broken": results.broken, "loss": curves}


def done(feeder: Feeder, race_id: str) -> bool:
    feeder.tick()
    return feeder._store.races.find(race_id).state == DONE


def test_a_killed_worker_changes_no_number_of_any_lane(feeder: Feeder) -> None:
    store, slots = feeder._store, feeder._supervisor._slots
    race_id = feeder.begin(RACE, "me")
    until(lambda: done(feeder, race_id))
    undisturbed = table(feeder, race_id)
    assert undisturbed["broken"] == [{}, {}] and len(undisturbed["values"]["accuracy"][1]) == 1
    store.delete([run.id for run in store.runs()])

    assert feeder.begin(RACE, "me") == race_id  # trained from scratch once more
    _, second = sorted(store.runs(), key=lambda run: run.number)
    steps = len(np.frombuffer(undisturbed["loss"][1], np.float32))
    until(lambda: steps / 4 < store.run(second.id).step)
    (slot,) = [one for one in list(slots.values()) if one.job and one.job.run_id == second.id]
    os.kill(slot.worker.pid, signal.SIGKILL)
    until(lambda: store.run(second.id).resumed == 1)
    until(lambda: done(feeder, race_id))
    assert store.run(second.id).state == "completed" and len(store.runs()) == 2
    assert table(feeder, race_id) == undisturbed
