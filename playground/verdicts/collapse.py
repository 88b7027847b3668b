"""Collapse: a network that says the same of every image.

Where a pull to the centres is stronger than what parts the classes, all features fall on one
point; the best that is left to say is each class' share, and cross-entropy sits at ln C.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from playground import trainable

NEAR = 0.03  # of ln C, as a share of it
SINCE = 3  # evaluations in a row
WARM = 20  # steps in which every network is at ln C
WEIGHTS = ("λ", "lambda", "lambda_", "lam", "lmbda")  # what a pull's weight is called


def collapsed(
    steps: Sequence[int], cross_entropy: Sequence[float], classes: int
) -> tuple[int, int] | None:
    """Whether and since when validation cross-entropy sits at ln C: the first and the last step of
    its last stay there, of at least `SINCE` evaluations after the first `WARM` steps; None if it
    has left or was never there."""
    level = math.log(classes)
    first, count = 0, 0
    for step, value in zip(steps, cross_entropy, strict=True):
        if step < WARM:
            continue
        if not abs(value - level) <= NEAR * level:
            first, count = 0, 0
            continue
        first = first or step
        count += 1
    return (first, steps[-1]) if count >= SINCE else None


def advice(loss: Mapping[str, Any]) -> str:
    """What has happened to a run whose cross-entropy sits at ln C, and what to do, by what its loss
    is made of: the `inputs` and `parameters` that a run records of its loss when it starts."""
    names = [parameter["name"] for parameter in loss.get("parameters", ())]
    weight = next((name for name in names if name in WEIGHTS), None)
    if known := trainable.advice(loss):
        return known
    if trainable.EMBEDDING.isdisjoint(loss.get("inputs", ())):
        return "It says the same of every image: make the learning rate smaller."
    if weight is not None:
        return f"All classes have fallen together: make {weight} smaller."
    return "All classes have fallen together: weigh the pull on the features less."
