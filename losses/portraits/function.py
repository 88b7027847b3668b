"""A loss as portraits need it: its value and its slopes at many predictions, quickly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from losses.base import PlaygroundLoss, Tensor
from losses.gradient import gradient_of
from losses.language import emit
from losses.language.draws import own
from losses.language.inputs import OF_THE_PROBABILITY
from losses.language.samples import by_sample
from losses.written import WrittenLoss

Values = Callable[[Mapping[str, Any]], Tensor]
CLASSES = 10
TRUTH = 0.8  # what a teacher gives the true class, where a loss wants one
TRIED = np.array([0, 1, 0])  # labels of samples on which it is found out whether they are compared
# What a curve can be drawn with, the teacher being the same at every point of it.
CURVED = frozenset(OF_THE_PROBABILITY) | {"teacher_logits"}


class LossFunction:
    """A loss of predictions over its classes. What has been traced is kept, so that moving a
    parameter of the loss (`set_parameter`) costs no more than the numbers themselves."""

    def __init__(self, loss: PlaygroundLoss, classes: int | None = None) -> None:
        self.loss = loss
        self.classes: int = classes if classes is not None else _classes(loss)
        self.own = own(loss)
        self.needed = sorted((set(loss.inputs) - set(OF_THE_PROBABILITY)) | set(self.own))

    @property
    def curved(self) -> bool:
        """Whether it is a function of a prediction alone (and of a teacher's)."""
        return set(self.loss.inputs) <= CURVED and not self.own

    def together(self, labels: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the loss gives for samples as one batch, (N,) or a scalar, and the slopes of its
        batch mean by the logits times N, (N, C). `labels` (N,), `logits` (N, C)."""
        return self._batch(self.loss.values, labels, logits)

    def apart(self, labels: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The values (N,) and slopes (N, C) of samples, each in a batch of its own."""
        if not self.coupled and self.by_sample:
            return self._batch(self._each, labels, logits)
        values, slopes = self._single(tf.constant(labels, "int32"), tf.constant(logits, "float32"))
        return values.numpy(), slopes.numpy()

    @property
    def by_sample(self) -> bool:
        """Whether it gives, or is made of, a value a sample."""
        return self._trial[0]

    @property
    def coupled(self) -> bool:
        """Whether a sample's value depends on the others of its batch."""
        return self._trial[1]

    @cached_property
    def _trial(self) -> tuple[bool, bool]:
        logits = np.random.default_rng(0).normal(size=(len(TRIED), self.classes))
        given = self.given(tf.constant(TRIED, "int32"), tf.constant(logits, "float32"))
        values = _by_row(self._each(given)).numpy()
        alone = [{name: value[i : i + 1] if np.ndim(value) else value
                  for name, value in given.items()} for i in range(len(TRIED))]  # fmt: skip
        each = np.array([np.mean(self.loss.values(one)) for one in alone])

        def alike(one: np.ndarray, other: np.ndarray) -> bool:
            return np.allclose(one, other, rtol=1e-4, atol=1e-7, equal_nan=True)

        if values.shape == TRIED.shape:
            return True, not alike(values, each)
        # One number: the mean or the sum of what the samples cost alone, or a comparison of them.
        return False, not (alike(values, each.mean()) or alike(values, each.sum()))

    @cached_property
    def _single(self) -> Any:
        spec = (tf.TensorSpec([None], "int32"), tf.TensorSpec([None, self.classes], "float32"))

        def one(sample: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            value, slope = self._watched(self.loss.values, sample[0][None], sample[1][None])
            return tf.reduce_mean(value), slope[0]

        return tf.function(
            lambda labels, logits: tf.vectorized_map(one, (labels, logits)),
            input_signature=spec,
            autograph=False,
        )

    def _batch(
        self, values: Values, labels: np.ndarray, logits: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        found, slopes = self._watched(
            values, tf.constant(labels, "int32"), tf.constant(logits, "float32")
        )
        return found.numpy(), slopes.numpy()

    def _watched(self, of: Values, labels: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(logits)
            values = _by_row(of(self.given(labels, logits)))
            count = tf.cast(tf.shape(logits)[0], "float32")
            total = tf.reduce_mean(values) * count
        return values, gradient_of(tape, total, logits)

    def _each(self, tensors: Mapping[str, Any]) -> Tensor:
        """(B,) where the loss is that, or the mean of that; otherwise a scalar."""
        if not isinstance(self.loss, WrittenLoss) or self.loss.program.result.rank:
            return self.loss.values(tensors)
        program = self.loss.program
        found = emit.run(program.order, self.loss.gather(tensors), self.loss.parameter_values())
        whole = found[id(program.result)]
        each = by_sample(program, found)
        return whole if each is None else each

    def given(self, labels: Tensor, logits: Tensor) -> Mapping[str, Any]:
        """Every input that follows from labels (N,) and logits (N, C), at the start of a run."""
        truth = tf.one_hot(labels, self.classes)
        doubt = np.log(TRUTH * (self.classes - 1) / (1 - TRUTH))
        return {
            "y_true": truth,
            "labels": labels,
            "logits": logits,
            "y_pred": tf.nn.softmax(logits, axis=-1),
            "teacher_logits": tf.cast(doubt, "float32") * truth,
            "num_classes": self.classes,
            "epoch": 0.0,
            "step": 0.0,
            "progress": 0.0,
        }


def _classes(loss: PlaygroundLoss) -> int:
    return loss.num_classes if isinstance(loss, WrittenLoss) else CLASSES


def _by_row(values: Tensor) -> Tensor:
    """(N,) of (N, C) and of (N,), and a scalar as it is."""
    return tf.reduce_mean(values, axis=-1) if len(values.shape) == 2 else values


def even(p: np.ndarray, classes: int) -> np.ndarray:
    """Logits (N, C) of predictions that give class 0 the probability p (N,), the rest evenly."""
    z = np.zeros((len(p), classes), "float32")
    z[:, 0] = np.log(p) - np.log((1 - p) / (classes - 1))
    return z
