"""Multi-task: pairs, heads and verification."""

import numpy as np
import pytest
import tensorflow as tf

import losses
from playground import RunSpec, datasets, train, trainable
from playground.errors import SpecError
from playground.tasks import TASKS
from playground.training import loop, verification
from playground.training.events import Evaluated, Failed, Finished, Started
from playground.training.siamese import SiameseWork

SPEC = RunSpec(task="siamese", dataset="digits", epochs=1)


def drawn(spec: RunSpec, step: int, count: int = 512) -> dict[str, np.ndarray]:
    """A batch of training as the device draws it."""
    work = SiameseWork(spec, datasets.load(spec.dataset))
    rows = {
        name: tf.constant(each.astype(np.int32) if each.dtype == np.int64 else each)
        for name, each in work.rows["train"].items()
    }
    indices = np.random.default_rng(0).integers(0, len(rows["labels"]), count).astype(np.int32)
    found = work.gather(rows, tf.constant(indices), tf.constant(step))
    return {"indices": indices, **{name: np.asarray(each) for name, each in found.items()}}


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_so_many_pairs_are_of_one_class(share: float) -> None:
    found = drawn(RunSpec(task="siamese", dataset="digits", same_share=share), 1, 4000)
    same = found["labels"] == found["partner_labels"]
    assert np.mean(same) == pytest.approx(share, abs=0.03)
    # No image is its own partner, and partners come from everywhere.
    itself = (found["images"] == found["partners"]).all(axis=(1, 2, 3))
    assert itself.mean() < 0.005  # digits has a few images twice
    assert len(np.unique(found["partners"], axis=0)) > 1000


def test_pairs_depend_on_the_seed_and_the_step_alone() -> None:
    first, again, later = drawn(SPEC, 1), drawn(SPEC, 1), drawn(SPEC, 2)
    np.testing.assert_array_equal(first["partners"], again["partners"])
    assert np.any(first["partners"] != later["partners"])
    other = drawn(RunSpec(**{**SPEC.model_dump(), "seed": 1}), 1)
    assert np.any(first["partner_labels"] != other["partner_labels"])


def test_hard_pairs_are_the_nearest_of_another_class() -> None:
    spec = RunSpec(task="siamese", dataset="digits", pairs="hard", same_share=0.05)
    work = SiameseWork(spec, datasets.load("digits"))
    found = drawn(spec, 1, 64)
    images, labels = found["images"].astype(np.float32), found["labels"]
    features = np.asarray(work.built.giving(("features",))(images, training=False), np.float64)
    apart = np.linalg.norm(features[:, None] - features[None], axis=-1)
    apart[labels[:, None] == labels[None]] = np.inf
    nearest = images[apart.argmin(axis=1)]
    different = found["labels"] != found["partner_labels"]
    assert different.sum() > 50
    np.testing.assert_array_equal(found["partners"][different], nearest[different])


def test_pairs_to_measure_on_are_balanced_and_the_same_each_time() -> None:
    work = SiameseWork(SPEC, datasets.load("digits"))
    for split in ("validation", "test"):
        rows = work.rows_of(split)
        same = np.mean(rows["labels"] == rows["partner_labels"])
        assert same == pytest.approx(0.5, abs=0.01), split
    again = SiameseWork(SPEC, datasets.load("digits")).rows_of("test", np.arange(5))
    np.testing.assert_array_equal(again["partners"], work.rows_of("test")["partners"][:5])


@pytest.mark.parametrize("head", ["softmax", "sigmoid", "none"])
@pytest.mark.parametrize("distance", ["squared difference", "absolute difference", "euclidean"])
def test_one_trunk_and_three_heads(head: str, distance: str) -> None:
    own = {"dataset": "digits", "width": 4}
    siamese = RunSpec(task="siamese", same_head=head, distance=distance, **own)
    counted = TASKS["siamese"].plan(siamese).parameters
    heads = counted - TASKS["classification"].plan(RunSpec(**own)).parameters
    wide = 64 if distance.endswith("difference") else 1
    judged = {"softmax": 2 * wide + 2, "sigmoid": wide + 1, "none": 0}[head]
    assert heads == 64 * 10 + 10 + judged  # the right class head and the same head
    if (head, distance) == ("softmax", "squared difference"):
        weights = loop.prepare(siamese).model.trainable_weights
        assert sum(int(np.prod(each.shape)) for each in weights) == counted


