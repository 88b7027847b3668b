"""The moving class centres of a run whose loss or metrics ask for them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

import losses
from playground.streams import stream

NAME = "centers/centers"  # what a snapshot keeps them under


class Centers:
    """One centre a class, (C, D), that the paper's rule moves after each step and no gradient
    touches. `rate` is the rule's alpha, 0 to 1, and may be set between steps."""

    def __init__(self, classes: int, width: int, rate: float, seed: int) -> None:
        # As the paper's own Caffe layer begins: small and random (Glorot & Bengio 2010).
        draw = stream(seed, "class centres")
        limit = np.sqrt(6 / (classes + width))
        first = draw.uniform(-limit, limit, (classes, width)).astype(np.float32)
        self.values = tf.Variable(first, trainable=False, name="centers")
        self.rate = tf.Variable(rate, trainable=False, dtype=tf.float32, name="center_rate")

    def move(self, features: Any, labels: Any) -> None:
        """Moves them as a batch of features (B, D) with labels (B,) asks (`losses.center_rule`)."""
        self.values.assign(losses.moved_centers(self.values, features, labels, self.rate))

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Takes those of a snapshot."""
        self.values.assign(arrays[NAME])

    def as_arrays(self) -> dict[str, np.ndarray]:
        """A copy, by the name that a snapshot keeps them under."""
        return {NAME: np.array(self.values.numpy())}
