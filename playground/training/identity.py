"""What of a run can be held against another's: hashes of what both should have in common.

Two runs of a race differ in one thing. That nothing else differs is not promised but shown: each
run records, before its first step, a hash of its network's first weights, of its images with the
labels they are trained with, of the order in which it will see them, and of what is evaluated when.
"""

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from playground.training.loop import Training

DIGITS = 16  # of a hash, hexadecimal


def of(training: "Training") -> dict[str, str]:
    """The hashes of a run that has not begun, by name: "weights", every weight of the network as it
    was drawn; "images", those trained on and their labels; "order", the batches of every epoch of
    the first phase, the only one of most tasks; "evaluations", the validation images that are
    sampled and the steps of the first epoch after which they are looked at."""
    weights = hashlib.sha256()
    for weight in training.model.weights:
        _add(weights, weight.numpy())
    images = hashlib.sha256()
    for _, array in sorted(training.work.rows["train"].items()):
        _add(images, array)
    order = hashlib.sha256()
    for epoch in range(training.work.phases[0].epochs):
        _add(order, training.shuffled(epoch))
    evaluations = hashlib.sha256()
    _add(evaluations, training.evaluation.sample)
    steps = range(1, training.steps_per_epoch + 1)
    _add(evaluations, np.array([step for step in steps if training.evaluation.due(step)]))
    found = {"weights": weights, "images": images, "order": order, "evaluations": evaluations}
    return {name: each.hexdigest()[:DIGITS] for name, each in found.items()}


def _add(to: "hashlib._Hash", array: np.ndarray) -> None:
    array = np.ascontiguousarray(array)
    to.update(f"{array.dtype} {array.shape}".encode())
    to.update(array.data)
