"""Trying a loss on many predictions at once: the values and slopes that findings are made of."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from losses.base import PlaygroundLoss, Tensor
from losses.gradient import gradient_of
from losses.written import WrittenLoss

BATCH = 29  # as large as the larger batch at which the language has counted a text's numbers
NUMBERS = 8_000_000  # that a call may hold at once
ROWS = 4096
CLASSES = 10
EPOCHS, STEPS = 10, 100  # of a run: what epoch and step are at some progress


class OutOfTime(Exception):
    """The loss is too slow for all that was to be tried."""


class Interrupted(Exception):
    """Something that cannot wait is to be done before this examination."""


class Trial:
    """A loss of logits, and of what follows from them, as a function of many samples.

    The value of a sample is that of a batch of this sample alone. Everything runs as a training
    step runs it, as a TensorFlow graph with y_pred = softmax(logits): where the loss takes
    log(y_pred), it takes it from the logits there, and the clip of y_pred does not bite. A loss
    that changes over the run is taken at `progress`, from 0 to 1.
    """

    def __init__(
        self,
        loss: PlaygroundLoss,
        seconds: float,
        hurry: Callable[[], bool] = lambda: False,
        progress: float = 0.5,
    ) -> None:
        self.loss = loss
        self.progress = progress
        self._hurry = hurry
        self.classes: int = getattr(loss, "num_classes", CLASSES)
        self._end = time.monotonic() + seconds
        spec = (
            tf.TensorSpec([None], "int32"),
            tf.TensorSpec([None, self.classes], "float32"),
        )
        self._whole = tf.function(self._watched, input_signature=spec, autograph=False)
        self._single = tf.function(self._one_by_one, input_signature=spec, autograph=False)
        self._chunk = ROWS
        if isinstance(loss, WrittenLoss):
            held = sum(int(np.prod(node.shapes[1])) for node in loss.program.order)
            self._chunk = int(np.clip(NUMBERS * BATCH / max(held, 1), 1, ROWS))

    def rows(self, labels: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values (N,) and their slopes by the logits (N, C) of samples with labels (N,) and
        logits (N, C), in float64. Raises OutOfTime, Interrupted."""
        ask = self._whole if self.apart else self._single
        values, slopes = [], []
        for start in range(0, len(labels), self._chunk):
            self.check_time()
            value, slope = ask(
                tf.constant(labels[start : start + self._chunk], "int32"),
                tf.constant(logits[start : start + self._chunk], "float32"),
            )
            values.append(value.numpy())
            slopes.append(slope.numpy())
        return np.concatenate(values).astype("float64"), np.concatenate(slopes).astype("float64")

    def all_classes(self, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values (N, C) and slopes (N, C, C) of predictions (N, C), each held against every
        class as the true one: entry [n, k] has the true class k."""
        count, classes = logits.shape
        labels = np.tile(np.arange(classes), count)
        values, slopes = self.rows(labels, np.repeat(logits, classes, axis=0))
        return values.reshape(count, classes), slopes.reshape(count, classes, classes)

    def batch(self, labels: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the loss gives for these samples as one batch, (N,) or a scalar, and the slopes of
        its sum by the logits, (N, C). Raises OutOfTime, Interrupted."""
        self.check_time()
        values, slopes = self._whole(tf.constant(labels, "int32"), tf.constant(logits, "float32"))
        return values.numpy(), slopes.numpy()

    @cached_property
    def apart(self) -> bool:
        """Whether the loss gives a value a sample, which others in the batch do not move."""
        labels, logits = self.sample(2)
        before, _ = self.batch(labels, logits)
        if before.shape != labels.shape:
            return False
        half = len(labels) // 2
        logits[half:] = -2 * logits[half:]
        labels[half:] = (labels[half:] + 1) % self.classes
        after, _ = self.batch(labels, logits)
        alone, _ = self.batch(labels[:1], logits[:1])
        return bool(
            np.allclose(before[:half], after[:half], rtol=1e-4, atol=1e-7, equal_nan=True)
            and np.allclose(before[:1], alone, rtol=1e-4, atol=1e-7, equal_nan=True)
        )

    def sample(self, each: int, scales: tuple[float, ...] = (1.0,)) -> tuple[Any, Any]:
        """Labels (N,) and normal logits (N, C): `each` samples of every class at every scale."""
        rng = np.random.default_rng(0)
        labels = np.tile(np.repeat(np.arange(self.classes), each), len(scales))
        logits = rng.normal(size=(len(labels), self.classes))
        logits *= np.repeat(scales, each * self.classes)[:, None]
        return labels, np.clip(logits, -6, 6)

    def check_time(self) -> None:
        """Raises OutOfTime when the time is up, Interrupted when something cannot wait."""
        if self._hurry():
            raise Interrupted
        if time.monotonic() > self._end:
            raise OutOfTime

    def _given(self, labels: Tensor, logits: Tensor) -> dict[str, Tensor]:
        return {
            "y_true": tf.one_hot(labels, self.classes),
            "labels": labels,
            "logits": logits,
            "y_pred": tf.nn.softmax(logits, axis=-1),
            "num_classes": self.classes,
            "epoch": EPOCHS * self.progress,
            "step": EPOCHS * STEPS * self.progress,
            "progress": self.progress,
        }

    def _watched(self, labels: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(logits)
            values = self.loss.values(self._given(labels, logits))
            if len(values.shape) == 2:
                values = tf.reduce_mean(values, axis=-1)
            total = tf.reduce_sum(values)
        return values, gradient_of(tape, total, logits)

    def _one_by_one(self, labels: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
        def one(sample: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            value, slope = self._watched(sample[0][None], sample[1][None])
            return tf.reduce_mean(value), slope[0]

        return tf.vectorized_map(one, (labels, logits))
