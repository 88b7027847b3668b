"""Which images of a class are kept, and what answers are made of them. NumPy alone."""

import numpy as np


def herded(features: np.ndarray, count: int) -> np.ndarray:
    """The places (k,), k at most `count`, of the features (N, D) of a class whose running mean
    stays nearest to the mean of all, the best first (Welling 2009; Rebuffi et al., iCaRL, CVPR
    2017, algorithm 4). Features are taken by their direction, as there."""
    x = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    mean, total = x.mean(axis=0), np.zeros(x.shape[1])
    free = np.ones(len(x), bool)
    found = []
    for k in range(1, min(count, len(x)) + 1):
        apart = np.square(mean - (total + x) / k).sum(axis=1)
        best = int(np.argmin(np.where(free, apart, np.inf)))
        free[best] = False
        total += x[best]
        found.append(best)
    return np.array(found, np.int64)


def nearest_mean(features: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Scores (N, C), higher for nearer, of features (N, D) by the means (C, D) of exemplars, both
    by their direction (iCaRL, algorithm 1); a class without exemplars, whose mean is NaN, has
    minus infinity."""
    x = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    apart = np.square(x[:, None] - means[None]).sum(axis=-1)
    scores: np.ndarray = np.where(np.isnan(apart), -np.inf, -apart)
    return scores


def class_means(features: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """The means (C, D) of the directions of features (N, D) with labels (N,), made of length one;
    NaN for a class that has none."""
    x = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    means = np.full((classes, x.shape[1]), np.nan)
    for value in np.unique(labels):
        mean = x[labels == value].mean(axis=0)
        means[value] = mean / max(float(np.linalg.norm(mean)), 1e-12)
    return means


def aligned(kernel: np.ndarray, old: np.ndarray, new: np.ndarray) -> float:
    """What the new classes' columns of a last kernel (D, C) are multiplied by, so that they are as
    long on average as the old ones' (weight aligning: Zhao et al., CVPR 2020, equation 7); `old`
    and `new` are masks (C,)."""
    lengths = np.linalg.norm(kernel, axis=0)
    if not old.any() or not new.any():
        return 1.0
    return float(lengths[old].mean() / max(float(lengths[new].mean()), 1e-12))


def bias_of(logits: np.ndarray, labels: np.ndarray, new: np.ndarray) -> tuple[float, float]:
    """The two numbers a, b of bias correction (BiC: Wu et al., CVPR 2019, equation 4): logits of
    new classes become a z + b, so that the cross-entropy of these logits (N, C) with labels (N,)
    is least. Found with Newton steps by `scipy.optimize`."""
    from scipy.optimize import minimize

    def value(ab: np.ndarray) -> tuple[float, np.ndarray]:
        corrected = np.where(new, ab[0] * logits + ab[1], logits)
        shifted = corrected - corrected.max(axis=1, keepdims=True)
        log_sum = np.log(np.exp(shifted).sum(axis=1))
        p = np.exp(shifted - log_sum[:, None])
        rows = np.arange(len(labels))
        slope = p.copy()
        slope[rows, labels] -= 1
        slope = np.where(new, slope, 0) / len(labels)
        gradient = np.array([(slope * logits).sum(), slope.sum()])
        return float((log_sum - shifted[rows, labels]).mean()), gradient

    found = minimize(value, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B")
    return float(found.x[0]), float(found.x[1])
