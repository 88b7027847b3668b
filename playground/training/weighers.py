"""Weights of a loss' terms that set themselves while it trains. A file of its own that needs
`losses`, Keras and TensorFlow alone, because it goes with an exported script.

A weigher stands between the terms of a written loss and the optimiser: the terms keep the factors
that the text gives them, and each is multiplied by a weight that is learned or worked out. The
curve of the loss stays that of the text, so that it can be held against the validation loss.

- `Uncertainty`: Kendall, Gal & Cipolla 2018, arXiv:1705.07115, equation 10
- `GradientNorms`: Chen et al. 2018, GradNorm, arXiv:1711.02257, algorithm 1
- `Averages`: Liu, Johns & Davison 2019, dynamic weight averaging, arXiv:1803.10704, equation 7
- `Surgery`: Yu et al. 2020, PCGrad, arXiv:2001.06782, algorithm 1
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from losses.language.review import prediction_nodes

ALPHA = 1.5  # of GradNorm: how strongly a term that has learned less is pulled
RATE = 0.025  # of GradNorm's weights
LEAST = 1e-3  # the smallest weight that GradNorm gives
TEMPERATURE = 2.0  # of dynamic weight averaging: the softer, the nearer to 1 all weights


def moved_terms(loss: Any) -> list[bool]:
    """Of each term of a loss whether it is weighed: that it is added and a prediction moves it.
    Empty for a loss that is not written, or of one term."""
    program = getattr(loss, "program", None)
    if program is None:
        return []
    moved = prediction_nodes(program.order)
    return [part.sign > 0 and id(part.node) in moved for part in loss.terms]


class Taped(NamedTuple):
    """A step as its tape has it: the terms of the loss, what is minimised, the step's number."""

    tape: tf.GradientTape
    terms: Sequence[Any]
    total: Any
    step: Any

    def by(self, value: Any, sources: Sequence[Any]) -> list[Any]:
        """The gradient of a value by each of the sources; zeros where it does not depend on it."""
        zero = tf.UnconnectedGradients.ZERO
        found: list[Any] = self.tape.gradient(value, list(sources), unconnected_gradients=zero)
        return found


class Weigher:
    """The weights of n terms, 1 to begin with; `learned` are variables that the run's optimiser
    trains with the network."""

    def __init__(self, weighed: Sequence[bool], seed: int) -> None:
        self.weighed = np.array(weighed)
        self.seed = seed
        self.learned: list[keras.Variable] = []
        self._states: list[tf.Variable] = []
        self._weights = self._state(np.ones(len(weighed)))

    def _state(self, value: Any) -> tf.Variable:
        found = tf.Variable(np.asarray(value, np.float32), trainable=False)
        self._states.append(found)
        return found

    @property
    def variables(self) -> list[Any]:
        """All that it has learned and worked out, in one order."""
        return [*self.learned, *self._states]

    def _only(self, values: Any) -> Any:
        """The values of the terms that are weighed; 1 for the others."""
        return tf.where(self.weighed, values, tf.ones_like(values))

    def now(self) -> Any:
        """The weight of each term, (n,)."""
        return self._only(tf.convert_to_tensor(self._weights))

    # Traced: within the tape, after it, and after a step that counts

    def total(self, terms: Any) -> Any:
        """What is minimised, of the terms (n,)."""
        return tf.reduce_sum(tf.stop_gradient(self.now()) * terms)

    def gradients(self, taped: "Taped", sources: Sequence[Any]) -> list[Any]:
        """The gradients that the optimiser is given, of each of the sources."""
        return taped.by(taped.total, sources)

    def norms(self, taped: "Taped", kernel: Any) -> Any:
        """The norms of the terms' gradients at the trunk's last kernel, if `moved` needs them."""
        return ()

    def moved(self, terms: Any, norms: Any, epoch_ends: Any) -> None:
        """After a step that counts."""


class Uncertainty(Weigher):
    """Each term divided by the variance of its task, which is learned: the sum over the terms of
    exp(-s) L + s / 2 where s is the logarithm of the variance."""

    def __init__(self, weighed: Sequence[bool], seed: int) -> None:
        super().__init__(weighed, seed)
        self.learned = [keras.Variable(np.zeros(len(weighed), np.float32), name="log_variances")]

    def now(self) -> Any:
        return self._only(tf.exp(-self.learned[0].value))

    def total(self, terms: Any) -> Any:
        spread = tf.where(self.weighed, self.learned[0].value / 2, 0.0)
        return tf.reduce_sum(self.now() * terms + spread)


class GradientNorms(Weigher):
    """The weights by which the terms' gradients at the trunk's last kernel are as long as how much
    each has still to learn says; in sum as many as there are."""

    def __init__(self, weighed: Sequence[bool], seed: int) -> None:
        super().__init__(weighed, seed)
        self._first = self._state(np.zeros(len(weighed)))

    def norms(self, taped: "Taped", kernel: Any) -> Any:
        return tf.stack([tf.norm(*taped.by(each, [kernel])) for each in taped.terms])

    def moved(self, terms: Any, norms: Any, epoch_ends: Any) -> None:
        first = self._first.assign(tf.where(self._first == 0, terms, self._first))
        self._weights.assign(balanced(self._weights, norms, terms, first, self.weighed))


