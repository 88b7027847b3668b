"""A task's own names for a loss: the sketch of `toy_autoencoder.py` trains on a typed loss of them,
is checked, completed, tried out, drawn, examined and exported, and no other file is touched."""

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import losses
from playground import RunSpec, answers, export, trainable
from playground.errors import SpecError
from playground.knobs import metric_key
from playground.tasks import TASKS
from playground.training.control import Control
from playground.training.events import Evaluated, Finished, Progress, Snapshot, Started
from tests.playground.test_toy_task import trained
from tests.playground.toy_autoencoder import TEXT, Sketch


@pytest.fixture(autouse=True)
def sketch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "sketch", Sketch())


def check(text: str, task: str = "sketch") -> dict:
    return answers.check({"text": text, "parameters": {}, "task": task}, Control())


def test_it_trains_on_a_typed_loss_of_its_own_names_and_is_exported(tmp_path: Path) -> None:
    measured = "mean(abs(x - x_hat))"
    spec = RunSpec(
        task="sketch", dataset="digits", epochs=12, learning_rate=0.003, metrics=(measured,)
    )
    events, _ = trained(spec)
    started = next(each for each in events if isinstance(each, Started))
    assert started.loss["inputs"] == ["x", "x_hat", "log_var", "mu"]
    assert started.loss["terms"] == [
        "mean(square(x - x_hat)) * 64", "beta * mean(kl)",
    ]  # fmt: skip
    errors = np.concatenate([e.series["error"] for e in events if isinstance(e, Progress)])
    assert errors[-20:].mean() < 0.6 * errors[:5].mean()
    end = events[-1]
    assert isinstance(end, Finished) and end.metrics["error"] < 0.07
    tested = next(e for e in events if isinstance(e, Evaluated) and e.split == "test")
    assert 0 < tested.metrics[metric_key(measured)] < 0.3

    last = [each for each in events if isinstance(each, Snapshot)][-1]
    with zipfile.ZipFile(io.BytesIO(export.packed(export.Package(spec, last.arrays)))) as archive:
        archive.extractall(tmp_path)
    done = subprocess.run(
        [sys.executable, export.SCRIPT],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": "", "TF_CPP_MIN_LOG_LEVEL": "2"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split("loss:")[1]) < 6


def test_the_editor_agrees_with_training() -> None:
    report = check(TEXT)
    assert report["ok"] and report["refusal"] is None and report["warnings"] == []
    assert report["probe"]["finite"] and report["probe"]["gradient_norm"] > 0
    assert r"\hat x_{ic}" in report["latex"] and r"\lambda_{ic}" in report["latex"]
    near = check("mean(square(x - xhat))")["error"]
    assert near["column"] == 17 and near["fix"] == "x_hat"
    unfit = check("mean(square(x - mu))")["error"]
    assert "(B, H, W, K) and (B, L)" in unfit["message"]
    flat = check("binary_cross_entropy(x, x_hat)")
    assert flat["ok"] and "(B, H, W)" in flat["warnings"][0]["message"]


@pytest.mark.parametrize("text, name", [
    ("mean(square(x - x_hat)) + mean(y_pred)", "y_pred"),
    ("cross_entropy()", "y_true"),
    ("mean(teacher_logits * x_hat)", "teacher_logits"),
])  # fmt: skip
def test_a_name_of_another_task_is_refused_where_it_stands(text: str, name: str) -> None:
    error = check(text)["error"]
    assert name in error["message"] and "Sketches" in error["message"]
    assert error["column"] == (1 if name == "y_true" else text.index(name) + 1)
    with pytest.raises((losses.LossError, SpecError), match=name):
        list(trained(RunSpec(task="sketch", dataset="digits", loss=text)))


def test_its_names_are_refused_elsewhere_with_where_they_come_from() -> None:
    error = check("mean(square(y_true - x_hat))", "classification")["error"]
    assert "x_hat, which comes with" in error["message"] and "Sketches" in error["message"]
    assert "this run is Classification" in error["message"] and error["column"] == 22
    assert check("x = y_pred - y_true\nmean(square(x))", "classification")["ok"]


def test_completion_catalog_and_doctor_know_its_names() -> None:
    entries = answers.glossary({"task": "sketch"}, Control())["entries"]
    named = {each["name"]: each["what"] for each in entries if each["kind"] == "input"}
    assert named["x_hat"] == "(B, H, W, K) the image as it is drawn"
    assert set(named) == set(Sketch.inputs)
    lacking = trainable.untrainable(answers.catalog({}, Control()), "sketch")
    assert "mean_squared_error(x, x_hat)" in lacking["mean_squared_error"]
    found = answers.doctor({"text": TEXT, "parameters": {}, "task": "sketch"}, Control())
    states = {each["name"]: each["state"] for each in found["findings"]}
    assert states["depends"] == states["gradient"] == "yes" and states["coupled"] == "no"
    assert states["proper"] == states["calibrated"] == "n/a"
    drawn = answers.portrait(
        {"text": TEXT, "parameters": {}, "view": "curve", "task": "sketch"}, Control()
    )
    assert "x, x_hat" in drawn["reason"]


def test_a_named_function_is_as_large_as_what_it_is_given() -> None:
    """Beside Keras' own on the same tensors, reduced as Keras reduces."""
    import keras

    rng = np.random.default_rng(0)
    x, x_hat = (rng.uniform(0.01, 0.99, (5, 8, 8, 1)).astype("float32") for _ in "ab")
    for name, of_keras in [
        ("binary_cross_entropy", keras.losses.BinaryCrossentropy()),
        ("mean_squared_error", keras.losses.MeanSquaredError()),
        ("huber", keras.losses.Huber()),
    ]:
        loss = losses.compile_loss(f"{name}(x, x_hat)", inputs=trainable.offered("sketch"))
        value = float(loss.on({"x": x, "x_hat": x_hat}))
        assert value == pytest.approx(float(of_keras(x, x_hat)), rel=1e-5), name


def test_what_is_no_probability_is_not_clipped() -> None:
    offered = trainable.offered("sketch")
    loss = losses.compile_loss("mean(square(mu)) + mean(exp(log_var))", inputs=offered)
    found = loss.on({"mu": np.full((3, 2), 5.0, "float32"), "log_var": np.full((3, 2), -2.0)})
    assert float(found) == pytest.approx(25 + np.exp(-2.0), rel=1e-6)
    drawn = losses.compile_loss("-mean(log(x_hat) + 0 * x)", inputs=offered)
    zero = np.zeros((2, 8, 8, 1), "float32")
    assert float(drawn.on({"x": zero, "x_hat": zero})) == pytest.approx(-np.log(1e-7), rel=1e-5)
