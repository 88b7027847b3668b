"""ArcFace beyond theta = pi - m, where cos(theta + m) rises again: 16% of all angles at m = 0.5."""

import numpy as np
import pytest
import tensorflow as tf

import losses

ANGLES = np.linspace(0.02, np.pi - 0.02, 200)
M, S = 0.5, 30.0


def both() -> list:
    info = next(i for i in losses.catalog() if i.name == "arcface")
    return [losses.get("arcface"), losses.compile_loss(info.text, probe=False)]


def slopes(loss) -> tuple[np.ndarray, np.ndarray]:
    """Values of features on a circle, and how they change with the angle to their own class; the
    other class stands at a right angle to all of them."""
    theta = tf.constant(ANGLES, tf.float32)
    kernel = tf.constant([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    with tf.GradientTape() as tape:
        tape.watch(theta)
        features = 3 * tf.stack([tf.cos(theta), tf.sin(theta), 0 * theta], axis=-1)
        y = tf.tile([[1.0, 0.0]], [len(ANGLES), 1])
        values = loss.values({"features": features, "last_kernel": kernel, "y_true": y})
        total = tf.reduce_sum(values)
    return values.numpy(), tape.gradient(total, theta).numpy()


@pytest.mark.parametrize("loss", both(), ids=["named", "text"])
def test_no_angle_is_pushed_away_from_its_class(loss):
    values, slope = slopes(loss)
    assert (slope >= 0).all() and (slope[100:] > 0).all()
    assert (np.diff(values) >= 0).all()


@pytest.mark.parametrize("loss", both(), ids=["named", "text"])
def test_the_values_are_those_of_the_published_code(loss):
    values, _ = slopes(loss)
    inside = np.less(ANGLES, np.pi - M)
    logit = np.where(inside, np.cos(ANGLES + M), np.cos(ANGLES) - M * np.sin(M))
    np.testing.assert_allclose(values, np.logaddexp(0, -S * logit), rtol=1e-4, atol=1e-4)
    assert inside.mean() == pytest.approx(0.84, abs=0.01)
