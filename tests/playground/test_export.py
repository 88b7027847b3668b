"""A run taken home: the script is Python whatever a visitor typed, and does what the run did."""

import ast
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground import RunSpec, export, train
from playground.errors import SpecError
from playground.presets import PRESETS, with_centers
from playground.runs.store import Store, open_store
from playground.settings import Settings
from playground.spec import knobs

# Two features pulled to their centres, learned in seconds.
PULLED = RunSpec(
    dataset="digits",
    loss=with_centers(0.01),
    width=8,
    embedding=8,
    linear_embedding=True,
    batch_norm=True,
    epochs=6,
    evaluations=1,
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(Settings(home=tmp_path / "home"))


def taken_home(content: bytes, folder: Path, *arguments: str) -> str:
    """What the script of a bundle prints, run where nothing else of ours can be imported."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONPATH": ""}
    done = subprocess.run(
        [sys.executable, export.SCRIPT, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def accuracy(printed: str) -> float:
    return float(printed.split("test accuracy:")[1])


def test_weights_taken_home_answer_as_the_run_did(store: Store, tmp_path: Path) -> None:
    run_id = store.create(PULLED, "me")
    for event in train(PULLED):
        store.record(run_id, event)
    record = store.run(run_id)
    assert record is not None
    printed = taken_home(export.bundle(store, run_id), tmp_path, export.WEIGHTS)
    assert accuracy(printed) == pytest.approx(record.metrics["test_accuracy"], abs=1e-4)
    with np.load(tmp_path / export.WEIGHTS) as kept:
        assert kept["centers/centers"].shape == (10, 8)


@pytest.mark.parametrize(
    "changes",
    [
        {
            "loss": "cross_entropy() + 0.01 * center() + 0.1 * contrastive()",
            "schedule": "steps",
            "shift": 1,
            "flip": True,
            "normalise": "channel",
            "epochs": 8,
        },
        {
            "loss": "focal",
            "loss_parameters": {"gamma": 1.0},
            "patience": 4,
            "l2": 1e-4,
            "class_weights": "balanced",
        },
    ],
    ids=["centres and pairs", "named"],
)
def test_script_trains(changes: dict[str, object], tmp_path: Path) -> None:
    spec = RunSpec(**{**PULLED.model_dump(), **changes})
    assert accuracy(taken_home(export.packed(spec), tmp_path)) > 0.6
    assert (tmp_path / "network.keras").exists()
    with np.load(tmp_path / export.TRAINED) as learned:
        assert {"centers/centers", "logits/kernel", "normalise/mean"} <= set(learned)
        far = np.abs(learned["centers/centers"]).max() > np.sqrt(6 / (10 + PULLED.embedding))
        assert far == ("center()" in spec.loss)  # they left the room in which they began


@given(
    st.text(min_size=1, max_size=200).filter(lambda text: text.strip() and not text.isidentifier())
)
def test_a_text_is_a_text_in_the_script(text: str) -> None:
    try:
        spec = RunSpec(loss=text, loss_parameters={"gamma": 1.5})
    except ValueError:
        return  # refused before it could be exported
    found = {
        node.targets[0].id: node.value
        for node in ast.parse(export.script(spec)).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    assert ast.literal_eval(found["TEXT"]) == spec.loss
    call = found["loss"]
    assert isinstance(call, ast.Call) and len(call.args) == 2
    assert ast.literal_eval(call.args[1]) == spec.loss_parameters


def test_no_name_can_carry_code() -> None:
    with pytest.raises(ValueError, match="loss_parameters"):
        RunSpec(loss="focal", loss_parameters={"x'); import os": 1.0})


def each_choice() -> list[RunSpec]:
    """Every choice of every knob once, and what the presets are made of."""
    found = [spec for preset in PRESETS.values() for spec in preset.specs()]
    for name, knob in knobs().items():
        for choice in knob.choices or {}:
            if name != "metrics":
                found.append(RunSpec(**{name: choice}))
    more = {"dropout": 0.5, "l2": 1e-3, "label_noise": 0.2, "shift": 2, "imbalance": 10.0}
    found += [RunSpec(class_weights=each) for each in ("balanced", "1,1,1,1,1,1,1,1,1,5")]
    return [*found, RunSpec(**more), RunSpec(validation_images=100, train_images=500, mixup=0.2)]


def test_every_choice_has_its_lines() -> None:
    for spec in each_choice():
        assert ast.parse(export.script(spec)).body


def test_what_is_not_in_the_script_is_said() -> None:
    assert "Not in here: Class imbalance 10, Mixup 0.2." in export.script(
        RunSpec(imbalance=10.0, mixup=0.2)
    )
    assert "Not in here" not in export.script(RunSpec())


def test_unknown_run(store: Store) -> None:
    with pytest.raises(SpecError, match="there is no run 'nosuchrun'"):
        export.bundle(store, "nosuchrun")
