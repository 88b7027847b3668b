"""A run that stays at chance: told on recorded accuracies, with what to do about it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from playground import trainable
from playground.spec import RunSpec

LOOKS = 3  # evaluations in a row, the first of them after a whole epoch
ERRORS = 2.0  # standard errors within which an accuracy is that of guessing
# A learning rate with which these networks learn, by optimiser.
RATES = {"sgd": 0.05, "momentum": 0.01, "adagrad": 0.01, "lion": 3e-4}
NEAR = 10.0  # a rate beyond so many times that, up or down, is the first to be blamed


def guessing(commonest: float, classes: int) -> float:
    """The accuracy of an answer that is always the same: that of the `commonest` training class on
    the validation images, or the mean over all classes where it has fewer of those than most."""
    return max(commonest, 1 / classes)


def stays(epochs: Sequence[float], accuracies: Sequence[float], guess: float, images: int) -> bool:
    """Whether the last `LOOKS` accuracies on so many validation images are no better than `guess`,
    that of `guessing`."""
    looks = [a for e, a in zip(epochs, accuracies, strict=True) if e >= 1]
    most = guess + ERRORS * math.sqrt(guess * (1 - guess) / max(1, images))
    return len(looks) >= LOOKS and all(accuracy <= most for accuracy in looks[-LOOKS:])


def advice(spec: RunSpec, loss: Mapping[str, Any]) -> str:
    """What to do about it, by the settings and by what the run recorded of its loss."""
    if known := trainable.advice(loss):
        return known
    rate = RATES.get(spec.optimizer, 3e-3)
    if not rate / NEAR < spec.learning_rate < rate * NEAR:
        what = "large" if spec.learning_rate > rate else "small"
        return f"The steps are too {what}: train again with the learning rate at {rate:g}."
    return (
        "Train cross-entropy with the same settings beside it: where that learns, this loss is "
        "what keeps it from learning."
    )
