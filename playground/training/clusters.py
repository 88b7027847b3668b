"""How well an embedding parts the classes, in numbers, at every evaluation.

It uses features that the evaluation has computed anyway, of at most `SAMPLE` images, so that it
costs a few milliseconds and no forward pass.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

SAMPLE = 512
BLOCK = 8  # rows that OpenBLAS takes at once
PREFIX = "embedding_"
# What is measured, in the order it is shown: the title, its unit, which way is better.
NUMBERS: Mapping[str, tuple[str, str, str]] = {
    "within": ("Within-class distance", "", "lower"),
    "between": ("Between-class distance", "", "higher"),
    "fisher": ("Fisher ratio", "", "higher"),
    "silhouette": ("Silhouette", "", "higher"),
    "knn_1": ("kNN-1 accuracy", "%", "higher"),
    "recall_1": ("Recall@1", "%", "higher"),
    "angle": ("Angle between classes", "°", "higher"),
    "cross_entropy": ("Cross-entropy", "", "lower"),
}


def measure(features: Any, labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """`numbers` of an evaluation's features (N, D), labels (N,) and probabilities (N, C), by the
    names that an Evaluated has them under; of more than `SAMPLE` images, of every so many."""
    if len(labels) > SAMPLE:
        chosen = np.linspace(0, len(labels) - 1, SAMPLE).astype(np.int64)
        features, labels, probabilities = features[chosen], labels[chosen], probabilities[chosen]
    true = np.maximum(probabilities[np.arange(len(labels)), labels], 1e-7)
    found = numbers(features, labels)
    found["cross_entropy"] = float(-np.log(true).mean())
    return {PREFIX + name: value for name, value in found.items()}


def numbers(features: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """What parts the classes of features (N, D) with labels (N,); NaN where there is no answer,
    as with a single class.

    `within`: mean distance of a sample to its class' mean. `between`: mean distance of two class
    means. `fisher`: tr S_B / tr S_W, scatter of the means over scatter within (Fukunaga 1990,
    ch. 10). `silhouette`: Rousseeuw 1987. `recall_1`: share of samples whose nearest other sample
    is of their class. `knn_1`: share of every second sample told right by the nearest of the rest.
    `angle`: of a class mean to the nearest other, seen from the origin, in degrees, averaged.
    """
    x = np.asarray(features, np.float64)
    present, y = np.unique(labels, return_inverse=True)
    found = dict.fromkeys(list(NUMBERS)[:-1], float("nan"))
    if not np.isfinite(x).all():
        return found
    members = np.eye(len(present))[y]  # (N, C)
    counts = members.sum(axis=0)
    means = members.T @ x / counts[:, None]
    apart = np.linalg.norm(x - means[y], axis=1)
    found["within"] = float(apart.mean())
    if len(present) < 2:
        return found
    pair = ~np.eye(len(present), dtype=bool)
    found["between"] = float(_distances(means, means)[pair].mean())
    spread = counts @ ((means - x.mean(axis=0)) ** 2).sum(axis=1)
    found["fisher"] = float(spread / max((apart**2).sum(), 1e-12))
    d = _distances(x, x)
    found["silhouette"] = _silhouette(d, members, counts)
    found["knn_1"] = float((y[::2][d[1::2, ::2].argmin(axis=1)] == y[1::2]).mean())
    np.fill_diagonal(d, np.inf)
    found["recall_1"] = float((y[d.argmin(axis=1)] == y).mean())
    found["angle"] = _angle(means, pair)
    return found


@cache
def _pools() -> ThreadpoolController:
    return ThreadpoolController()


def _in_one_thread() -> AbstractContextManager[Any]:
    """A product so small waits longer for threads that training's keep from running than it
    takes."""
    return _pools().limit(limits=1, user_api="blas")


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    square = np.add.outer((a**2).sum(axis=1), (b**2).sum(axis=1))
    with _in_one_thread():  # which has the same bits as any number of them
        square -= 2 * a @ b.T
    np.maximum(square, 0, out=square)
    return np.sqrt(square, out=square)


def _silhouette(d: np.ndarray, members: np.ndarray, counts: np.ndarray) -> float:
    # Where the samples fill OpenBLAS' blocks, as SAMPLE of them do, one thread has the bits of two.
    with _in_one_thread() if len(d) % BLOCK == 0 else nullcontext():
        total = d @ members  # of each sample to each class
    own = members.astype(bool)
    size = members @ counts
    near = total[own] / np.maximum(size - 1, 1)
    far = np.where(own, np.inf, total / counts).min(axis=1)
    each = (far - near) / np.maximum(np.maximum(near, far), 1e-12)
    return float(np.where(size > 1, each, 0).mean())


def _angle(means: np.ndarray, pair: np.ndarray) -> float:
    unit = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    cosine = np.where(pair, unit @ unit.T, -1).max(axis=1)
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))).mean())
