"""The code of an autoencoder: where it puts images, and what its decoder makes of a place."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from statistics import NormalDist
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import tensorflow as tf

from playground.analysis.network import BROWSED, Network
from playground.errors import WorkerError
from playground.spec import RunSpec
from playground.streams import stream
from playground.tasks.autoencoder import AutoencoderSpec

GRID = 13  # places of the decoder's grid, each way
TAIL = 0.03  # of the normal distribution beyond the grid's first and last place
RECONSTRUCTED = 12  # test images beside their reconstructions
STEPS = 9  # images of a walk
MOST = 64  # codes that are decoded at once
FORWARD = 512


class Code:
    """Encoder and decoder of a run's network."""

    def __init__(self, network: Network) -> None:
        spec: RunSpec = network.spec
        if not isinstance(spec, AutoencoderSpec):
            raise WorkerError("This network has no decoder.", "Look at a run of Autoencoder.")
        self.network = network
        self.spec = spec
        self.classes = len(network.dataset.class_names)
        told = ("condition",) if self.spec.conditional else ()
        variational = self.spec.kind == "variational"
        heads = ("mu", "log_var") if variational else ("mu",)
        self.encoder = network.built.between(("images", *told), heads)
        self.decoder = network.built.between(("z", *told), ("x_hat",))

    def encode(self, images: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
        """`mu` and, of a variational one, `log_var` (N, L) of pixels (N, H, W, C) of 0 to 255."""
        parts = []
        for at in range(0, len(images), FORWARD):
            given = tf.constant(images[at : at + FORWARD].astype(np.float32))
            parts.append(self._called(self._encode, given, labels[at : at + FORWARD]))
        return {name: np.concatenate([each[name] for each in parts]) for name in parts[0]}

    def decode(self, codes: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Pixels uint8 (N, H, W, C) of codes (N, L) and the classes (N,) that a conditional decoder
        is told."""
        given = tf.constant(codes.astype(np.float32))
        found = self._called(self._decode, given, labels)["x_hat"]
        pixels: np.ndarray = np.rint(found * 255).astype(np.uint8)
        return pixels

    @cached_property
    def _encode(self) -> Any:
        return tf.function(lambda given: self.encoder(given, training=False), reduce_retracing=True)

    @cached_property
    def _decode(self) -> Any:
        return tf.function(lambda given: self.decoder(given, training=False), reduce_retracing=True)

    def _called(self, part: Any, given: Any, labels: np.ndarray) -> dict[str, np.ndarray]:
        taken = [given]
        if self.spec.conditional:
            taken.append(tf.one_hot(labels.astype(np.int32), self.classes))
        found = part(taken)
        return {name: np.asarray(tf.cast(each, tf.float32)) for name, each in found.items()}


_codes: WeakKeyDictionary[Network, Code] = WeakKeyDictionary()  # of the networks that are kept


def _code(network: Network) -> Code:
    """Encoder and decoder of a network, made once. Raises WorkerError of one that has none."""
    if network not in _codes:
        _codes[network] = Code(network)
    return _codes[network]


def reconstructions(network: Network) -> dict[str, Any]:
    """The first test images, uint8 (N, H, W, C), their `labels`, what the encoder was `given` of
    them where the run has noise on its input, and their `reconstructions` from the code's mean."""
    code = _code(network)
    images, labels = (each[:RECONSTRUCTED] for each in network.seen("test"))
    given = images
    if code.spec.noise:
        drawn = stream(code.spec.seed, "noise that is looked at").standard_normal(images.shape)
        given = np.rint(np.clip(images + 255 * code.spec.noise * drawn, 0, 255)).astype(np.uint8)
    again = code.decode(code.encode(given, labels)["mu"], labels)
    found = {"images": images, "labels": labels.astype(np.uint8), "reconstructions": again}
    return {**found, "given": given} if code.spec.noise else found


def latent(network: Network, target: int = -1) -> dict[str, Any]:
    """Where the encoder puts the first test images, and what the decoder makes of the plane.

    `points` float32 (N, 2) are the means of their codes; of more than two dimensions on their two
    principal axes, which take the `share` of their variance. A place (a, b) of the plane is the
    code `origin` (L,) + a · `axes[0]` + b · `axes[1]`. `grid` uint8 (G, G, H, W, C) is decoded at
    the places `across` and `up` (G,), quantiles of a normal distribution: the standard one for a
    variational code of one or two dimensions, else that of the points' mean and spread. A
    conditional decoder is told the class `target`. `divergences` (L,) nats are the mean KL
    divergence of each dimension, `spread` (L,) the variance of its mean over images.
    """
    code = _code(network)
    images, labels = network.seen("test")
    found = code.encode(images, labels)
    mean = found["mu"]
    log_variance = found.get("log_var", np.zeros_like(mean))
    origin, axes, share = _plane(mean)
    points = (mean - origin) @ np.linalg.pinv(axes)
    normal = NormalDist()
    places = np.array([normal.inv_cdf(q) for q in np.linspace(TAIL, 1 - TAIL, GRID)])
    middle, wide = np.zeros(2), np.ones(2)
    if mean.shape[1] > 2 or code.spec.kind == "plain":  # there is no prior on this plane
        middle, wide = points.mean(axis=0), points.std(axis=0)
    across = middle[0] + places * wide[0]
    up = middle[1] + places[::-1] * wide[1]  # the first row is the uppermost
    corners = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    grid = code.decode(origin + corners @ axes, _told(code, target, len(corners)))
    divergence = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance)
    return {
        "points": points.astype(np.float32),
        "labels": labels.astype(np.uint8),
        "origin": origin.astype(np.float32),
        "axes": axes.astype(np.float32),
        "share": float(share),
        "grid": grid.reshape(GRID, GRID, *grid.shape[1:]),
        "across": across.astype(np.float32),
        "up": up.astype(np.float32),
        "divergences": divergence.mean(axis=0).astype(np.float32),
        "spread": mean.var(axis=0).astype(np.float32),
        "variational": code.spec.kind == "variational",
    }


def decode(
    network: Network,
    codes: Sequence[Sequence[float]] = (),
    walk: Sequence[int] = (),
    target: int = -1,
) -> dict[str, Any]:
    """What the decoder makes of `codes` of L numbers each, `images` uint8 (N, H, W, C); or of codes
    evenly spread on the way from one test image's to another's, whose numbers `walk` are."""
    code = _code(network)
    width = code.spec.latent
    if walk:
        images, labels = network.seen("test")
        if len(walk) != 2 or not all(0 <= each < len(images) for each in walk):
            raise WorkerError(
                "A walk goes from one test image to another.",
                f"Choose two of the first {BROWSED:,}.",
            )
        ends = code.encode(images[list(walk)], labels[list(walk)])["mu"]
        part = np.linspace(0, 1, STEPS)[:, None]
        wanted = (1 - part) * ends[0] + part * ends[1]
        target = int(labels[walk[0]]) if target < 0 else target
    else:
        if not 1 <= len(codes) <= MOST or any(len(each) != width for each in codes):
            raise WorkerError(
                f"A code of this run has {width} numbers.", f"Send 1 to {MOST} of them."
            )
        wanted = np.asarray(codes, np.float64).clip(-1e6, 1e6)
    return {"images": code.decode(wanted, _told(code, target, len(wanted)))}


def encode(network: Network, chosen: Mapping[str, Any], target: int = -1) -> dict[str, Any]:
    """The `code` (L,) of one image, and `images` uint8 (2, H, W, C): the image as the encoder gets
    it and the reconstruction of that code. A conditional network is told the class `target`; of a
    test image, its own where none is given."""
    code = _code(network)
    row = network.row(chosen)
    own = target < 0 and "pixels" not in chosen
    told = _told(code, int(row["labels"][0]) if own else target, 1)
    mean = code.encode(row["images"], told)["mu"]
    images = np.concatenate([row["images"], code.decode(mean, told)])
    return {"code": mean[0].astype(np.float32), "images": images}


def _told(code: Code, target: int, count: int) -> np.ndarray:
    """The class that a conditional decoder is told, (N,): `target`, or the first."""
    if target >= code.classes:
        raise WorkerError("There is no such class.", "Choose one of those that are named.")
    return np.full(count, max(target, 0))


def _plane(mean: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Origin (L,) and two axes (2, L) of the plane that is drawn, and the share of the variance of
    codes (N, L) in it. An axis points to where its greatest part is positive, so that it does not
    flip from step to step."""
    width = mean.shape[1]
    if width <= 2:
        return np.zeros(width), np.eye(2, width), 1.0
    origin = mean.mean(axis=0, dtype=np.float64)
    _, size, turned = np.linalg.svd(mean - origin, full_matrices=False)
    axes = turned[:2]
    greatest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    whole = float((size**2).sum())
    return origin, axes * np.sign(greatest), float((size[:2] ** 2).sum()) / whole if whole else 1.0
