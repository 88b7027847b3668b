"""What losses of boxes do to one box: where descent by each leads, from one start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import tensorflow as tf

from losses.base import PlaygroundLoss
from losses.boxes import GROUP
from losses.catalog import catalog
from losses.gradient import gradient_of
from losses.language.errors import LossError
from losses.named_loss import get
from losses.written import compile_loss

STEPS = 200
RATE = 0.1  # of Zheng et al.'s simulation, for boxes of an area of 1
SLOWER = ((0.8, 0.1), (0.9, 0.01))  # from which share of the steps on it is how much of that


def descents(target: Sequence[float], start: Sequence[float], text: str = "") -> dict[str, Any]:
    """How a box `start` moves towards `target`, x1, y1, x2, y2 of 0 to 1, by each of the
    named losses of boxes, and by a `text` of `boxes` and `boxes_pred` if there is one.

    As in the simulation of Zheng et al. 2020 (arXiv:1911.08287, algorithm 1): steps of
    0.1 · (2 − IoU) along the gradient, ever smaller at the end, in units of the target's size, so
    that a picture twice as large gives the same film. `names`, the losses; float32 `path`
    (L, STEPS + 1, 4), the `value` of each loss and the `iou` (L, STEPS + 1) at each box, and `push`
    (L, 4), minus the gradient at the start. Raises `LossError` for a text that is no such loss.
    """
    names = [info.name for info in catalog() if info.group == GROUP]
    films = [_film(name) for name in names]
    if text.strip():
        names.append("your own")
        films.append(_film(text))
    goal, first = (tf.constant(np.asarray(each, "float32")[None]) for each in (target, start))
    found = [film(goal, first) for film in films]
    keys = ("path", "value", "iou", "push")
    arrays = {key: np.stack([each[i].numpy() for each in found]) for i, key in enumerate(keys)}
    return {"names": names, **arrays}


@lru_cache(maxsize=16)
def _film(text: str) -> Callable[[Any, Any], Any]:
    """Descent by a loss, traced once. Raises LossError."""
    loss: PlaygroundLoss = get(text) if text.isidentifier() else compile_loss(text, probe=False)
    if set(loss.inputs) != {"boxes", "boxes_pred"}:
        raise LossError(
            f"this takes {', '.join(loss.inputs) or 'nothing'}, and the studio moves one box",
            hint="write a loss of boxes and boxes_pred",
        )

    def moved(goal: Any, first: Any) -> Any:
        area = tf.maximum(tf.reduce_prod(goal[0, 2:] - goal[0, :2]), 1e-6)

        def step(state: Any, rate: Any) -> Any:
            box = state[0]
            with tf.GradientTape() as tape:
                tape.watch(box)
                value = loss.on({"boxes": goal, "boxes_pred": box})
            slope = gradient_of(tape, value, box)
            overlap = _iou(goal[0], box[0])
            further = box - rate * (2 - overlap) * area * slope
            return further, box, tf.cast(value, tf.float32), overlap, -slope

        zero = tf.zeros(())
        _, path, value, overlap, push = tf.scan(step, _rates(), (first, first, zero, zero, first))
        return path[:, 0], value, overlap, push[0, 0]

    film: Callable[[Any, Any], Any] = tf.function(moved, autograph=False)
    return film


def _rates() -> Any:
    rates = np.full(STEPS + 1, RATE, "float32")
    for share, slower in SLOWER:
        rates[int(share * STEPS) :] = RATE * slower
    return tf.constant(rates)


def _iou(one: Any, other: Any) -> Any:
    low, high = tf.maximum(one[:2], other[:2]), tf.minimum(one[2:], other[2:])
    shared = tf.reduce_prod(tf.maximum(high - low, 0.0))
    areas = [tf.reduce_prod(tf.maximum(b[2:] - b[:2], 0.0)) for b in (one, other)]
    return shared / tf.maximum(areas[0] + areas[1] - shared, 1e-9)
