"""Collapse: the features of all images fall together, and the network says the same of every image.

What is asked is what the features do, not where the loss stands: a network that is slow to begin
and one whose last layer is not trained sit at the cross-entropy of guessing as well.
"""

from collections.abc import Mapping, Sequence

import numpy as np

SINCE = 3  # evaluations in a row
WARM = 20  # steps in which a network has hardly begun
POINT = 0.01  # a spread of the features, as a share of their size, below which they are one point
LOST = 0.15  # of kNN's way from guessing to all right: features that tell no more than so apart
SAME = 0.8  # of the images that get one and the same answer
# What is asked at every evaluation on the validation images, by the names it is recorded under.
ASKED: Mapping[str, str] = {
    "spread": "validation_spread",
    "knn": "validation_embedding_knn_1",
    "commonest": "validation_commonest",
}


def apart(knn: np.ndarray, guess: float) -> np.ndarray:
    """How far features tell the classes apart, of how often a nearest neighbour is right: its share
    of what lies between guessing and all right."""
    return (knn - guess) / max(1e-9, 1 - guess)


def collapsed(
    steps: Sequence[int], evaluated: Mapping[str, np.ndarray], guess: float
) -> tuple[int, int] | None:
    """Whether and since when the features have fallen together, of the numbers of `ASKED` at every
    evaluation (NaN where none was recorded): the first and the last step of their last stay there,
    of at least `SINCE` evaluations after the first `WARM` steps; None if they have parted or always
    were."""
    if not len(steps):
        return None
    shares = apart(evaluated["knn"], guess)
    fallen = (evaluated["spread"] < POINT) | (
        (shares < LOST) & (shares < shares[0]) & (evaluated["commonest"] > SAME)
    )
    fallen &= np.asarray(steps) >= WARM
    if not fallen[-1]:
        return None
    stay = len(fallen) if fallen.all() else int(np.argmin(fallen[::-1]))
    return (int(steps[-stay]), int(steps[-1])) if stay >= SINCE else None
