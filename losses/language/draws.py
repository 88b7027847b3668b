"""Small batches of every input a loss can name, for the probe and the doctor."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol
from zlib import crc32

import numpy as np

from losses.loss_info import Tensor, ops

from .graph import WIDTHS
from .inputs import Input, Provided, Sizes

SIZE = 24
WIDTH = WIDTHS[0]


class Taking(Protocol):
    """What is asked of a loss to know what it takes."""

    inputs: tuple[str, ...]
    provided: Provided | None


class TakingClasses(Taking, Protocol):
    """And for how many classes it is."""

    num_classes: int


@cache
def batch(seed: int, num_classes: int) -> dict[str, np.ndarray]:
    """A batch of SIZE samples with every input of the language's own."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype("float32")

    logits, labels = normal(SIZE, num_classes), rng.integers(0, num_classes, SIZE)
    e = np.exp(logits - logits.max(-1, keepdims=True))
    found: dict[str, Any] = {
        "logits": logits,
        "y_pred": (e / e.sum(-1, keepdims=True)).astype("float32"),
        "labels": labels.astype("int32"),
        "y_true": np.eye(num_classes, dtype="float32")[labels],
        "features": normal(SIZE, WIDTH),
        "centers": normal(num_classes, WIDTH),
        "last_kernel": normal(WIDTH, num_classes),
        "partner_features": normal(SIZE, WIDTH),
        "negative_features": normal(SIZE, WIDTH),
        "same": rng.integers(0, 2, SIZE).astype("float32"),
        "teacher_logits": normal(SIZE, num_classes),
        "sample_weight": np.linspace(0.5, 1.5, SIZE, dtype="float32"),
        "class_weights": np.linspace(0.5, 1.5, num_classes, dtype="float32"),
        "num_classes": np.int32(num_classes),
        "epoch": np.float32(1),
        "step": np.float32(10),
        "progress": np.float32(0.3),
    }
    found["p_true"] = (found["y_true"] * found["y_pred"]).sum(-1)
    for name in ("boxes", "boxes_pred"):
        each = np.random.default_rng([seed, crc32(name.encode())])
        found[name] = _value(each, "box", (SIZE, 4), num_classes)
    return found


def own(loss: Taking) -> dict[str, Input]:
    """The inputs of a loss to which a run has given a meaning, by name."""
    given = loss.provided.inputs if loss.provided is not None else {}
    found = ((name, given.get(name)) for name in loss.inputs)
    return {name: each for name, each in found if each is not None}


def drawn(loss: TakingClasses, seed: int) -> dict[str, Any]:
    """A batch of SIZE samples with all that a loss takes, also of a run's own."""
    found: dict[str, Any] = dict(batch(seed, loss.num_classes))
    for name, (each, latent) in latents(loss, seed).items():
        found[name] = np.asarray(made(each, latent)) if each.learnt else latent
    return found


def latents(loss: TakingClasses, seed: int) -> dict[str, tuple[Input, np.ndarray]]:
    """Of a run's own inputs that a loss takes, by name, with what they are: the values of labels
    and context, and of predictions any numbers, of which `made` makes their values."""
    found = own(loss)
    provided = loss.provided
    if not found or provided is None:
        return {}
    used = "".join(each.shape for each in provided.known.values())
    sizes = Sizes(loss.num_classes, provided.sizes, used)
    result = {}
    for name, each in found.items():
        rng = np.random.default_rng([seed, crc32(name.encode())])
        shape = sizes.of(each)[0]
        shape = (SIZE, *shape[1:]) if each.shape.startswith("B") else shape
        if each.learnt:
            value = rng.normal(size=shape).astype("float32")
        else:
            value = _value(rng, each.values, shape, loss.num_classes)
        result[name] = (each, value)
    return result


def made(found: Input, latent: Tensor) -> Tensor:
    """The values of a prediction out of any numbers of its size."""
    if found.values == "probability":
        return ops.softmax(latent, axis=-1)
    if found.values in ("unit", "binary"):
        return ops.sigmoid(latent)
    if found.values == "positive":
        return ops.softplus(latent)
    if found.values == "box":  # a corner, and from it how far to the other
        corner = ops.convert_to_tensor(latent)[..., :2]
        return ops.concatenate([corner, corner + ops.softplus(latent[..., 2:])], axis=-1)
    return latent


def _value(
    rng: np.random.Generator, values: str, shape: tuple[int, ...], classes: int
) -> np.ndarray:
    """What a label or context holds."""
    if values == "probability":
        chosen = rng.integers(0, shape[-1], shape[:-1])
        return np.eye(shape[-1], dtype="float32")[chosen]
    if values == "unit":
        return rng.random(shape).astype("float32")
    if values == "binary":
        return rng.integers(0, 2, shape).astype("float32")
    if values == "class":
        return rng.integers(0, classes, shape).astype("int32")
    if values == "positive":
        return np.abs(rng.normal(size=shape)).astype("float32")
    if values == "box":
        ends = np.sort(rng.random((2, *shape[:-1], 2)), axis=0)
        return np.concatenate([ends[0], ends[1]], axis=-1).astype("float32")
    return rng.normal(size=shape).astype("float32")


def extreme(base: Mapping[str, Any], loss: TakingClasses, seed: int, by: float) -> dict[str, Any]:
    """The batch with what a run's own predictions are made of `by` times as large."""
    learnt = ((n, e, x) for n, (e, x) in latents(loss, seed).items() if e.learnt)
    return {**base, **{n: np.asarray(made(e, by * x)) for n, e, x in learnt}}
