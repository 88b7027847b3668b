"""How much each weight matters to what was learned in earlier phases, and how far the weights have
drifted from there: the quadratic penalty of EWC and SI. TensorFlow alone, so that an exported
script can have it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

DAMPING = 0.1  # xi of SI, which keeps a weight that has hardly moved from mattering without bound
KINDS = ("equal", "fisher", "path")


def squared_slopes(
    scores: Callable[[Any], Any], weights: Sequence[Any], images: np.ndarray, seed: int
) -> list[np.ndarray]:
    """The diagonal of the Fisher information of weights: the mean over images (n, ...) of the
    squared slope of log p(y | image) by each, y drawn by the network's own `scores` (n, C) of its
    softmax (Kirkpatrick et al., PNAS 2017; Martens 2014, section 5: not the labels')."""
    sums = [tf.Variable(tf.zeros(each.shape), trainable=False) for each in weights]

    def add(image: Any, answer: Any) -> None:
        with tf.GradientTape() as tape:
            chance = tf.nn.log_softmax(scores(image[None]))[0, answer]
        slopes = tape.gradient(
            chance, list(weights), unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        for total, slope in zip(sums, slopes, strict=True):
            total.assign_add(tf.square(slope))

    traced = tf.function(add, autograph=False)
    images = np.asarray(images, np.float32)
    chances = tf.nn.softmax(tf.cast(scores(tf.constant(images)), tf.float64)).numpy()
    draw = np.random.default_rng(seed).random(len(images))
    answers = (chances.cumsum(axis=1) < draw[:, None]).sum(axis=1)
    for image, answer in zip(images, np.minimum(answers, chances.shape[1] - 1), strict=True):
        traced(tf.constant(image), tf.constant(int(answer), tf.int32))
    return [total.numpy() / len(images) for total in sums]


class Importance:
    """The importance of each of some variables, summed over phases, and where they were at the end
    of the last one. Of `kind` "equal" each is 1 from the second phase on (an L2 penalty towards the
    weights of before), "fisher" the Fisher information of each phase' images (EWC; one penalty
    around the latest weights, as in online EWC with γ = 1: Schwarz et al., ICML 2018), "path" what
    moving it has contributed to the fall of the loss (SI: Zenke et al., ICML 2017)."""

    def __init__(self, kind: str, variables: Sequence[Any]) -> None:
        self.kind = kind
        # TensorFlow's own of those of Keras.
        self._variables = [x if isinstance(x, tf.Variable) else x.value for x in variables]
        self.values = [self._beside(each) for each in self._variables]
        self.anchors = [tf.Variable(each, trainable=False) for each in self._variables]
        followed = self._variables if kind == "path" else []
        self._path = [self._beside(each) for each in followed]

    @staticmethod
    def _beside(variable: Any) -> Any:
        return tf.Variable(tf.zeros(variable.shape), trainable=False)

    def drift(self) -> Any:
        """Σ Ω (θ − θ*)² over all weights θ, a scalar: Ω their importance, θ* what they were at the
        end of the phase before; 0 in the first phase."""
        parts = [
            tf.reduce_sum(value * tf.square(variable - anchor))
            for value, variable, anchor in zip(
                self.values, self._variables, self.anchors, strict=True
            )
        ]
        return tf.add_n(parts)

    @contextmanager
    def stepping(self, gradients: Sequence[Any]) -> Iterator[None]:
        """Around a step, traced: of "path" adds to each weight's path integral what its move has
        taken off the loss that has these slopes by the variables."""
        before = [tf.identity(each) for each, _ in zip(self._variables, self._path, strict=False)]
        yield
        for path, slope, variable, was in zip(
            self._path, gradients, self._variables, before, strict=False
        ):
            path.assign_sub(slope * (variable - was))

    def turn(self, fisher: Callable[[Sequence[Any]], list[np.ndarray]]) -> None:
        """At the end of a phase: adds what its weights matter, and takes them as they are for those
        to stay at. `fisher` gives `squared_slopes` of these variables."""
        if self.kind == "fisher":
            found = fisher(self._variables)
            for value, more in zip(self.values, found, strict=True):
                value.assign_add(more)
        for value in self.values if self.kind == "equal" else []:
            value.assign(tf.ones(value.shape))
        for value, path, variable, anchor in zip(
            self.values, self._path, self._variables, self.anchors, strict=False
        ):
            moved = tf.square(variable - anchor)
            value.assign_add(tf.maximum(path, 0) / (moved + DAMPING))
            path.assign(tf.zeros(path.shape))
        for anchor, variable in zip(self.anchors, self._variables, strict=True):
            anchor.assign(variable)

    def as_arrays(self) -> dict[str, np.ndarray]:
        """All that it has gathered, by name."""
        return {name: np.array(each.numpy()) for name, each in self._named()}

    def restore(self, arrays: Any) -> None:
        """Takes what `as_arrays` gave."""
        for name, each in self._named():
            each.assign(arrays[name])

    def _named(self) -> list[tuple[str, Any]]:
        kinds = (("value", self.values), ("anchor", self.anchors), ("path", self._path))
        return [(f"importance/{kind}/{i}", x) for kind, all_ in kinds for i, x in enumerate(all_)]
