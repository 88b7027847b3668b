"""What an earlier version recorded still opens, under the same digests."""

import json
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from playground.runs.store import Store
from playground.spec import RunSpec
from playground.training.changes import as_changed
from tests.playground.recorded import RUNS, STORE
from tests.playground.recorded.runs import CENTER, SPECS

# Whose numbers were moved: two have streams of their own since, two a fused batch norm.
ANEW = ("center", "mixup", "cifar10", "imbalance")
# The digests that the first version gave.
FIRST = {
    "mnist": "9dd28f80b9d3de30",
    "cifar10": "36b2843b6bb1e4a1",
    "fashion_mnist": "c063e8e2c328c250",
    "digits": "5ab4da68ffa5e5cf",
    "center": "75dad0a3a81a4b68",
    "label_noise": "2998414548c442e8",
    "mixup": "9e981dd75a985df9",
    "early_stopping": "019bbd9ba66ea195",
    "imbalance": "b12d9b813759ef28",
    "own_metric": "441baed34c1c4606",
}
RECORDED = json.loads(RUNS.read_text("utf-8"))


@pytest.mark.parametrize("name", SPECS)
def test_a_recorded_spec_opens_and_keeps_its_digest(name: str) -> None:
    told = RECORDED[name]
    assert RunSpec.from_json(told["spec"]) == SPECS[name]
    assert RunSpec.from_query(told["query"]) == (SPECS[name], [])
    assert SPECS[name].to_query() == told["query"]
    assert SPECS[name].digest == told["digest"]
    assert name in ANEW or SPECS[name].digest == FIRST[name]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with zipfile.ZipFile(STORE) as archive:
        archive.extractall(tmp_path)
    url = f"sqlite:///{(tmp_path / 'playground.sqlite').as_posix()}"
    with closing(Store(url, tmp_path / "runs")) as opened:
        yield opened


def test_a_store_of_before_opens_with_all_its_runs(store: Store) -> None:
    broken, early, changed, plain = store.runs()  # newest first
    assert [run.state for run in (plain, changed, early, broken)] == [*["completed"] * 3, "failed"]
    for run in (plain, early):
        assert store.by_digest([run.spec.digest])[run.spec.digest] == run
    for run in (plain, changed, early):
        started = store.started(run.id)
        assert started is not None and started.steps_per_epoch == 5
        assert len(store.series(run.id, "loss")[0]) == run.step
        assert np.isfinite(store.series(run.id, "validation_accuracy")[1]).all()
        evaluation, snapshot = store.evaluation(run.id), store.snapshot(run.id, "weights")
        assert evaluation is not None and evaluation.arrays["confusion"].shape == (10, 10)
        assert snapshot is not None and "logits/kernel" in snapshot.arrays
    assert not store.by_digest([changed.spec.digest])  # centres are drawn anew since
    assert broken.kind == "nonfinite" and broken.where is not None


def test_the_marks_of_a_store_of_before_say_how_its_runs_were_changed(store: Store) -> None:
    _, early, changed, plain = store.runs()
    assert changed.spec.loss == CENTER
    by_then = as_changed(changed.spec, store.marks(changed.id), step=2)
    assert by_then.loss_parameters == {"λ": 0.5} and by_then.loss == CENTER
    assert (by_then.learning_rate, by_then.center_rate) == (0.001, 0.25)
    by_now = as_changed(changed.spec, store.marks(changed.id))
    assert (by_now.loss, by_now.loss_parameters) == ("brier", {})
    assert as_changed(plain.spec, store.marks(plain.id)) == plain.spec
    assert as_changed(early.spec, store.marks(early.id)) == early.spec
