"""What is worked out of recorded curves, against sums written out by hand."""

import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from playground.analysis import curves
from playground.errors import SpecError
from playground.runs.store import Store
from playground.spec import RunSpec
from playground.training.events import Evaluated, Progress, Started


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{(tmp_path / 'store.sqlite').as_posix()}", tmp_path)
    yield store
    store.close()


def begun(store: Store) -> str:
    run_id = store.create(RunSpec(dataset="digits"), "me", "preparing")
    store.record(run_id, Started(10, [], 12, 4, 100, 10, 10, ["0"], {}))
    return run_id


def steps(store: Store, run_id: str, last: int, loss: list[float], **more: list[float]) -> None:
    arrays = {name: np.array(values, np.float32) for name, values in {"loss": loss, **more}.items()}
    store.record(run_id, Progress(last, last / 4, last / 10, 1.0, arrays))


def look(store: Store, run_id: str, step: int, loss: float, split: str = "validation") -> None:
    store.record(run_id, Evaluated(step, step / 4, split, 10, True, {"loss": loss}))


def test_the_gap_is_the_held_out_loss_less_the_last_third_before_it(store: Store) -> None:
    run_id = begun(store)
    steps(store, run_id, 6, [9, 8, 7, 6, 5, 3])
    look(store, run_id, 6, 4.5)  # the last two of six: (5 + 3) / 2
    at, values = curves.gap(store, run_id)
    assert at.tolist() == [6] and values.tolist() == [0.5]
    look(store, run_id, 10, 3.5)  # its steps are not recorded yet
    assert curves.gap(store, run_id, after=6)[0].tolist() == []
    steps(store, run_id, 10, [9, math.nan, 1, 3])  # a third of four is two steps: 1 and 3
    at, values = curves.gap(store, run_id, after=6)
    assert at.tolist() == [10] and values.tolist() == [1.5]
    steps(store, run_id, 12, [math.nan, math.nan])
    look(store, run_id, 12, 1.0)
    assert np.isnan(curves.gap(store, run_id, after=10)[1]).all()
    assert curves.gap(store, run_id)[0].tolist() == [6, 10, 12]


def test_the_clock_is_thinned_and_keeps_the_newest(store: Store) -> None:
    run_id = begun(store)
    assert len(curves.clock(store, run_id, 0, 3)[0]) == 0
    steps(store, run_id, 10, [1.0] * 10, seconds=[0.5 * k for k in range(1, 11)])
    at, seconds = curves.clock(store, run_id, 0, 3)
    assert at.tolist() == [4, 7, 10] and seconds.tolist() == [2.0, 3.5, 5.0]
    assert curves.clock(store, run_id, 8, 240)[0].tolist() == [9, 10]


def test_the_table_has_every_number_at_its_step(store: Store) -> None:
    run_id = begun(store)
    more = {"seconds": [0.5, 1.0, 1.5], "accuracy": [0, 0.1, 0.5], "other": [1, 2, 3]}
    steps(store, run_id, 3, [2.5, math.nan, math.inf], **more)
    look(store, run_id, 2, 0.75)
    look(store, run_id, 3, 0.25, "test")
    rows = list(csv.reader(io.StringIO(curves.table(store, run_id))))
    assert rows == [
        ["step", "epoch", "seconds", "loss", "accuracy", "other", "validation_loss", "test_loss"],
        ["1", "0.25", "0.5", "2.5", "0.0", "1.0", "", ""],
        ["2", "0.5", "1.0", "nan", "0.1", "2.0", "0.75", ""],
        ["3", "0.75", "1.5", "inf", "0.5", "3.0", "", "0.25"],
    ]


def test_a_run_without_a_step_is_a_header_and_an_unknown_one_is_refused(store: Store) -> None:
    waiting = store.create(RunSpec(dataset="digits"), "me", "queued")
    assert curves.table(store, waiting) == "step\n"
    with pytest.raises(SpecError, match="no run 'nosuchrun'"):
        curves.table(store, "nosuchrun")
