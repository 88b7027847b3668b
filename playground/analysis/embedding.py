"""Where a network puts images in its embedding: the features, as they are or projected, the class
centres, a sample's neighbours."""

from typing import Any

import numpy as np

from playground.analysis import projection
from playground.analysis.network import Network
from playground.errors import WorkerError

AS_THEY_ARE = 3  # numbers of a feature that need no projection
NEIGHBOURS = 12
BLOCK = 100  # images that come at once
FEWER = {"tsne": 500}  # images of a projection that takes long


def embedding(
    network: Network, split: str, method: str, dims: int, project: bool = True
) -> dict[str, Any]:
    """The features of the first images of a split ("test", or "train": those trained on); not yet
    laid out, of however many numbers they are, unless this is to `project` them.

    `points` float32 (N, d): the features, or, of more than three numbers, their projection by
    `method` to `dims` (2 or 3). `labels` (as trained on) uint8 (N,), and of a network that tells
    classes apart `predicted` uint8 (N,). `centers` float32 (C, d): the moving centres of a run that
    has them (`moving`), else the class means; NaN for a class without an image. Of two features
    `kernel` (2, C) and `bias` (C,) of the last layer, which part the plane into classes. `width` is
    that of the features.
    """
    sight, (images, labels) = network.embedded(), network.seen(split)
    width = network.full_plan[sight.features].shape[0]
    count = FEWER.get(method, len(images)) if width > AS_THEY_ARE else len(images)
    labels = labels[:count]
    features, said = _forward(network, images[:count], labels)
    centers = network.centers
    moving = centers is not None
    if centers is None:
        centers = class_means(features, labels, len(network.dataset.class_names))
    points, shown, used = features, centers, "raw"
    if width > AS_THEY_ARE:
        if method not in projection.METHODS or dims not in (2, 3):
            raise WorkerError("There is no such projection.", "Choose one of those offered.")
        if project:
            run = (network.spec.digest, split)
            points, shown = projection.laid_out(features, centers, method, dims, run)
        used = method
    return {
        "points": _float(points),
        "labels": labels.astype(np.uint8),
        **said,
        "centers": _float(shown),
        "moving": moving,
        "method": used,
        "width": width,
        "split": split,
        **_plane(network, width),
    }


def _plane(network: Network, width: int) -> dict[str, np.ndarray]:
    """Kernel (2, C) and bias (C,) of the layer that tells the classes of two features apart; the
    bias of a class that the network is not asked for is minus infinity."""
    sight = network.embedded()
    if width != 2 or not sight.logits:
        return {}
    last = network.weighted(sight.logits)
    bias = last.bias if last.use_bias else np.zeros(last.units)
    return {"kernel": _float(last.kernel), "bias": network.among(bias)}


def neighbours(network: Network, split: str, index: int) -> dict[str, Any]:
    """An image and those nearest to it in the embedding (Euclidean, all its numbers): `indices`
    int32 (N,), itself first, `distances` float32, `images`, `labels`, `predicted` where classes are
    told apart."""
    images, labels = network.seen(split)
    if not 0 <= index < len(images):
        raise WorkerError("There is no such image.", "Choose one of those that are drawn.")
    features, said = _forward(network, images, labels)
    distances = np.linalg.norm(features - features[index], axis=1)
    distances[index] = -1.0  # itself, before any that coincides with it
    nearest = np.argsort(distances, kind="stable")[: NEIGHBOURS + 1]
    return {
        "indices": nearest.astype(np.int32),
        "distances": np.maximum(distances[nearest], 0).astype(np.float32),
        "images": images[nearest],
        "labels": labels[nearest].astype(np.uint8),
        **{name: each[nearest] for name, each in said.items()},
    }


def pictures(network: Network, split: str, index: int) -> dict[str, Any]:
    """The block of `images` that `index` is among, and the place of its `first`."""
    images, _ = network.seen(split)
    first = index // BLOCK * BLOCK
    if not 0 <= index < len(images):
        raise WorkerError("There is no such image.", "Choose one of those that are drawn.")
    return {"images": images[first : first + BLOCK], "first": first}


def class_means(features: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """The mean feature of each class, (C, D); NaN for a class that is not there."""
    members = np.eye(classes)[labels]
    counts = members.sum(axis=0)[:, None]
    with np.errstate(invalid="ignore"):
        means: np.ndarray = members.T @ features / np.where(counts > 0, counts, np.nan)
    return means


def _forward(
    network: Network, images: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The features (N, D) of images, and the class that is `predicted` of each, uint8 (N,), where
    the network tells any."""
    sight = network.embedded()
    names = [sight.features, *([sight.logits] if sight.logits else [])]
    found = network.forward(names, network.together(images, labels))
    if not sight.logits:
        return found[sight.features], {}
    predicted = network.among(found[sight.logits]).argmax(axis=1).astype(np.uint8)
    return found[sight.features], {"predicted": predicted}


def _float(array: Any) -> np.ndarray:
    return np.asarray(array, np.float32)
