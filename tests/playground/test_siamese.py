"""Multi-task: pairs, heads and verification."""

import numpy as np
import pytest
import tensorflow as tf

import losses
from playground import RunSpec, datasets, train, trainable
from playground.cautions import cautions
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
    ("loss", "own"),
    [
        ("contrastive(same, distance)", {"distance": "euclidean"}),
        ("contrastive()", {"distance": "euclidean"}),
        ("cosine_embedding()", {"distance": "cosine"}),
        ("triplet(margin=0.5)", {"distance": "cosine"}),
        ("binary_cross_entropy(same, p_same)", {"distance": "squared"}),
        ("binary_cross_entropy(same, p_same)", {"same_head": "sigmoid"}),
    ],
)
def test_every_loss_of_pairs_verifies_above_chance_by_itself(loss: str, own: dict) -> None:
    """Of the third head, or on the distance; 144 validation pairs: chance is within 0.63."""
    fields = {"dataset": "digits", "epochs": 4, "same_head": "none", **own}
    spec = RunSpec(task="siamese", loss=loss, **fields)
    assert not cautions(spec)
    events = list(train(spec))
    assert isinstance(events[-1], Finished), events[-1]
    test = next(e for e in reversed(events) if isinstance(e, Evaluated) and e.split == "test")
    assert test.metrics["verification"] > 0.68 and test.metrics["equal_error"] < 0.35


def test_a_head_that_its_loss_does_not_reach_is_told_before_it_trains() -> None:
    for text in ("contrastive(same, distance)", "triplet()", "cross_entropy(y_left, p_left) +"
                 " 0.1 * cosine_embedding()"):  # fmt: skip
        (found,) = cautions(RunSpec(task="siamese", loss=text))
        assert "same head" in found.message and found.change == {"same_head": "none"}
        assert not cautions(RunSpec(task="siamese", loss=text, **found.change))
    assert not cautions(RunSpec(task="siamese"))
    assert not cautions(RunSpec(task="siamese", loss="contrastive(same, p_same)"))


def test_triplets_take_a_partner_of_their_class_and_a_negative_of_another() -> None:
    spec = RunSpec(task="siamese", dataset="digits", loss="triplet()")
    work = SiameseWork(spec, datasets.load("digits"))
    left = tf.constant([0, 0, 1, 1, 2, 2])
    right = tf.constant([0, 1, 1, 2, 2, 0])
    known = {
        "features": tf.one_hot(tf.range(6), 6),
        "partner_features": -tf.one_hot(tf.range(6), 6),
        "labels_left": left,
        "same": tf.cast(left == right, tf.float32),
    }
    found = work.tensors(work.loss, known)
    negative = left.numpy()[found["negative_features"].numpy().argmax(axis=1)]
    assert (negative != left.numpy()).all()
    partner = found["partner_features"].numpy()
    np.testing.assert_array_equal(partner[::2], known["partner_features"].numpy()[::2])
    taken = left.numpy()[partner[1::2].argmax(axis=1)]
    np.testing.assert_array_equal(taken, left.numpy()[1::2])


@pytest.mark.parametrize(
    "loss",
    [
        None,
        "sparse_categorical_crossentropy(labels_left, p_left) + binary_cross_entropy(same, p_same)",
    ],
)
def test_it_learns(loss: str | None) -> None:
    own = {} if loss is None else {"loss": loss}
    spec = RunSpec(task="siamese", dataset="digits", epochs=12, **own)
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


@pytest.mark.parametrize(
    ("text", "said", "mended"),
    [
        (
            "sparse_categorical_crossentropy(y_left, p_left)",
            "the sparse form needs class numbers",
            "sparse_categorical_crossentropy(labels_left, p_left)",
        ),
        (
            "categorical_crossentropy(labels_right, p_right)",
            "needs one-hot targets, and labels_right holds class numbers",
            "categorical_crossentropy(y_right, p_right)",
        ),
    ],
)
def test_which_target_the_sparse_and_the_categorical_form_need_is_said_and_mended(
    text: str, said: str, mended: str
) -> None:
    inputs = trainable.offered("siamese")
    with pytest.raises(losses.LossError, match=said) as refused:
        losses.compile_loss(text, inputs=inputs)
    assert refused.value.fix == mended
    assert losses.compile_loss(mended, inputs=inputs)
