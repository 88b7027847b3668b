"""How good detections are: average precision by COCO's rule, and what was found of what is there.

As `pycocotools` has it (Lin et al., "Microsoft COCO", ECCV 2014; cocodataset.org/#detection-eval):
of each class the detections of all pictures are ranked by score; one is right if it overlaps a true
box of its class that none before it has taken, by an intersection over union of at least a
threshold; of those it takes the one that it overlaps most. AP is the mean of the highest precision
at or beyond each of 101 recalls, over the classes that occur; of several thresholds, their mean.
"""

from dataclasses import dataclass

import numpy as np

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
CONFIDENT = 0.3  # score from which something counts as found, outside of AP


@dataclass(frozen=True)
class Detections:
    """Boxes of pictures with as many places each: `boxes` (N, K, 4), `classes` (N, K), -1 where
    there is none, and of what was found `scores` (N, K)."""

    boxes: np.ndarray
    classes: np.ndarray
    scores: np.ndarray


def iou(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The intersection over union (N, K, M) of boxes (N, K, 4) and (N, M, 4)."""
    low = np.maximum(one[:, :, None, :2], other[:, None, :, :2])
    high = np.minimum(one[:, :, None, 2:], other[:, None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=-1)
    areas = [np.prod(np.maximum(b[..., 2:] - b[..., :2], 0), axis=-1) for b in (one, other)]
    found: np.ndarray = shared / np.maximum(
        areas[0][:, :, None] + areas[1][:, None] - shared, 1e-12
    )
    return found


def taken(
    found: Detections, boxes: np.ndarray, classes: np.ndarray, thresholds: np.ndarray = THRESHOLDS
) -> np.ndarray:
    """Which true box each detection takes, int (T, N, K), -1 for none, at each threshold. True are
    `boxes` (N, M, 4) of `classes` (N, M), -1 where there is none; detections take in the order of
    their scores, each in its class."""
    overlaps = iou(found.boxes, boxes)
    alike = (found.classes[:, :, None] == classes[:, None]) & (classes[:, None] >= 0)
    count, places = found.classes.shape
    free = np.ones((len(thresholds), count, boxes.shape[1]), bool)
    result = np.full((len(thresholds), count, places), -1)
    rank = np.argsort(-found.scores, axis=1, kind="stable")
    every = np.arange(count)
    for at in rank.T:
        here = np.where(alike[every, at], overlaps[every, at], -1.0)
        open_ = np.where(free, here, -1.0)
        best = open_.argmax(axis=-1)
        right = np.take_along_axis(open_, best[..., None], -1)[..., 0] >= thresholds[:, None]
        right &= found.classes[every, at] >= 0
        result[:, every, at] = np.where(right, best, -1)
        level, picture = np.nonzero(right)
        free[level, picture, best[level, picture]] = False
    return result


def average_precision(
    found: Detections, boxes: np.ndarray, classes: np.ndarray, thresholds: np.ndarray = THRESHOLDS
) -> np.ndarray:
    """AP at each threshold, (T,): the mean over the classes that are among the true boxes; NaN
    where there is no box at all."""
    right = taken(found, boxes, classes, thresholds) >= 0
    present = np.unique(classes[classes >= 0])
    if not len(present):
        return np.full(len(thresholds), np.nan)
    every = np.zeros((len(present), len(thresholds)))
    for row, each in enumerate(present):
        of_class = found.classes == each
        order = np.argsort(-found.scores[of_class], kind="stable")
        hits = right[:, of_class][:, order]
        every[row] = _interpolated(hits, int(np.count_nonzero(classes == each)))
    return every.mean(axis=0)


def _interpolated(hits: np.ndarray, total: int) -> np.ndarray:
    """AP (T,) of ranked detections, right or wrong (T, D), where there are `total` true boxes."""
    if not hits.shape[1]:
        return np.zeros(len(hits))
    correct = np.cumsum(hits, axis=1)
    precision = correct / np.arange(1, hits.shape[1] + 1)
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = correct / total
    result = np.zeros(len(hits))
    for level in range(len(hits)):
        at = np.searchsorted(recall[level], RECALLS, side="left")
        within = at < hits.shape[1]
        result[level] = np.where(
            within, precision[level][np.minimum(at, len(precision[level]) - 1)], 0
        ).mean()
    return result


def paired(found: Detections, boxes: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Which true box each detection of at least `CONFIDENT` lies on whatever its class, (N, K), -1
    for none: the same rule at an IoU of 0.5."""
    sure = np.where((found.classes >= 0) & (found.scores >= CONFIDENT), 0, -1)
    there = np.where(classes >= 0, 0, -1)
    blind = Detections(found.boxes, sure, found.scores)
    first: np.ndarray = taken(blind, boxes, there, np.array([0.5]))[0]
    return first