def balanced(weights: Any, norms: Any, terms: Any, first: Any, weighed: np.ndarray) -> Any:
    """GradNorm's next weights (n,): of the weights, the norms of the unweighted terms' gradients,
    the terms now and at first. A term without a gradient keeps its weight before they are scaled to
    their number in sum."""
    count = float(weighed.sum())
    there = tf.cast(weighed & (norms > 0), tf.float32)
    some = tf.maximum(tf.reduce_sum(there), 1.0)
    left = tf.math.divide_no_nan(terms, first)
    rate = tf.math.divide_no_nan(left, tf.reduce_sum(there * left) / some)
    mean = tf.reduce_sum(there * weights * norms) / some
    wanted = mean * tf.pow(tf.maximum(rate, 0.0), ALPHA)
    slope = tf.sign(weights * norms - wanted) * norms * there
    moved = tf.where(weighed, tf.maximum(weights - RATE * slope, LEAST), 0.0)
    return moved * count / tf.reduce_sum(moved)


class Averages(Weigher):
    """The weights by how slowly each term fell from the epoch before last to the last; 1 in the
    first two epochs."""

    def __init__(self, weighed: Sequence[bool], seed: int) -> None:
        super().__init__(weighed, seed)
        count = len(weighed)
        self._sums, self._before = (self._state(np.zeros(count)) for _ in range(2))
        self._steps, self._epochs = self._state(0.0), self._state(0.0)

    def moved(self, terms: Any, norms: Any, epoch_ends: Any) -> None:
        sums, steps = self._sums.assign_add(terms), self._steps.assign_add(1.0)

        def turn() -> Any:
            mean = sums / steps
            known = self._epochs.assign_add(1.0) > 1
            found = averaged(mean, self._before, self.weighed)
            self._weights.assign(tf.where(known, found, self._weights))
            self._before.assign(mean)
            self._sums.assign(tf.zeros_like(sums))
            self._steps.assign(0.0)
            return True

        tf.cond(epoch_ends, turn, lambda: False)


def averaged(last: Any, before: Any, weighed: np.ndarray) -> Any:
    """Dynamic weight averaging's weights (n,), of the terms' means in the last two epochs."""
    fell = tf.math.divide_no_nan(last, before) / TEMPERATURE
    shares = tf.nn.softmax(tf.where(weighed, fell, -np.inf))
    return float(weighed.sum()) * shares


class Surgery(Weigher):
    """Of each term's gradient what goes against another's is taken out, the others in an order that
    is drawn for each step; the weights are what that leaves of the gradient's norm."""

    def gradients(self, taped: "Taped", sources: Sequence[Any]) -> list[Any]:
        each = [taped.by(term, sources) for term in taped.terms]
        flat = tf.stack([tf.concat([tf.reshape(g, [-1]) for g in one], 0) for one in each])
        count = len(self.weighed)
        draw = tf.random.stateless_uniform((count, count), tf.stack([self.seed, taped.step]))
        kept = projected(flat, tf.argsort(draw, axis=1))
        left = tf.math.divide_no_nan(tf.norm(kept, axis=1), tf.norm(flat, axis=1))
        self._weights.assign(left)
        sizes = [int(np.prod(source.shape)) for source in sources]
        parts = tf.split(tf.reduce_sum(kept, axis=0), sizes)
        # The penalty on the weights' size is no term: its gradient is added as it is.
        whole = taped.by(taped.total, sources)
        plain = tf.split(tf.reduce_sum(flat, axis=0), sizes)
        return [
            tf.reshape(part - sum_, source.shape) + every
            for part, sum_, source, every in zip(parts, plain, sources, whole, strict=True)
        ]

    def total(self, terms: Any) -> Any:
        return tf.reduce_sum(terms)


def projected(gradients: Any, orders: Any) -> Any:
    """PCGrad's gradients (n, P) of the terms' (n, P): each, for the others in its row of `orders`
    (n, n), without what goes against that one's own gradient."""
    squares = tf.reduce_sum(tf.square(gradients), axis=1)
    found = []
    for place, gradient in enumerate(tf.unstack(gradients)):
        kept = gradient
        for other in tf.unstack(orders[place]):
            theirs = tf.gather(gradients, other)
            dot = tf.tensordot(kept, theirs, 1)
            against = tf.cast((dot < 0) & (other != place), kept.dtype)
            kept -= against * tf.math.divide_no_nan(dot, tf.gather(squares, other)) * theirs
        found.append(kept)
    return tf.stack(found)


KINDS: dict[str, type[Weigher]] = {
    "uncertainty": Uncertainty,
    "gradnorm": GradientNorms,
    "averaging": Averages,
    "surgery": Surgery,
}
