"""What adds up over samples, and gives a metric that is no mean over them: batches need not be
kept, and XLA takes it.

y_true (N, C) one-hot, y_pred (N, C) probabilities, sample_weight (N,).
"""

from __future__ import annotations

from typing import Any

from .loss_info import Tensor, ops


def guesses(y_pred: Tensor) -> Tensor:
    """1 for the class of the highest probability, the first of several: (N, C)."""
    return ops.one_hot(ops.argmax(y_pred, axis=-1), ops.shape(y_pred)[-1], dtype="float32")


def hits(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """1 where the class of the highest probability is the true one: (N,)."""
    right = ops.equal(ops.argmax(y_true, axis=-1), ops.argmax(y_pred, axis=-1))
    return ops.cast(right, "float32")


def confusion(
    y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None, **knobs: Any
) -> Tensor:
    """How many samples of class c, its row, are taken for class d, its column: (C, C)."""
    truth = y_true if sample_weight is None else y_true * sample_weight[:, None]
    return ops.matmul(ops.transpose(truth), guesses(y_pred))


def confidence(
    y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None, *, bins: int, **knobs: Any
) -> Tensor:
    """Of each bin ((m-1)/M, m/M] of the highest probability: the sum of right minus confidence, and
    how many samples are in it: (2, M)."""
    sure = ops.max(y_pred, axis=-1)
    place = ops.cast(ops.clip(ops.ceil(sure * bins) - 1, 0, bins - 1), "int32")
    counts = ops.ones_like(sure) if sample_weight is None else sample_weight
    surplus = (hits(y_true, y_pred) - sure) * counts
    return ops.stack([ops.segment_sum(x, place, num_segments=bins) for x in (surplus, counts)])
