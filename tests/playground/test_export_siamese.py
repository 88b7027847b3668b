"""Multi-task taken home: a functional model with named outputs, trained in a folder of its own."""

import re
from pathlib import Path

import pytest

from playground import RunSpec, export, export_siamese, train
from playground.analysis.files import network_file
from playground.runs.store import open_store
from playground.settings import Settings
from playground.tasks.siamese import OBJECTIVE
from tests.playground.test_export import taken_home

SPEC = RunSpec(task="siamese", dataset="digits", epochs=8)


def said(printed: str) -> dict[str, float]:
    return {name: float(value) for name, value in re.findall(r"(\w+) accuracy: ([\d.]+)", printed)}


def test_a_sum_of_a_loss_a_head_is_compiled_by_the_names_of_the_outputs() -> None:
    told = export_siamese.by_head
    assert told(SPEC) == [
        ("p_left", "sparse_categorical_crossentropy", 1.0),
        ("p_right", "sparse_categorical_crossentropy", 1.0),
        ("p_same", "sparse_categorical_crossentropy", 0.5),
    ]
    moved = {"loss_parameters": {"s": 2.0}, "same_head": "sigmoid"}
    assert told(SPEC.model_copy(update=moved))[2] == ("p_same", "binary_crossentropy", 2.0)
    for text in (
        "contrastive(same, distance)",
        OBJECTIVE + " + 0.1 * cross_entropy(y_left, p_left)",
        "cross_entropy(y_left, p_right)",
        "cross_entropy(y_left, p_left) - cross_entropy(y_right, p_right)",
        "cross_entropy(y_left, p_left",
    ):
        assert told(SPEC.model_copy(update={"loss": text})) is None, text


@pytest.mark.parametrize(
    "own",
    [
        {},
        {
            "loss": "cross_entropy(y_left, p_left) + 0.1 * contrastive(same, distance)",
            "same_head": "none",
            "distance": "euclidean",
            "schedule": "constant",
            "shift": 1,
            "crop": 0.1,
            "pairs": "hard",
            "metrics": ("mean(equal(round(p_same), same))",),
        },
        {
            "loss": "cross_entropy(y_left, p_left) + triplet()",
            "same_head": "none",
            "distance": "cosine",
            "weighting": "gradnorm",
        },
    ],
    ids=["compiled", "added", "triplets"],
)
def test_the_script_trains(tmp_path: Path, own: dict[str, object]) -> None:
    spec = RunSpec(**{**SPEC.model_dump(), **own})
    content = export.packed(export.Package(spec))
    found = said(taken_home(content, tmp_path))
    assert found["verification"] > 0.7 and found["left"] > 0.8
    assert (tmp_path / "trained.keras").exists()
    script = (tmp_path / export.SCRIPT).read_text()
    assert ("loss_weights={" in script) == (not own) and ("import losses" in script) == bool(own)


def test_weights_taken_home_answer_as_the_run_did(tmp_path: Path) -> None:
    store = open_store(Settings(home=tmp_path / "home"))
    run_id = store.create(SPEC, "me")
    for event in train(SPEC):
        store.record(run_id, event)
    content = export.bundle(store, run_id, network_file)
    found = said(taken_home(content, tmp_path, export.WEIGHTS))
    record = store.run(run_id)
    assert record is not None
    for head in ("left", "right", "verification"):  # on the very pairs of the run
        assert found[head] == pytest.approx(record.metrics[f"test_{head}"], abs=1e-4)
