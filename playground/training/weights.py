"""How much each class counts in the loss that is trained."""

import numpy as np

from playground.tasks.classification import BALANCED, NONE, ClassificationSpec


def class_weights(spec: ClassificationSpec, labels: np.ndarray, classes: int) -> np.ndarray | None:
    """The weights float32 (C,) that a spec asks for, or None; of labels (N,) as they are given.

    Balanced ones are n / (C · n_c), as scikit-learn's `class_weight="balanced"`: C classes of the
    n labels, n_c of class c. A class without a label counts once.
    """
    if spec.class_weights == NONE:
        return None
    if spec.class_weights != BALANCED:
        return np.array(spec.class_weights.split(","), np.float32)
    counts = np.bincount(labels, minlength=classes)
    even = len(labels) / np.count_nonzero(counts)
    return np.where(counts > 0, even / np.maximum(counts, 1), 1.0).astype(np.float32)
