"""What each term of a composite loss does while it trains: its value, its pull, and its conflicts.

Measured at evaluations on a fixed sample of training images, dropout off; a loss of one term is
not measured. Two terms conflict where descending one ascends the other: the cosine between their
gradients at the features is negative (Yu et al. 2020, Gradient surgery, arXiv:2001.06782).
"""

from typing import Any

import numpy as np
import tensorflow as tf

from losses.gradient import gradient_of
from playground.training import objective

SAMPLE = 64  # images: more would cost more than a twentieth of a small run
MOST = 4  # terms that are watched: the first


def watched(loss: Any) -> list[str]:
    """The texts of the terms of a loss that are watched; none of one that has a single term."""
    terms = [
        f"− {term.text}" if term.sign < 0 else term.text for term in getattr(loss, "terms", ())
    ]
    return terms[:MOST] if len(terms) > 1 else []


class TermProbe:
    """The terms of a graph's loss, whatever that is by now, on images (N, H, W, C) uint8 with
    labels (N,)."""

    def __init__(self, graph: Any, images: np.ndarray, labels: np.ndarray) -> None:
        self._graph = graph
        self._images = tf.constant(images)
        self._labels = tf.constant(labels.astype(np.int32))
        self._loss: Any = None
        self._traced: Any = None

    def measure(self, step: int) -> dict[str, float]:
        """By name: `term1` the value, `term1_features` and `term1_logits` the norms of its
        gradient there (of the batch mean), and `cosine12` between two terms' gradients at the
        features, 0 where one has none. Empty for a loss of one term."""
        loss = self._graph.loss
        if not watched(loss):
            return {}
        if loss is not self._loss:
            self._loss = loss
            self._traced = tf.function(self._measured, autograph=False)
        values, at_features, at_logits, cosines = (
            each.numpy() for each in self._traced(tf.constant(step))
        )
        count = len(values)
        found = {f"term{i + 1}": float(values[i]) for i in range(count)}
        found |= {f"term{i + 1}_features": float(at_features[i]) for i in range(count)}
        found |= {f"term{i + 1}_logits": float(at_logits[i]) for i in range(count)}
        found |= {
            f"cosine{i + 1}{j + 1}": float(cosines[i, j])
            for i in range(count)
            for j in range(i + 1, count)
        }
        return found

    def _measured(self, step: Any) -> tuple[Any, Any, Any, Any]:
        graph = self._graph
        features = tf.cast(graph.features_of(tf.cast(self._images, tf.float32)), tf.float32)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(features)
            logits = tf.cast(graph.logits_of(features), tf.float32)
            known = graph.facts(features, logits, self._labels, step)
            terms = objective.trained_terms(graph.loss, known)[:MOST]
        pulls = [_flat(gradient_of(tape, term, features))
                 for term in terms]  # fmt: skip
        pushes = [_flat(gradient_of(tape, term, logits))
                  for term in terms]  # fmt: skip
        at_features, at_logits = (tf.norm(tf.stack(each), axis=-1) for each in (pulls, pushes))
        stacked = tf.stack(pulls)
        dots = tf.matmul(stacked, stacked, transpose_b=True)
        cosines = tf.math.divide_no_nan(dots, at_features[:, None] * at_features[None, :])
        values = tf.stack([tf.cast(term, tf.float32) for term in terms])
        return values, at_features, at_logits, cosines


def _flat(gradient: Any) -> Any:
    return tf.reshape(tf.cast(gradient, tf.float32), [-1])
