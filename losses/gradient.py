"""Gradients as plain tensors, whatever a loss does with what they are taken by."""

from typing import Any

import tensorflow as tf


def gradient_of(tape: tf.GradientTape, of: Any, by: Any) -> Any:
    """The gradient of `of` by each tensor in the structure `by`, in its shape and structure: zeros
    where nothing depends on it, and dense, though TensorFlow gives that of a gather in pieces."""
    found = tape.gradient(of, by, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return tf.nest.map_structure(tf.convert_to_tensor, found)
