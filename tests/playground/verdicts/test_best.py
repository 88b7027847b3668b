"""The best epoch is one: of early stopping, of the verdict, and of the star on the page."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pages.live.feed import Reader
from playground.runs.store import Store, open_store
from playground.settings import Settings
from playground.spec import RunSpec
from playground.training.events import Changed, Evaluated, Progress, Started
from playground.training.stopping import BestEpoch
from playground.verdicts import fit
from playground.verdicts.best import best_epoch

AN_EPOCH = 10


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = open_store(Settings(home=tmp_path))
    yield found
    found.close()


class Line:
    """Nobody waits."""

    def place(self, run_id: str) -> None: ...
    def wait_seconds(self, run_id: str) -> None: ...
    def waits_for(self, run_id: str) -> None: ...


def recorded(store: Store, losses: list[float]) -> str:
    """A run with these validation losses at its epochs' ends, a lower one in the middle of each,
    and calibration that is best at the first."""
    run_id = store.create(RunSpec(dataset="digits", watch_fit=True), "me")
    names = [str(digit) for digit in range(10)]
    store.record(run_id, Started(9, [], 90, AN_EPOCH, 400, 100, 360, names, {"inputs": []}))
    for epoch, loss in enumerate(losses, 1):
        batches = np.ones(AN_EPOCH, np.float32)
        told = {"loss": batches, "accuracy": batches}
        store.record(run_id, Progress(AN_EPOCH * epoch, epoch, 1.0, 500.0, told))
        for step, cost in ((AN_EPOCH * epoch - 5, loss - 1), (AN_EPOCH * epoch, loss)):
            metrics = {"loss": cost, "accuracy": 0.1 * epoch, fit.NLL: float(epoch)}
            store.record(run_id, Evaluated(step, step / AN_EPOCH, "validation", 100, True, metrics))
    return run_id


@pytest.mark.parametrize(
    ("losses", "best"),
    [
        ([3.0, 2.0, 1.0, 2.0], 3),
        ([2.0, 1.0, 1.0], 2),  # the first of equals
        ([math.nan, 2.0, math.nan, 3.0], 2),
        ([math.nan, math.inf], 0),
        ([], 0),
    ],
)
def test_star_and_early_stopping_mean_one_epoch(
    store: Store, losses: list[float], best: int
) -> None:
    run_id = recorded(store, losses)
    assert best_epoch(store, run_id) == best
    stopping = BestEpoch(patience=9)
    for epoch, loss in enumerate(losses, 1):
        stopping.update(epoch, AN_EPOCH * epoch, loss, {})
    assert stopping.epoch == best and stopping.step == AN_EPOCH * best
    told = (Reader(run_id, store, Line()).news() or {}).get("best")
    assert (told or {"epoch": 0})["epoch"] == best
    if told:
        assert (told["step"], told["restored"]) == (AN_EPOCH * best, False)
        assert told["value"] == pytest.approx(0.1 * best)


@pytest.mark.parametrize("kind", ["loss", "parameter"])
def test_a_changed_loss_begins_anew(store: Store, kind: str) -> None:
    """Its values before say nothing of those after: the least of those after counts."""
    run_id = recorded(store, [1.0, 0.5, 9.0, 8.0, 8.5])
    assert best_epoch(store, run_id) == 2
    store.record(run_id, Changed(2 * AN_EPOCH, kind, "k", "{}" if kind == "loss" else 2.0))
    assert best_epoch(store, run_id) == 4
    told = (Reader(run_id, store, Line()).news() or {}).get("best")
    assert told is not None and told["epoch"] == 4


def test_a_viewer_is_told_of_a_collapse_with_the_verdicts_next_step(store: Store) -> None:
    run_id = recorded(store, [1.0, 1.0, 1.0, 1.0])
    assert not (Reader(run_id, store, Line()).news() or {}).get("collapsed")
    fallen = {"loss": 2.3, "accuracy": 0.1, "nll": 2.3, "spread": 0.001, "commonest": 1.0,
              "embedding_knn_1": 0.1}  # fmt: skip
    for step in (50, 60, 70):
        confusion = {"confusion": np.eye(10, dtype=np.int32)}
        told = Evaluated(step, step / AN_EPOCH, "validation", 100, True, fallen, confusion)
        store.record(run_id, told)
    news = Reader(run_id, store, Line()).news()
    assert news is not None and news["collapsed"] == [50, 70]
    record = store.run(run_id)
    assert record is not None and news["advice"] == fit.judge(fit.read(store, record)).step


def test_restored_weights_are_the_best_for_all(store: Store) -> None:
    run_id = recorded(store, [3.0, 2.0, 1.0, 2.0])
    store.record(run_id, Changed(2 * AN_EPOCH, "best", "", 2))
    record, news = store.run(run_id), Reader(run_id, store, Line()).news()
    assert record is not None and news is not None
    assert best_epoch(store, run_id) == fit.read(store, record).best_epoch == 2
    assert (news["best"]["epoch"], news["best"]["restored"]) == (2, True)
