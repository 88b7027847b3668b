"""Whom a loss pushes, and how hard beside cross-entropy: gradient weights over a batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from .function import LossFunction

LEAST = 1e-4  # of |dCE/dz|: a sample that cross-entropy leaves in peace has no weight


def weights(
    function: LossFunction, labels: np.ndarray, probabilities: np.ndarray
) -> dict[str, Any]:
    """For each sample of a batch, labels (N,) and probabilities (N, C), float32 arrays (N,).

    `right`: 1 where the likeliest class is the true one; `p` of the true class; `push` |dL/dz|;
    `slope` dL/dz of the true class; `weight` |dL/dz| / |dCE/dz|, NaN where cross-entropy does not
    push either; `value` of the loss, left out where it is one number. |dCE/dz| is |p - y|; norms
    are Euclidean, over the classes. Or `reason`, why there is none of it.
    """
    if not function.curved:
        return {"reason": f"It depends on {', '.join(function.needed)}: what it pushes is not only "
                "the prediction."}  # fmt: skip
    count = probabilities.shape[-1]
    if count != function.classes:
        return {
            "reason": f"It is about {function.classes} classes; these predictions have {count}."
        }
    p = np.maximum(probabilities.astype("float64"), 1e-30)
    values, slopes = function.together(labels, np.log(p))
    truth = np.eye(count)[labels]
    usual = np.linalg.norm(probabilities - truth, axis=-1)
    push = np.linalg.norm(slopes.astype("float64"), axis=-1)
    found: dict[str, np.ndarray] = {
        "right": probabilities.argmax(-1) == labels,
        "p": probabilities[np.arange(len(labels)), labels],
        "push": push,
        "slope": slopes[np.arange(len(labels)), labels],
        "weight": np.where(usual > LEAST, push / np.maximum(usual, LEAST), np.nan),
    }
    if values.shape == labels.shape:
        found["value"] = values
    return {name: array.astype("float32") for name, array in found.items()}
