"""Autoencoder taken home: trained in plain Keras in a folder of its own, and its files opened
there by another process."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from playground import RunSpec, export, export_parts, train
from playground.analysis.files import network_file
from playground.autoencoders import HEADED, PLAIN
from playground.runs.store import open_store
from playground.settings import Settings
from tests.playground.test_export import taken_home

SPEC = RunSpec(
    task="autoencoder",
    dataset="digits",
    epochs=6,
    batch_size=32,  # so that the short last batch, which the script trains on, hardly counts
    width=8,
    learning_rate=3e-3,
)
# Opens what the script has kept, with Keras and nothing of ours but the layers that Keras has not.
OPENED = """
import keras, numpy as np, pathlib, sklearn.datasets
if pathlib.Path("own_layers.py").exists():
    import own_layers
network, encoder, decoder = (
    keras.saving.load_model(name) for name in ("weights.keras", "encoder.keras", "decoder.keras")
)
images = 16.0 * sklearn.datasets.load_digits().images[:6, ..., None].clip(0, 15)
whole = network.predict(images, verbose=0)[0]
code = encoder.predict(images, verbose=0)
again = decoder.predict(code[0] if isinstance(code, list) else code, verbose=0)
print("apart:", np.abs(whole - again).max())
"""


def said(printed: str) -> dict[str, float]:
    found = re.findall(r"test ([\w ]+): ([\d.]+)", printed)
    return {name: float(value) for name, value in found}


@pytest.mark.parametrize(
    "own",
    [
        {},
        {"conditional": True, "class_head": True, "loss": HEADED, "schedule": "cosine"},
        {"kind": "plain", "loss": PLAIN, "noise": 0.2, "with_test_images": True},
    ],
    ids=["variational", "conditional and headed", "denoising"],
)
def test_the_script_trains_what_the_run_trains(tmp_path: Path, own: dict[str, object]) -> None:
    spec = RunSpec(**{**SPEC.model_dump(), **own})
    content = export.packed(export.Package(spec))
    found = said(taken_home(content, tmp_path))
    run = list(train(spec))
    test = next(each for each in run if getattr(each, "split", "") == "test").metrics
    # From other first weights and draws, the same within what those make of it. The divergence of
    # a plain code is nothing that anybody asks for.
    part = ("reconstruction", "reconstruction") if "kind" in own else ("negative ELBO", "elbo")
    assert found[part[0]] == pytest.approx(test[part[1]], rel=0.1)
    assert ("class accuracy" in found) == ("class_head" in own)
    assert found.get("class accuracy", 1.0) > 0.25  # of ten classes, after so few steps


def test_weights_taken_home_give_the_numbers_of_the_run(tmp_path: Path) -> None:
    store = open_store(Settings(home=tmp_path / "home"))
    run_id = store.create(SPEC, "me")
    for event in train(SPEC):
        store.record(run_id, event)
    content = export.bundle(store, run_id, network_file)
    found = said(taken_home(content, tmp_path, export_parts.WEIGHTS))
    record = store.run(run_id)
    assert record is not None
    assert found["negative ELBO"] == pytest.approx(record.metrics["test_elbo"], abs=2e-3)
    assert found["reconstruction"] == pytest.approx(record.metrics["test_reconstruction"], abs=2e-3)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONPATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", OPENED],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split("apart:")[1]) < 1e-5
