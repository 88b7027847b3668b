"""A loss as a curve over the probability of the true class."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from .base import PlaygroundLoss
from .language.errors import LossError
from .language.inputs import OF_THE_PROBABILITY
from .written import WrittenLoss


def curve(loss: PlaygroundLoss | str, points: int = 101, num_classes: int = 10) -> dict[str, Any]:
    """L(p) and dL/dz of the true class, over its probability p, the rest spread evenly.

    Returns `p`, `loss`, `slope` (lists of `points` numbers, None where not finite) and
    `reason` None; or `reason`, a sentence why the loss is no curve of p, and empty lists.
    Raises `LossError` where a text is refused.
    """
    if isinstance(loss, str):
        loss = WrittenLoss(loss, num_classes=num_classes)
    p = np.linspace(0.005, 0.995, points)
    needed = set(loss.inputs) - set(OF_THE_PROBABILITY)
    if needed:
        return _none(f"it depends on {', '.join(sorted(needed))}, not on the probability alone")
    z = np.zeros((points, num_classes), dtype="float32")
    z[:, 0] = np.log(p) - np.log((1 - p) / (num_classes - 1))
    try:
        values, slopes = _together(loss, z, num_classes)
        if values.shape != (points,) or _is_coupled(loss, z, values, num_classes):
            found = [_together(loss, z[i : i + 1], num_classes) for i in range(points)]
            values = np.array([np.mean(v) for v, _ in found])
            slopes = np.array([s[0] for _, s in found])
    except LossError as error:
        return _none(error.message)
    return {
        "p": [float(v) for v in p],
        "loss": [_plain(v) for v in values],
        "slope": [_plain(v) for v in slopes],
        "reason": None,
    }


def _together(loss: PlaygroundLoss, z: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The values of a batch of logits whose true class is 0, and the slopes by that logit."""
    logits = tf.convert_to_tensor(z)
    y = np.zeros_like(z)
    y[:, 0] = 1
    with tf.GradientTape() as tape:
        tape.watch(logits)
        given = {
            "y_true": tf.convert_to_tensor(y),
            "labels": tf.zeros(len(z), dtype="int32"),
            "logits": logits,
            "y_pred": tf.nn.softmax(logits, axis=-1),
            "num_classes": count,
            "epoch": 0.0,
            "step": 0.0,
            "progress": 0.0,
        }
        values = loss.values(given)
        if len(values.shape) == 2:
            values = tf.reduce_mean(values, axis=-1)
        total = tf.reduce_sum(values)
    slope = tape.gradient(total, logits, unconnected_gradients="zero")
    return np.asarray(values), np.asarray(slope)[:, 0]


def _is_coupled(loss: PlaygroundLoss, z: np.ndarray, values: np.ndarray, count: int) -> bool:
    """Whether a sample's value depends on the others in the batch."""
    alone, _ = _together(loss, z[:1], count)
    return not np.allclose(alone, values[:1], rtol=1e-4, equal_nan=True)


def _plain(value: Any) -> float | None:
    number = float(value)
    return number if np.isfinite(number) else None


def _none(reason: str) -> dict[str, Any]:
    return {"p": [], "loss": [], "slope": [], "reason": f"no curve of the probability: {reason}"}
