"""Class centres, pairs and triplets in runs that really train."""

import numpy as np
import pytest
import tensorflow as tf

import losses
from playground import Control, RunSpec, datasets, models, train
from playground.training import loop, pairs
from playground.training.centers import NAME
from playground.training.events import Changed, Evaluated, Finished, Snapshot
from tests.playground.test_training import digits, kinds, numbers, series

PULLED = "λ = 0.1  # 0..1\ncross_entropy() + λ * center()"


def centers_of(events: list) -> np.ndarray:
    return np.stack([each.arrays[NAME] for each in kinds(events, Snapshot)])


def test_centres_follow_the_papers_rule_from_step_to_step() -> None:
    spec = digits(loss=PULLED, embedding=2, linear_embedding=True, center_rate=0.3)
    training = loop.prepare(spec)
    first = np.array(training.work.centers.values.numpy())
    batch = training.shuffled(0)[:1]
    images = training.work.split.train_images[batch[0]].astype("float32")
    labels = training.work.split.train_labels[batch[0]]
    rates = np.full(1, 1e-3, np.float32)
    _, _, _, outputs = training.graph.train(batch, rates, 1)
    features = outputs["features"]
    expected = losses.moved_centers(first, features, labels, np.float32(0.3))
    np.testing.assert_allclose(training.work.centers.values.numpy(), expected, atol=1e-5)
    assert features.shape == (len(images), 2)


def test_a_run_keeps_its_centres_and_repeats_them_bit_for_bit(monkeypatch) -> None:
    spec = digits(loss=PULLED, embedding=3)
    first = list(train(spec))
    monkeypatch.setattr(loop, "INTERVAL", 0.0)
    assert numbers(first) == numbers(list(train(spec)))
    found = centers_of(first)
    assert found.shape[1:] == (10, 3) and np.abs(found[-1] - found[0]).max() > 0.1
    still = centers_of(list(train(digits(loss=PULLED, embedding=3, center_rate=0.0))))
    np.testing.assert_array_equal(still[-1], still[0])
    # Who has no centres pays nothing for them: not even an array.
    plain = kinds(list(train(digits(epochs=1))), Snapshot)
    assert NAME not in plain[0].arrays


def test_the_rate_of_the_centres_moves_mid_run() -> None:
    control, events = Control(), []
    for event in train(digits(loss=PULLED, embedding=2, epochs=4), control):
        events.append(event)
        if isinstance(event, Evaluated) and event.step == 10:
            control.send("change", "rate", "center_rate", 0.0)
    marks = [(each.name, each.value) for each in kinds(events, Changed)]
    assert ("center_rate", 0.0) in marks
    at = next(each.step for each in kinds(events, Changed) if each.name == "center_rate")
    later = [each.arrays[NAME] for each in kinds(events, Snapshot) if each.step > at]
    assert len(later) > 2
    np.testing.assert_array_equal(later[0], later[-1])


@pytest.mark.parametrize(
    "loss", ["contrastive", "triplet", "triplet_batch_hard", "supcon", "arcface", "cosface"]
)
def test_losses_of_the_embedding_draw_classes_together(loss: str) -> None:
    events = list(train(digits(loss=loss, embedding=8, linear_embedding=True, epochs=4, width=8)))
    assert isinstance(events[-1], Finished)
    measured = [each.metrics for each in kinds(events, Evaluated)]
    assert measured[-1]["embedding_recall_1"] > measured[0]["embedding_recall_1"] + 0.1
    assert measured[-1]["embedding_silhouette"] > measured[0]["embedding_silhouette"] + 0.1
    values = series(events, "loss")
    assert values[-5:].mean() < values[:5].mean()


def test_pairs_within_a_batch() -> None:
    labels = np.array([3, 1, 3, 3, 2, 1, 1, 0])
    same = np.asarray(pairs.positives(tf.constant(labels)))
    np.testing.assert_array_equal(labels[same], labels)
    assert sorted(same) == list(range(8))  # each is one's partner
    assert (same != np.arange(8))[labels != 0][labels[labels != 0] != 2].all()
    other = np.asarray(pairs.negatives(tf.constant(labels)))
    assert (labels[other] != labels).all()
    runs = np.repeat([0, 1], 40)  # no other class near
    assert (runs[np.asarray(pairs.negatives(tf.constant(runs)))] != runs).all()
    both = np.asarray(pairs.partners(tf.constant(labels)))
    np.testing.assert_array_equal(labels[both] == labels, np.arange(8) % 2 == 0)


def test_networks_of_the_paper() -> None:
    lenet = RunSpec(
        model="lenet", width=32, depth=3, activation="prelu", embedding=2, logits_bias=False
    )
    small = RunSpec(**{**lenet.model_dump(), "width": 4})
    model = models.build(small)
    assert model.count_params() == models.parameter_count(small)
    assert model.get_layer("logits").bias is None
    assert float(np.asarray(model.get_layer("features").output.shape[-1])) == 2
    # Wen et al. 2016, table 1: (5, 32) x 2, (5, 64) x 2, (5, 128) x 2, FC 2.
    filters = [layer.shape[-1] for layer in models.plan(lenet) if layer.kind == "Conv2D"]
    assert filters == [32, 32, 64, 64, 128, 128]
    assert models.plan(lenet).receptive_field("block1_convb") == (9, 1, -4)
    linear = models.build(digits(linear_embedding=True))
    images = datasets.load("digits").test_images[:64].astype("float32")
    seen = np.asarray(_features(linear)(images))
    assert seen.min() < 0
    assert np.asarray(_features(models.build(digits()))(images)).min() >= 0


def _features(model):
    import keras

    return keras.Model(model.input, model.get_layer("features").output)
