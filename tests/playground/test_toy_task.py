"""A task is one file: the toy of `toy.py`, of which nothing else knows, does what a run does."""

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from losses import LossError
from playground import Control, RunSpec, export, train
from playground.analysis import answer
from playground.runs.store import Store, open_store
from playground.settings import Settings
from playground.tasks import TASKS
from playground.training.events import Changed, Evaluated, Finished, Progress, Snapshot, Started
from tests.playground.toy import Toy

FILE = Path(__file__).parent / "toy.py"


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "toy", Toy())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = open_store(Settings(home=tmp_path / "home"))
    yield found
    found.close()


def test_the_toy_is_small_and_no_other_file_knows_of_it() -> None:
    assert len(FILE.read_text("utf-8").splitlines()) < 120
    root = Path(__file__).parents[2]
    for folder in ("playground", "pages", "losses"):
        for path in (root / folder).rglob("*.py"):
            assert "brightness" not in path.read_text("utf-8"), path


def trained(spec: RunSpec, store: Store | None = None) -> tuple[list, str]:
    """A run that pauses once, and its id if it was recorded."""
    run_id = store.create(spec, "me") if store is not None else ""
    control, events = Control(), []
    for event in train(spec, control):
        events.append(event)
        if store is not None:
            store.record(run_id, event)
        if isinstance(event, Evaluated) and not any(isinstance(e, Changed) for e in events):
            control.send("pause")
            control.send("step")
            control.send("resume")
    return events, run_id


def test_it_trains_pauses_is_evaluated_recorded_and_exported(store: Store, tmp_path: Path) -> None:
    spec = RunSpec(task="toy", dataset="digits", epochs=8, neurons=16)
    events, run_id = trained(spec, store)
    started = next(each for each in events if isinstance(each, Started))
    assert started.parameters == 64 * 16 + 16 + 16 + 1 == TASKS["toy"].plan(spec).parameters
    assert [(e.kind, e.value) for e in events if isinstance(e, Changed)][-1] == ("state", "running")
    curve = [e.series["error"] for e in events if isinstance(e, Progress)]
    errors = np.concatenate(curve)
    assert len(errors) == started.steps and errors[-20:].mean() < 0.3 * errors[:5].mean()
    end = events[-1]
    assert isinstance(end, Finished) and end.metrics["error"] < 0.05
    tested = next(e for e in events if isinstance(e, Evaluated) and e.split == "test")
    assert tested.images == 360 and tested.arrays["said"].shape == (360, 1)

    record = store.run(run_id)
    assert record is not None and record.spec == spec and record.state == "completed"
    assert record.metrics["test_error"] == end.metrics["error"]
    for name in TASKS["toy"].series(spec):
        assert len(store.series(run_id, name)[0]), name

    last = [each for each in events if isinstance(each, Snapshot)][-1]
    asked = {"spec": spec.to_json(), "weights": last.arrays, "step": last.step}
    looked = answer({"what": "maps", "image": {"test": 3}, **asked})
    assert [each["name"] for each in looked["layers"]] == ["normalise", "hidden", "brightness"]

    content = export.packed(export.Package(spec, last.arrays))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(tmp_path / "taken")
    done = subprocess.run(
        [sys.executable, export.SCRIPT],
        cwd=tmp_path / "taken",
        env={**os.environ, "PYTHONPATH": "", "TF_CPP_MIN_LOG_LEVEL": "2"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split("error:")[1]) < 0.1


def test_the_same_seed_gives_the_same_run_and_paused_ones_too() -> None:
    spec = RunSpec(task="toy", dataset="digits", epochs=1)
    plain = [each for each in train(spec) if isinstance(each, Evaluated)]
    paused = [each for each in trained(spec)[0] if isinstance(each, Evaluated)]
    assert [each.metrics for each in plain] == [each.metrics for each in paused]


def test_a_loss_that_names_what_it_has_not_is_refused() -> None:
    with pytest.raises(LossError, match="labels"):
        list(
            train(RunSpec(task="toy", dataset="digits", loss="cast(labels, float) * y_pred[:, 0]"))
        )
