"""A look at own data before anything is trained on them: a test part, counts, duplicates, and the
digest by which they are named."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from playground.datasets.own import Facts
from playground.errors import IntakeError
from playground.intake.found import TEST, TRAIN, Found, Part
from playground.intake.limits import LEAST_IMAGES, Limits

TEST_SHARE = 0.2


def reviewed(found: Found, title: str, limits: Limits) -> tuple[Facts, dict[str, np.ndarray]]:
    """The facts of what was found and its arrays: "x_train", "y_train", "x_test", "y_test",
    "class_names". Without a test part a fifth of each class becomes one, drawn in the same way
    each time, of images that are there once. Raises IntakeError."""
    images = sum(len(part.labels) for part in found.parts.values())
    _check(images, sum(part.images.nbytes for part in found.parts.values()), limits)
    notes = list(found.notes)
    parts = dict(found.parts)
    hashes = {part: _hashes(each.images) for part, each in parts.items()}
    if TEST not in parts:
        parts, hashes = _split(parts[TRAIN], hashes[TRAIN])
        notes.append(
            f"There was no test part: {len(parts[TEST].labels):,} images, {TEST_SHARE:.0%} of each "
            "class, were made one."
        )
    classes = len(found.class_names)
    counts = {part: np.bincount(each.labels, minlength=classes) for part, each in parts.items()}
    for part, what in ((TRAIN, "to train on"), (TEST, "in the test part")):
        lacking = [found.class_names[c] for c in np.flatnonzero(counts[part] == 0)]
        if lacking and part == TRAIN:
            raise IntakeError(
                f"There is no image {what} of {_listed(lacking)}.",
                "Bring some, or leave the class out.",
            )
        if lacking:
            notes.append(f"There is no image {what} of {_listed(lacking)}.")
    shared, disagreeing = _duplicates(parts, hashes)
    arrays = {
        f"{kind}_{part}": values
        for part, each in parts.items()
        for kind, values in (("x", each.images), ("y", each.labels))
    }
    arrays["class_names"] = np.array(found.class_names)
    facts = Facts(
        digest="",
        title=title,
        shape=tuple(int(side) for side in parts[TRAIN].images.shape[1:]),  # type: ignore[arg-type]
        class_names=found.class_names,
        train_counts=counts[TRAIN].tolist(),
        test_counts=counts[TEST].tolist(),
        in_both=shared,
        disagreeing=disagreeing,
        notes=notes,
    )
    return replace(facts, digest=digest(arrays)), arrays


def digest(arrays: dict[str, np.ndarray]) -> str:
    """32 hexadecimal digits of arrays by their names: the same for the same images, however they
    came."""
    summed = hashlib.sha256()
    for name in sorted(arrays):
        values = arrays[name]
        if values.dtype.kind == "U":
            values = np.frombuffer(json.dumps(values.tolist()).encode(), np.uint8)
        kind = values.dtype.newbyteorder("<")
        summed.update(f"{name} {kind.str} {values.shape}\n".encode())
        summed.update(np.ascontiguousarray(values, kind).tobytes())
    return summed.hexdigest()[:32]


def _check(images: int, size: int, limits: Limits) -> None:
    if images < LEAST_IMAGES:
        said = "is 1 image" if images == 1 else f"are {images:,} images"
        raise IntakeError(
            f"There {said}: at least {LEAST_IMAGES} are needed to train, hold out and test.",
            "Bring more.",
        )
    if images > limits.images:
        raise IntakeError(
            f"There are {images:,} images, more than {limits.images:,}.", "Bring fewer."
        )
    if size > limits.unpacked_bytes:
        raise IntakeError(
            f"The images take {size / 2**20:,.0f} MiB, more than "
            f"{limits.unpacked_bytes / 2**20:,.0f}.",
            "Bring fewer, or choose a smaller side.",
        )


def _hashes(images: np.ndarray) -> np.ndarray:
    """A hash of each image: (N,) of 16 bytes."""
    found = [hashlib.blake2b(each.tobytes(), digest_size=16).digest() for each in images]
    return np.array(found, "V16")


def _split(part: Part, hashes: np.ndarray) -> tuple[dict[str, Part], dict[str, np.ndarray]]:
    """A fifth of each class as the test part, at least one image where it has two."""
    _, inverse, times = np.unique(hashes, return_inverse=True, return_counts=True)
    once = times[inverse] == 1
    draw, chosen = np.random.default_rng(0), np.zeros(len(part.labels), bool)
    for value in np.unique(part.labels):
        members = np.flatnonzero(part.labels == value)
        count = max(1, round(len(members) * TEST_SHARE)) if len(members) > 1 else 0
        fit = draw.permutation(members[once[members]])
        chosen[fit[:count]] = True
    if not chosen.any():
        raise IntakeError(
            "Every image is there more than once: none can be held back to test on.",
            "Bring each image once, or a test part of your own.",
        )
    masks = {TRAIN: ~chosen, TEST: chosen}
    parts = {name: Part(part.images[mask], part.labels[mask]) for name, mask in masks.items()}
    return parts, {name: hashes[mask] for name, mask in masks.items()}


def _duplicates(parts: dict[str, Part], hashes: dict[str, np.ndarray]) -> tuple[int, int]:
    """How many test images are among those to train on, and how many images are there with more
    than one label."""
    shared = int(np.isin(hashes[TEST], hashes[TRAIN]).sum())
    every = np.concatenate([hashes[part] for part in (TRAIN, TEST)])
    labels = np.concatenate([parts[part].labels for part in (TRAIN, TEST)])
    _, inverse = np.unique(every, return_inverse=True)
    low = np.full(inverse.max() + 1, np.iinfo(np.int64).max)
    high = np.full(inverse.max() + 1, -1)
    np.minimum.at(low, inverse, labels)
    np.maximum.at(high, inverse, labels)
    return shared, int((low != high).sum())


def _listed(names: Sequence[str]) -> str:
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more} more classes" if more > 0 else "")
