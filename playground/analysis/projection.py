"""Wide embeddings as two or three numbers a sample, so laid out that frames of one run follow each
other without a flip or a turn."""

from collections import OrderedDict
from collections.abc import Callable, Hashable

import numpy as np
from scipy.linalg import orthogonal_procrustes
from scipy.sparse import coo_matrix
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors

KEPT_FRAMES = 32  # layouts that the next one of their run is laid along
NEIGHBOURS = 15
EPOCHS, EPOCHS_AGAIN = 150, 50  # of the UMAP-like layout, and where it has an earlier one to begin
NEGATIVES = 5  # pushed apart for each pair pulled together
A, B = 1.577, 0.895  # UMAP's curve for its default min_dist of 0.1 (McInnes et al. 2018)

_frames: OrderedDict[Hashable, np.ndarray] = OrderedDict()
Start = np.ndarray | None


def project(
    features: np.ndarray, others: np.ndarray, method: str, dims: int, run: Hashable
) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, D) and others (C, D), such as class centres, in `dims` dimensions: float32
    (N, dims) and (C, dims). `method` is one of METHODS. The layout is turned and mirrored, never
    stretched, to lie on the last one of this `run` (Procrustes; Schönemann 1966)."""
    key = (run, method, dims, len(features))
    before = _frames.pop(key, None)
    count = len(features)
    stacked = np.concatenate([features, others]).astype(np.float64)
    start = before if before is not None and len(before) == len(stacked) else None
    layout = METHODS[method](stacked, count, dims, start)
    if start is not None:
        layout = aligned(layout, start)
    _frames[key] = layout
    while len(_frames) > KEPT_FRAMES:
        _frames.popitem(last=False)
    layout = layout.astype(np.float32)
    return layout[:count], layout[count:]


def laid_out(
    points: np.ndarray, centers: np.ndarray, method: str, dims: int, run: Hashable
) -> tuple[np.ndarray, np.ndarray]:
    """`project` for class centres (C, D) of which some may be NaN, and stay so."""
    known = np.isfinite(centers).all(axis=1)
    layout, some = project(points, centers[known], method, dims, run)
    shown = np.full((len(centers), dims), np.nan, np.float32)
    shown[known] = some
    return layout, shown


def aligned(layout: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """A layout (N, d), turned, mirrored and moved, but not stretched, onto a reference (N, d)."""
    middle = layout.mean(axis=0)
    turn, _ = orthogonal_procrustes(layout - middle, reference - reference.mean(axis=0))
    result: np.ndarray = (layout - middle) @ turn + reference.mean(axis=0)
    return result


def _pca(stacked: np.ndarray, count: int, dims: int, start: Start) -> np.ndarray:
    found: np.ndarray = PCA(dims, svd_solver="full").fit(stacked[:count]).transform(stacked)
    return found


def _tsne(stacked: np.ndarray, count: int, dims: int, start: Start) -> np.ndarray:
    first = _pca(stacked, count, dims, None) if start is None else start
    spread = first[:, 0].std()
    scaled = first / (spread if spread > 0 else 1.0) * 1e-4  # as scikit-learn begins from PCA
    if start is not None:
        scaled = start
    layout: np.ndarray = TSNE(
        dims,
        perplexity=min(30.0, (len(stacked) - 1) / 3),
        init=scaled.astype(np.float32),
        max_iter=500 if start is None else 250,
        early_exaggeration=12.0 if start is None else 1.0,
        method="exact",  # faster than the tree for some hundred samples
        random_state=0,
    ).fit_transform(stacked)
    return layout


def _umap(stacked: np.ndarray, count: int, dims: int, start: Start) -> np.ndarray:
    """The objective of UMAP (McInnes, Healy & Melville 2018): a fuzzy graph of nearest neighbours,
    laid out by pulling its pairs together and pushing random ones apart; begun from PCA."""
    heads, tails, weights = _fuzzy_graph(stacked)
    layout = _pca(stacked, count, dims, None) if start is None else start.copy()
    if start is None:
        layout *= 10 / max(np.abs(layout).max(), 1e-9)
    draw = np.random.default_rng(0)
    epochs = EPOCHS if start is None else EPOCHS_AGAIN
    for epoch in range(epochs):
        rate = (1.0 if start is None else 0.4) * (1 - epoch / epochs)
        chosen = draw.random(len(weights)) < weights
        i, j = heads[chosen], tails[chosen]
        apart = layout[i] - layout[j]
        square = (apart**2).sum(axis=1, keepdims=True)
        pull = -2 * A * B * square ** (B - 1) / (1 + A * square**B)
        pull[square[:, 0] == 0] = 0
        moves = _summed(np.clip(pull * apart, -4, 4), i, len(layout))
        moves -= _summed(np.clip(pull * apart, -4, 4), j, len(layout))
        i = np.repeat(i, NEGATIVES)
        apart = layout[i] - layout[draw.integers(len(layout), size=len(i))]
        square = (apart**2).sum(axis=1, keepdims=True)
        push = 2 * B / ((0.001 + square) * (1 + A * square**B))
        moves += _summed(np.clip(push * apart, -4, 4), i, len(layout))
        layout = layout + rate * np.clip(moves, -4, 4)
    return layout


def _fuzzy_graph(stacked: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both ends and the weight, 0 to 1, of each pair of near samples."""
    near = min(NEIGHBOURS, len(stacked) - 1)
    distances, places = NearestNeighbors(n_neighbors=near + 1).fit(stacked).kneighbors(stacked)
    distances, places = distances[:, 1:], places[:, 1:]
    beyond = np.maximum(distances - distances[:, :1], 0)
    low, high = np.zeros(len(stacked)), np.full(len(stacked), max(beyond.max(), 1e-9) * 64)
    for _ in range(
        40
    ):  # each sample's own scale, so that its weights add up to log2 of their number
        middle = (low + high) / 2
        total = np.exp(-beyond / np.maximum(middle, 1e-12)[:, None]).sum(axis=1)
        low, high = (
            np.where(total < np.log2(near), middle, low),
            np.where(total < np.log2(near), high, middle),
        )
    weights = np.exp(-beyond / np.maximum(high, 1e-12)[:, None])
    rows = np.repeat(np.arange(len(stacked)), near)
    graph = coo_matrix((weights.ravel(), (rows, places.ravel())), shape=(len(stacked),) * 2).tocsr()
    both = (graph + graph.T - graph.multiply(graph.T)).tocoo()
    return both.row, both.col, both.data


def _summed(values: np.ndarray, places: np.ndarray, size: int) -> np.ndarray:
    return np.stack([np.bincount(places, column, size) for column in values.T], axis=1)


METHODS: dict[str, Callable[[np.ndarray, int, int, Start], np.ndarray]] = {
    "pca": _pca,
    "tsne": _tsne,
    "umap": _umap,
}
