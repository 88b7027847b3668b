"""Which images a run learns from, which it holds out, and what is done to their labels."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from playground.errors import DataError
from playground.streams import stream

if TYPE_CHECKING:
    from playground.datasets import Dataset
    from playground.spec import RunSpec

ALIGNMENT = 64  # bytes, of the widest registers (AVX-512)


@dataclass(frozen=True)
class Split:
    """The training images a run learns from and those it holds out; shapes as in Dataset.

    Under label noise `train_labels` are the given ones, `true_labels` the right ones, and
    `corrupted` (N,) bool says where they differ."""

    train_images: np.ndarray
    train_labels: np.ndarray
    validation_images: np.ndarray
    validation_labels: np.ndarray
    true_labels: np.ndarray
    corrupted: np.ndarray


@dataclass(frozen=True)
class Counts:
    """How many images a run trains on, holds out and is tested on."""

    trained: int
    held_out: int
    test: int


def held_out(spec: "RunSpec", total: int) -> tuple[int, int]:
    """How many of a data set's `total` training images are trained on, before any are left out for
    an imbalance, and how many are kept for validation."""
    beside = spec.validation_images
    used = spec.train_images or total - beside
    if beside:
        return used, beside
    count = max(1, round(used * spec.validation_split))
    return used - count, count


def expected(spec: "RunSpec", total: int, test: int, classes: int) -> Counts:
    """What `split` will give, from the spec alone; with an imbalance, for classes of one size."""
    trained, beside = held_out(spec, total)
    imbalance = getattr(spec, "imbalance", 1.0)
    if imbalance > 1:
        profile = _profile(classes, imbalance)
        trained = int(np.maximum(1, np.round(trained / classes * profile)).sum())
    return Counts(trained, beside, test)


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Steps of one pass: the images that fill no batch wait for the next pass' shuffle."""
    return images // min(batch_size, images)


def split(dataset: "Dataset", spec: "RunSpec") -> Split:
    """The run's share of the training images, drawn with its seed, and those it holds out.

    Of the n = `train_images` (0: all) drawn, round(n · `validation_split`), at least one, are held
    out; or `validation_images` beside them, then the same however large n is. With the same seed a
    larger n draws the same images and more. Of those to train on, `imbalance` leaves images of the
    later classes out and `label_noise` gives some a wrong label, in a task that has those. Raises
    DataError if the data set has fewer images than are asked for.
    """
    total, beside = len(dataset.labels), spec.validation_images
    asked = (spec.train_images or total - beside) + beside
    if asked > total:
        said = f"{asked - beside:,}" + (f" and {beside:,} for validation" if beside else "")
        raise DataError(
            f"{dataset.title} has {total:,} training images; {said} were asked for.",
            f"Choose at most {total - beside:,} images, or 0 for all.",
        )
    order = stream(spec.seed, "split").permutation(total)
    count, held = held_out(spec, total)
    if beside:
        train, validation = order[:count], order[total - beside :]
    else:
        validation, train = order[:held], order[held : held + count]
    classes = len(dataset.class_names)
    imbalance = getattr(spec, "imbalance", 1.0)
    if imbalance > 1:
        train = train[_long_tail(dataset.labels[train], classes, imbalance)]
    true = dataset.labels[train]
    noise, kind = getattr(spec, "label_noise", 0.0), getattr(spec, "noise_kind", "symmetric")
    given = _corrupted(true, classes, noise, kind, stream(spec.seed, "label noise"))
    return Split(
        laid_out(dataset.images, train),
        given,
        dataset.images[validation],
        dataset.labels[validation],
        true,
        given != true,
    )


def laid_out(images: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The chosen images, at an address that TensorFlow can compute with: it then shares them
    instead of keeping a copy of its own."""
    shape = len(chosen), *images.shape[1:]
    size = math.prod(shape) * images.itemsize
    room = np.empty(size + ALIGNMENT, np.uint8)
    begin = -room.ctypes.data % ALIGNMENT
    found = room[begin : begin + size].view(images.dtype).reshape(shape)
    np.take(images, chosen, axis=0, out=found, mode="clip")  # "raise" would take a buffer, too
    return found


def _profile(classes: int, ratio: float) -> np.ndarray:
    """How many images each class has, as a share of the first's: (C,). The exponential profile of
    Cui et al., CVPR 2019."""
    profile: np.ndarray = ratio ** (-np.arange(classes) / max(1, classes - 1))
    return profile


def _long_tail(labels: np.ndarray, classes: int, ratio: float) -> np.ndarray:
    """Which of these (N,) labels stay, bool, so that class c has ratio**(-c / (C - 1)) times as
    many as class 0, and at least one. The first of each class stay."""
    rank = np.zeros(len(labels), np.int64)
    for value in range(classes):
        rank[labels == value] = np.arange(np.count_nonzero(labels == value))
    counts = np.bincount(labels, minlength=classes)
    profile = _profile(classes, ratio)
    most = (counts / profile)[counts > 0].min()  # as many as leave every class its share
    room = np.maximum(1, most * profile)
    kept: np.ndarray = rank < np.round(room)[labels]
    return kept


def _corrupted(
    true: np.ndarray, classes: int, share: float, kind: str, draw: np.random.Generator
) -> np.ndarray:
    """The labels (N,) as given: round(N · `share`) of them wrong. A larger share makes the same
    ones wrong in the same way, and more.

    "symmetric" gives any other class alike (Zhang & Sabuncu, NeurIPS 2018), "pair" the next one
    (Han et al., "Co-teaching", NeurIPS 2018).
    """
    if not share:
        return true
    order = draw.permutation(len(true))
    step = draw.integers(1, classes, len(true)) if kind == "symmetric" else 1
    wrong = np.zeros(len(true), bool)
    wrong[order[: round(len(true) * share)]] = True
    found: np.ndarray = np.where(wrong, (true + step) % classes, true)
    return found
