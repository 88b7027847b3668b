"""What each term of a composite loss does while it trains: value, gradient norm, conflicts.

Measured at evaluations on a fixed sample of training images, dropout off; a loss of one term is
not measured. Two terms conflict where descending one ascends the other: the cosine between their
gradients at the features is negative (Yu et al. 2020, Gradient surgery, arXiv:2001.06782).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from losses.gradient import gradient_of
from losses.language.review import prediction_nodes

SAMPLE = 64  # images: more would cost more than a twentieth of a small run
MOST = 5  # terms that are watched: the first


def watched(loss: Any) -> list[str]:
    """The texts of the terms of a loss that are watched; none of one that has a single term."""
    found = [loss.terms[place] for place in _places(loss)]
    return [f"− {term.text}" if term.sign < 0 else term.text for term in found]


def _places(loss: Any) -> list[int]:
    """Which summands of a loss are its watched terms: not those that no prediction moves, such as
    a constant."""
    program = getattr(loss, "program", None)
    if program is None:
        return []
    moved = prediction_nodes(program.order)
    found = [place for place, part in enumerate(loss.terms) if id(part.node) in moved]
    return found[:MOST] if len(found) > 1 else []


class TermGradients:
    """The terms of a graph's loss, whatever that is by now, on some rows; of a work that has a
    trunk."""

    def __init__(self, graph: Any, rows: Mapping[str, np.ndarray]) -> None:
        self._graph = graph
        self._work = work = graph.work
        self._rows = {
            name: tf.constant(each.astype(np.int32) if each.dtype == np.int64 else each)
            for name, each in rows.items()
        }
        self._loss: Any = None
        self._traced: Any = None
        if work.trunk:
            names = dict.fromkeys((*work.trunk, *work.outputs))
            self._network = work.built.giving(list(names), named=True)

    def measure(self, step: int) -> dict[str, float]:
        """By name: `term1` the value, `term1_features` and `term1_logits` the norms of its
        gradient there (of the batch mean), and `cosine12` between two terms' gradients at the
        features (the work's trunk, or the kernel of its `shared` layer), 0 where one has none. Of a
        work whose heads have logits of their own, instead of `term1_logits`, `term1_share`, its
        part of what is minimised, and where weights set themselves `term1_weight`. Empty for a loss
        of one term."""
        loss = self._graph.loss
        if not self._work.trunk or not watched(loss):
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
        if self._work.shared:
            found |= self._shares(values)
        else:
            found |= {f"term{i + 1}_logits": float(at_logits[i]) for i in range(count)}
        found |= {
            f"cosine{i + 1}{j + 1}": float(cosines[i, j])
            for i in range(count)
            for j in range(i + 1, count)
        }
        return found

    def _shares(self, values: np.ndarray) -> dict[str, float]:
        weigher, places = self._work.weigher, _places(self._graph.loss)
        weights = np.ones(len(values)) if weigher is None else weigher.now().numpy()[places]
        parts = np.abs(weights * values)
        shares = parts / max(float(parts.sum()), 1e-12)
        found = {f"term{i + 1}_share": float(share) for i, share in enumerate(shares)}
        if weigher is not None:
            found |= {f"term{i + 1}_weight": float(weight) for i, weight in enumerate(weights)}
        return found

    def _measured(self, step: Any) -> tuple[Any, Any, Any, Any]:
        work = self._work
        batch = work.batch(self._rows, None)
        inputs = batch.inputs if len(batch.inputs) > 1 else next(iter(batch.inputs.values()))
        with tf.GradientTape(persistent=True) as tape:
            raw = self._network(inputs, training=False)
            outputs = {name: tf.cast(each, tf.float32) for name, each in raw.items()}
            known = self._graph.provided(outputs, batch.parts[0][1], step)
            every = work.trained_terms(self._graph.loss, known)
            terms = [every[place] for place in _places(self._graph.loss)]
        # At the tensors themselves, which what comes after them was made of, and not at copies.
        features = (
            [work.built.model.get_layer(work.shared).kernel.value]
            if work.shared
            else [raw[name] for name in work.trunk]
        )
        logits = next(each for name, each in raw.items() if name not in work.trunk)
        feature_gradients = [_flat(*gradient_of(tape, term, features)) for term in terms]
        logit_gradients = [_flat(gradient_of(tape, term, logits)) for term in terms]
        at_features, at_logits = (
            tf.norm(tf.stack(each), axis=-1) for each in (feature_gradients, logit_gradients)
        )
        stacked = tf.stack(feature_gradients)
        dots = tf.matmul(stacked, stacked, transpose_b=True)
        cosines = tf.math.divide_no_nan(dots, at_features[:, None] * at_features[None, :])
        values = tf.stack([tf.cast(term, tf.float32) for term in terms])
        return values, at_features, at_logits, cosines


def _flat(*gradients: Any) -> Any:
    return tf.concat([tf.reshape(tf.cast(each, tf.float32), [-1]) for each in gradients], axis=0)
