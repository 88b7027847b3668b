"""How well distances or probabilities tell pairs of one class from pairs of two.

Verification as of faces (LFW, Huang et al. 2007): a pair is accepted whose score reaches a
threshold. NumPy alone.
"""

import numpy as np

POINTS = 101  # of a curve that is kept


def roc(scores: np.ndarray, same: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The receiver operating characteristic of scores (N,), higher for pairs that are the same,
    and truths (N,) of 0 and 1: false accept rates, true accept rates and the thresholds at which a
    pair whose score reaches it is accepted, from none to all. NaN rates where a kind is missing."""
    order = np.argsort(-scores, kind="stable")
    ranked, truth = scores[order], same[order].astype(bool)
    ends = np.flatnonzero(np.append(np.diff(ranked) != 0, True))  # ties are accepted together
    accepted, right = ends + 1, np.cumsum(truth)[ends]
    positives, negatives = truth.sum(), (~truth).sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        false = (accepted - right) / negatives
        true = right / positives
    return (
        np.concatenate([[0.0], false]),
        np.concatenate([[0.0], true]),
        np.concatenate([[np.inf], ranked[ends]]),
    )


def area(false: np.ndarray, true: np.ndarray) -> float:
    """The area under the curve of `roc`: the chance that a same pair scores higher."""
    return float(np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2))


def equal_error(false: np.ndarray, true: np.ndarray) -> float:
    """Where as many of the different pairs are accepted as of the same pairs are refused: between
    two points of the curve, on the straight line."""
    missed = 1 - true
    above = int(np.argmax(false >= missed))
    if above == 0 or not np.isfinite(false).all():
        return float("nan")
    gap = (missed - false)[above - 1 : above + 1]
    share = gap[0] / (gap[0] - gap[1])
    return float(false[above - 1] + share * (false[above] - false[above - 1]))


def best_threshold(scores: np.ndarray, same: np.ndarray) -> float:
    """The threshold with the most pairs right; the middle of its gap."""
    false, true, thresholds = roc(scores, same)
    positives = same.astype(bool).sum()
    right = true * positives + (1 - false) * (len(same) - positives)
    at = int(np.argmax(right))
    if at == 0:
        return float(thresholds[1]) + 1.0 if len(thresholds) > 1 else 0.0
    after = thresholds[at + 1] if at + 1 < len(thresholds) else thresholds[at]
    return float((thresholds[at] + after) / 2)


def thinned(false: np.ndarray, true: np.ndarray) -> np.ndarray:
    """A curve of `roc` at `POINTS` rates of wrongly accepted pairs, denser towards 0, where good
    networks differ: (2, POINTS)."""
    at = np.linspace(0, 1, POINTS) ** 2
    found: np.ndarray = np.stack([at, np.interp(at, false, true)])
    return found
