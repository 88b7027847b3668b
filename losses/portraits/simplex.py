"""A loss over all predictions of three classes: a triangle with a class in each corner."""

from __future__ import annotations

from typing import Any

import numpy as np

from .function import LossFunction

WIDTH, HEIGHT = 73, 63  # numbers across the triangle and up
INSIDE = 2e-3  # the least probability on the map: the border itself is infinitely far away
ARROWS = 8  # a side
TALL = np.sqrt(3) / 2


def simplex(function: LossFunction) -> dict[str, Any]:
    """L over the probabilities of three classes, class 0 (at the top) being the truth.

    `x` (W,), `y` (H,) and `loss` (H, W), NaN outside the triangle, whose corners are class 1 at
    (0, 0), class 2 at (1, 0), class 0 at (1/2, √3/2). `arrows` (A, 4): places x, y and how the
    prediction there moves, x, y, under a short step of gradient descent on the logits:
    -J dL/dz with J = diag(p) - p pᵀ, the softmax' Jacobian. Or `reason`, why there is no map.
    `function` is of three classes.
    """
    if not function.curved:
        return {"reason": f"It depends on {', '.join(function.needed)}, not on the probabilities "
                "alone: see what it pulls on under Curve."}  # fmt: skip
    if function.coupled:
        return {"reason": "It compares the samples of a batch: a map of a single prediction would "
                "mislead."}  # fmt: skip
    x, y = np.linspace(0, 1, WIDTH), np.linspace(0, TALL, HEIGHT)
    across, up = np.meshgrid(x, y)
    p = _shares(across, up)
    inside = (p > -1e-9).all(-1)
    shown = np.full(across.shape, np.nan)
    shown[inside] = _on(function, p[inside])[0]
    steps = np.arange(ARROWS) + 0.5
    one, two = (each.ravel() for each in np.meshgrid(steps, steps))
    at = np.stack([ARROWS - one - two, one, two], axis=-1)
    at = at[at[:, 0] > 0] / ARROWS
    _, slopes = _on(function, at)
    moved = -(at * slopes - at * (at * slopes).sum(-1, keepdims=True))
    arrows = np.concatenate([_places(at), _places(moved)], axis=-1)
    found = {"x": x, "y": y, "loss": shown, "arrows": arrows}
    return {name: array.astype("float32") for name, array in found.items()}


def _on(function: LossFunction, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    p = np.maximum(p, INSIDE)
    return function.apart(np.zeros(len(p), int), np.log(p / p.sum(-1, keepdims=True)))


def _shares(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Probabilities (..., 3) of places in the triangle."""
    top = y / TALL
    right = x - top / 2
    return np.stack([top, 1 - top - right, right], axis=-1)


def _places(p: np.ndarray) -> np.ndarray:
    """Places (N, 2) of probabilities (N, 3), or directions of changes of them."""
    return np.stack([p[:, 2] + p[:, 0] / 2, TALL * p[:, 0]], axis=-1)
