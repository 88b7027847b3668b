"""What a training step hands to a loss: enough to take every logarithm from the logits."""

import numpy as np
import pytest
import tensorflow as tf

import losses
from playground.training import objective

FOCAL = "gamma = 2.0\n-(1 - p_true)**gamma * log(p_true)"


@pytest.mark.parametrize("text", ["-log(p_true)", "-log(p_true) + 0 * p_true", FOCAL, "focal()"])
def test_a_sure_mistake_is_taught_whatever_the_loss_names(text: str) -> None:
    """A gap of 60 logits: p_true is 0 in float32, and the slope by its logit -1 all the same."""
    loss = losses.compile_loss(text, probe=False)
    logits = tf.constant(60 * np.eye(4, 10, 1), tf.float32)
    labels = tf.zeros(4, tf.int32)

    @tf.function
    def slope() -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(logits)
            numbers = map(tf.constant, (3, 0.5, 0.1))
            provided = objective.provided(
                tf.zeros((4, 2)), logits, labels, tf.zeros((2, 10)), *numbers, None
            )
            value = loss.on(objective.tensors(loss, provided))
        return tape.gradient(value, logits)

    np.testing.assert_allclose(slope()[0, 0], -1 / 4, rtol=1e-5)
