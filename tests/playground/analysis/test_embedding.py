"""Looks at the embedding, by the one door the worker uses, on runs that really trained."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from playground import RunSpec, datasets, models, train
from playground.analysis import answer, projection
from playground.errors import WorkerError
from playground.training.centers import NAME
from playground.training.events import Snapshot

PULLED = RunSpec(
    dataset="digits",
    width=8,
    depth=2,
    embedding=2,
    linear_embedding=True,
    epochs=2,
    loss="cross_entropy() + 0.01 * center()",
)
WIDE = RunSpec(dataset="digits", width=8, depth=2, embedding=16, epochs=3)


@pytest.fixture(scope="module")
def kept() -> dict[str, list[Snapshot]]:
    return {
        spec.digest: [event for event in train(spec) if isinstance(event, Snapshot)]
        for spec in (PULLED, WIDE)
    }


@pytest.fixture(scope="module")
def look(kept):
    def ask(spec: RunSpec, what: str, snapshot: int = -1, **question: object) -> dict:
        at = kept[spec.digest][snapshot]
        asked = {"what": what, "spec": spec.to_json(), "weights": at.arrays, "step": at.step}
        return answer({**asked, **question})

    return ask


def forward(spec: RunSpec, weights, images: np.ndarray, layer: str) -> np.ndarray:
    model = models.restore(spec, weights)
    tap = keras.Model(model.input, model.get_layer(layer).output)
    return np.asarray(tap(images.astype("float32"), training=False))


def test_two_features_come_as_they_are_with_centres_and_regions(kept, look) -> None:
    weights = kept[PULLED.digest][-1].arrays
    images = datasets.load("digits").test_images
    found = look(PULLED, "embedding")
    assert (found["method"], found["width"], found["moving"]) == ("raw", 2, True)
    features = forward(PULLED, weights, images, "features")
    np.testing.assert_allclose(found["points"], features, atol=1e-4)
    np.testing.assert_array_equal(found["labels"], datasets.load("digits").test_labels)
    np.testing.assert_allclose(found["centers"], weights[NAME])
    # The regions are what the last layer says of a place.
    said = (features @ found["kernel"] + found["bias"]).argmax(axis=1)
    np.testing.assert_array_equal(said, found["predicted"])
    early = look(PULLED, "embedding", snapshot=0)
    assert np.abs(early["points"] - found["points"]).max() > 0.1


def test_training_images_are_those_trained_on(look) -> None:
    split = datasets.split(datasets.load("digits"), PULLED)
    found = look(PULLED, "embedding", split="train")
    np.testing.assert_array_equal(found["labels"], split.train_labels[:2000])
    block = look(PULLED, "pictures", split="train", unit=250)
    assert block["first"] == 200
    np.testing.assert_array_equal(block["images"], split.train_images[200:300])


@pytest.mark.parametrize(("method", "dims"), [("pca", 2), ("pca", 3), ("umap", 2), ("tsne", 2)])
def test_wide_features_are_projected_so_that_classes_stay_together(look, method, dims) -> None:
    found = look(WIDE, "embedding", method=method, dims=dims)
    assert found["points"].shape == (len(found["labels"]), dims)
    assert found["centers"].shape == (10, dims) and not found["moving"]
    assert "kernel" not in found
    points, labels = found["points"], found["labels"]
    far = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(far, np.inf)
    assert (labels[far.argmin(axis=1)] == labels).mean() > (0.5 if method == "pca" else 0.8)


def test_wide_features_can_be_had_for_another_to_lay_out(look) -> None:
    wide = look(WIDE, "embedding", method="tsne", project=False)
    assert wide["points"].shape[1] == wide["centers"].shape[1] == wide["width"] == 16
    assert wide["method"] == "tsne" and len(wide["points"]) == len(wide["labels"]) <= 500
    plane = look(PULLED, "embedding", method="tsne", project=False)
    assert plane["method"] == "raw" and plane["points"].shape[1] == 2


def test_layouts_are_made_without_tensorflow() -> None:
    code = """
import sys, numpy as np
from playground import Control, worker
from playground.answers import ANSWERS
worker._WARM_UPS["project"]()
draw = np.random.default_rng(0)
asked = {"points": draw.normal(size=(60, 16)), "centers": np.full((3, 16), np.nan)}
found = ANSWERS["project"]({**asked, "method": "tsne", "dims": 2, "run": "a"}, Control())
assert found["points"].shape == (60, 2) and np.isnan(found["centers"]).all()
print([name for name in ("tensorflow", "keras", "losses") if name in sys.modules])
"""
    asked = [sys.executable, "-c", code]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_frames_of_one_run_neither_flip_nor_turn() -> None:
    draw = np.random.default_rng(0)
    features = draw.normal(size=(60, 8)) * np.array([4, 3, 1, 1, 1, 1, 1, 1])
    centers = features[:2]
    first, _ = projection.project(features, centers, "pca", 2, "a run")
    turned = features @ np.linalg.qr(draw.normal(size=(8, 8)))[0] + 5
    again, some = projection.project(turned, turned[:2], "pca", 2, "a run")
    np.testing.assert_allclose(again, first, atol=1e-3)
    np.testing.assert_allclose(some, first[:2], atol=1e-3)


def test_neighbours_are_the_nearest_in_all_features(kept, look) -> None:
    images = datasets.load("digits").test_images
    features = forward(WIDE, kept[WIDE.digest][-1].arrays, images, "features")
    found = look(WIDE, "neighbours", unit=7)
    distances = np.linalg.norm(features - features[7], axis=1)
    assert found["indices"][0] == 7
    np.testing.assert_allclose(found["distances"][1:], np.sort(distances)[1:13], atol=1e-3)
    np.testing.assert_array_equal(found["images"], images[found["indices"]])


@pytest.mark.parametrize(
    "question",
    [
        {"what": "embedding", "split": "secret"},
        {"what": "embedding", "method": "eval"},
        {"what": "embedding", "dims": 9},
        {"what": "neighbours", "unit": 10**6},
        {"what": "neighbours", "unit": -1},
        {"what": "pictures", "unit": 99_999},
    ],
)
def test_what_makes_no_sense_is_refused(look, question) -> None:
    with pytest.raises(WorkerError):
        look(WIDE, **question)