def test_a_chance_and_a_distance_of_each_pair_have_their_losses() -> None:
    """By hand in float64: binary cross-entropy, and Hadsell, Chopra and LeCun's loss."""
    draw = np.random.default_rng(0)
    given = {
        "same": draw.integers(0, 2, 8).astype(np.float32),
        "p_same": draw.uniform(0.01, 0.99, 8).astype(np.float32),
        "distance": draw.uniform(0, 9, 8).astype(np.float32),
    }
    s, p, d = (each.astype(np.float64) for each in given.values())
    binary = -(s * np.log(p) + (1 - s) * np.log(1 - p))
    for text, held in (
        ("cross_entropy(same, p_same)", binary),
        ("binary_cross_entropy(same, p_same)", binary),
        ("contrastive(same, distance)", (s * d**2 + (1 - s) * np.maximum(6 - d, 0) ** 2) / 2),
        ("contrastive(same, distance, 2.0)", (s * d**2 + (1 - s) * np.maximum(2 - d, 0) ** 2) / 2),
    ):
        loss = losses.compile_loss(text, inputs=trainable.offered("siamese"))
        value = loss.on({name: tf.constant(given[name]) for name in loss.sources})
        assert float(value) == pytest.approx(held.mean(), rel=1e-5), text


@pytest.mark.parametrize(
    "loss",
    [
        None,
        "contrastive(same, distance)",
        "sparse_categorical_crossentropy(labels_left, p_left) + binary_cross_entropy(same, p_same)",
    ],
)
def test_it_learns(loss: str | None) -> None:
    own = {} if loss is None else {"loss": loss}
    head = {"same_head": "none", "distance": "euclidean"} if loss and "contrastive" in loss else {}
    spec = RunSpec(task="siamese", dataset="digits", epochs=12, **own, **head)
    events = list(train(spec))
    assert isinstance(events[-1], Finished), events[-1]
    assert not [each for each in events if isinstance(each, Failed)]
    test = next(e for e in reversed(events) if isinstance(e, Evaluated) and e.split == "test")
    assert test.metrics["verification"] > 0.8
    if loss is None:
        assert test.metrics["left"] > 0.93 and test.metrics["right"] > 0.93
    started = next(each for each in events if isinstance(each, Started))
    last = next(e for e in reversed(events) if isinstance(e, Evaluated) and e.split != "test")
    told = TASKS["siamese"].view_data(last, started)
    pairs, distances = told["pairs"], told["distances"]
    assert len(pairs["left"]) == len(pairs["right"]) == len(pairs["same"]) == 64
    assert sum(distances["same"]) + sum(distances["different"]) == last.images
    assert distances["edges"][0] == 0 and len(distances["edges"]) == len(distances["same"]) + 1
    right = np.mean([a[0] == a[1] for a in pairs["left"]])
    assert right > 0.8 or loss is not None


def test_class_numbers_and_one_hot_targets_give_the_same_numbers() -> None:
    texts = (
        "categorical_crossentropy(y_left, p_left) + categorical_crossentropy(y_right, p_right)",
        "sparse_categorical_crossentropy(labels_left, p_left)"
        " + sparse_categorical_crossentropy(labels_right, p_right)",
    )
    found = []
    for text in texts:
        spec = RunSpec(task="siamese", dataset="digits", epochs=1, loss=text)
        found.append([e.metrics["loss"] for e in train(spec) if isinstance(e, Evaluated)])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)


def test_a_name_of_another_task_is_refused_where_it_stands() -> None:
    with pytest.raises(Exception, match="centers"):
        list(train(RunSpec(task="siamese", dataset="digits", loss="mean(centers) + p_same")))
    with pytest.raises(SpecError, match=r"same_share: expected 0\.05 to 0\.95"):
        RunSpec.parse({"task": "siamese", "same_share": 2})


def test_verification_by_hand() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.55, 0.4, 0.3, 0.1])
    same = np.array([1, 1, 0, 1, 1, 0, 0, 0])
    false, true, thresholds = verification.roc(scores, same)
    # One of the different pairs stands third: the chance that a same pair scores higher is 14/16.
    assert verification.area(false, true) == pytest.approx(14 / 16)
    assert thresholds[0] == np.inf and false[-1] == true[-1] == 1
    # Between (0.25, 0.5) and (0.25, 0.75) the rate of misses falls to 0.25.
    assert verification.equal_error(false, true) == pytest.approx(0.25)
    threshold = verification.best_threshold(scores, same)
    assert 0.4 < threshold < 0.55
    assert np.mean((scores >= threshold) == same) == 7 / 8


def test_verification_agrees_with_scikit_learn() -> None:
    from sklearn import metrics

    draw = np.random.default_rng(0)
    same = draw.integers(0, 2, 500)
    scores = np.round(draw.normal(same, 1.0), 1)  # with ties
    false, true, _ = verification.roc(scores, same)
    theirs = metrics.roc_curve(same, scores, drop_intermediate=False)
    np.testing.assert_allclose(false, theirs[0])
    np.testing.assert_allclose(true, theirs[1])
    assert verification.area(false, true) == pytest.approx(metrics.roc_auc_score(same, scores))
