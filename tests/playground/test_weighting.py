"""Weights that set themselves: each against its formula, by hand in float64, and in training."""

import numpy as np
import pytest
import tensorflow as tf

from playground import RunSpec, train
from playground.errors import SpecError
from playground.training import weighers
from playground.training.events import Evaluated, Failed, Finished

ALL = np.array([True, True, True])


def test_uncertainty_is_equation_10_of_kendall_and_its_slope() -> None:
    made = weighers.Uncertainty([True, True, False], 0)
    spread = np.array([0.4, -0.7, 0.3])
    made.learned[0].assign(spread)
    terms = tf.constant([1.5, 0.2, 3.0])
    with tf.GradientTape() as tape:
        total = made.total(terms)
    sigma = np.exp(spread / 2)
    by_hand = 1.5 / sigma[0] ** 2 + np.log(sigma[0]) + 0.2 / sigma[1] ** 2 + np.log(sigma[1]) + 3
    assert float(total) == pytest.approx(by_hand, rel=1e-6)
    slope = tape.gradient(total, made.learned[0].value).numpy()
    wanted = [-1.5 * np.exp(-0.4) + 0.5, -0.2 * np.exp(0.7) + 0.5, 0]
    np.testing.assert_allclose(slope, wanted, rtol=1e-5, atol=1e-7)


def test_gradnorm_is_algorithm_1_of_chen() -> None:
    weights, norms = np.array([1.2, 0.9, 0.9]), np.array([2.0, 0.5, 1.0])
    terms, first = np.array([0.5, 0.9, 0.2]), np.array([2.3, 2.3, 0.7])
    rate = terms / first
    target = np.mean(weights * norms) * (rate / rate.mean()) ** weighers.ALPHA
    # |w g - target| with the target held: its slope by w, as a difference quotient.
    step = 1e-7
    up = [abs((w + step) * g - t) for w, g, t in zip(weights, norms, target, strict=True)]
    down = [abs((w - step) * g - t) for w, g, t in zip(weights, norms, target, strict=True)]
    moved = weights - weighers.RATE * (np.array(up) - np.array(down)) / (2 * step)
    found = weighers.balanced(
        *(tf.constant(e) for e in map(np.float32, (weights, norms, terms))),
        tf.constant(np.float32(first)),
        ALL,
    ).numpy()
    np.testing.assert_allclose(found, 3 * moved / moved.sum(), rtol=1e-4)
    # A term of weight 0 has no gradient and does not count.
    found = weighers.balanced(
        tf.ones(3),
        tf.constant([1.0, 1.0, 0.0]),
        tf.constant([1.0, 1.0, 0.0]),
        tf.constant([1.0, 1.0, 0.0]),
        ALL,
    ).numpy()
    np.testing.assert_allclose(found, 1)


def test_averages_are_equation_7_of_liu() -> None:
    made = weighers.Averages([True, True, True], 0)
    epochs = np.array([[[2.0, 1.0, 0.7], [1.0, 1.0, 0.5]], [[0.5, 0.9, 0.4], [0.5, 0.7, 0.4]]])
    for steps in epochs:
        np.testing.assert_allclose(made.now(), 1)
        for place, terms in enumerate(steps):
            made.moved(tf.constant(terms, tf.float32), (), tf.constant(place == 1))
    ratio = epochs[1].mean(axis=0) / epochs[0].mean(axis=0)
    by_hand = 3 * np.exp(ratio / 2) / np.exp(ratio / 2).sum()
    np.testing.assert_allclose(made.now(), by_hand, rtol=1e-6)


def test_surgery_is_algorithm_1_of_yu() -> None:
    gradients = np.array([[1.0, 0.0, 2.0], [-2.0, 1.0, 0.5], [0.0, -3.0, -1.0]])
    orders = np.array([[2, 1, 0], [0, 2, 1], [1, 0, 2]])
    by_hand = []
    for i, order in enumerate(orders):
        kept = gradients[i].copy()
        for j in order:
            if j != i and kept @ gradients[j] < 0:
                kept -= kept @ gradients[j] / (gradients[j] @ gradients[j]) * gradients[j]
        by_hand.append(kept)
    found = weighers.projected(tf.constant(gradients), tf.constant(orders)).numpy()
    np.testing.assert_allclose(found, by_hand, rtol=1e-12)
    assert np.any(by_hand != gradients)
    # What does not conflict stays as it is.
    agreeing = np.abs(gradients)
    found = weighers.projected(tf.constant(agreeing), tf.constant(orders)).numpy()
    np.testing.assert_array_equal(found, agreeing)


@pytest.mark.parametrize("name", list(weighers.KINDS))
def test_it_trains_and_its_weights_are_told(name: str) -> None:
    spec = RunSpec(task="siamese", dataset="digits", epochs=4, weighting=name)
    events = list(train(spec))
    assert isinstance(events[-1], Finished) and not [e for e in events if isinstance(e, Failed)]
    found = [e.metrics for e in events if isinstance(e, Evaluated) and e.split == "validation"]
    told = np.array([[each[f"term{i}_weight"] for i in (1, 2, 3)] for each in found])
    shares = np.array([[each[f"term{i}_share"] for i in (1, 2, 3)] for each in found])
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    assert np.isfinite(told).all() and np.ptp(told, axis=0).max() > 0.001
    if name in ("gradnorm", "averaging"):
        np.testing.assert_allclose(told.sum(axis=1), 3, rtol=1e-4)
    if name == "surgery":
        assert told.min() >= 0 and told.max() <= 1 + 1e-5
    assert found[-1]["left"] > 0.6 and found[-1]["loss"] < found[0]["loss"]
    assert "term1_logits" not in found[-1]


def test_one_term_has_nothing_to_weigh() -> None:
    spec = RunSpec(
        task="siamese",
        dataset="digits",
        weighting="gradnorm",
        loss="binary_cross_entropy(same, p_same)",
    )
    with pytest.raises(SpecError, match="two added terms or more"):
        list(train(spec))
