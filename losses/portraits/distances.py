"""What a loss on the embedding does: distances of pairs and triplets, or points with arrows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from losses.gradient import gradient_of

from .function import LossFunction

POINTS = 81
FAR = 10.0  # the largest distance that is tried where features may have any length
POSITIVES = (0.3, 0.8, 1.3)  # distances of anchor and positive, in a triplet's picture
EACH = 9  # points a class
GROUPS = 3
SPREAD = 0.55


def on_features(function: LossFunction) -> dict[str, Any]:
    """The picture that fits: `kind` is "pairs", "triplets" or "points", with float32 arrays.

    pairs: `distance` (P,), and for the same class and for another `loss` (2, P) and `slope` (2, P)
    of L by the distance. triplets: `distance` (P,) of anchor and negative, `positive` (3,) of
    anchor and positive, `loss` (3, P), `slope` (3, P). points: `points` (N, 2), `labels` (N,),
    `arrows` (N, 2), the way each feature vector is moved (-dL/df), `marks` (K, 2), the class
    vectors or centres where it takes them. `note` says what is shown.
    """
    inputs = set(function.loss.inputs)
    if "negative_features" in inputs:
        return _triplets(function)
    if {"same", "partner_features"} <= inputs:
        return _pairs(function)
    return _points(function)


def _pairs(function: LossFunction) -> dict[str, Any]:
    distance, at = _line(function)
    anchors = np.tile(at(np.zeros(1)), (POINTS, 1))
    found = [
        _each(function, {"features": anchors, "partner_features": at(distance),
                       "negative_features": at(distance),
                       "same": np.full(POINTS, float(same), "float32")})
        for same in (1, 0)
    ]  # fmt: skip
    return _curves("pairs", distance, found,
                   "Two images, by the distance between their feature vectors.")  # fmt: skip


def _triplets(function: LossFunction) -> dict[str, Any]:
    distance, at = _line(function)
    anchors = np.tile(at(np.zeros(1)), (POINTS, 1))
    found = [
        _each(function, {"features": anchors, "negative_features": at(-distance),
                       "partner_features": np.tile(at(np.array([near])), (POINTS, 1)),
                       "same": np.ones(POINTS, "float32")})
        for near in POSITIVES
    ]  # fmt: skip
    made = _curves("triplets", distance, found, "An anchor, a positive at a fixed distance and a "
                   "negative ever farther away.")  # fmt: skip
    return {**made, "positive": np.array(POSITIVES, "float32")}


def _curves(kind: str, distance: np.ndarray, found: list[np.ndarray], note: str) -> dict[str, Any]:
    loss = np.stack(found)
    slope = np.gradient(loss, distance, axis=1)
    arrays = {"distance": distance, "loss": loss, "slope": slope}
    return {"kind": kind, "note": note, **{n: a.astype("float32") for n, a in arrays.items()}}


def _line(function: LossFunction) -> tuple[np.ndarray, Any]:
    """Distances (P,) and the way from them to feature vectors (P, 2): round a circle of radius 1
    if the loss looks at directions only, along a straight line otherwise."""
    if _scale_free(function):

        def on_circle(distance: np.ndarray) -> np.ndarray:
            angle = 2 * np.arcsin(np.clip(distance / 2, -1, 1))
            return np.stack([np.cos(angle), np.sin(angle)], axis=-1).astype("float32")

        return np.linspace(0, 2, POINTS), on_circle

    def on_line(distance: np.ndarray) -> np.ndarray:
        return np.stack([np.ones_like(distance), distance], axis=-1).astype("float32")

    return np.linspace(0, FAR, POINTS), on_line


def _scale_free(function: LossFunction) -> bool:
    rng = np.random.default_rng(0)
    names = ("features", "partner_features", "negative_features")
    base = {name: rng.normal(size=(8, 2)).astype("float32") for name in names}
    base["same"] = (np.arange(8) % 2).astype("float32")
    one = _each(function, base)
    other = _each(function, {**base, **{name: 3 * base[name] for name in names}})
    return bool(np.allclose(one, other, rtol=1e-3, atol=1e-6))


def _each(function: LossFunction, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
    """The values (N,) of samples, which one by one make a batch where they are not given so."""
    count = len(tensors["features"])
    values = np.asarray(function.loss.values(_completed(function, tensors)))
    if values.shape == (count,):
        return values
    rows = [{n: v[i : i + 1] for n, v in tensors.items()} for i in range(count)]
    return np.array(
        [float(np.mean(function.loss.values(_completed(function, row)))) for row in rows]
    )


def _completed(function: LossFunction, tensors: Mapping[str, Any]) -> dict[str, Any]:
    """These tensors and all else that a loss may ask for; the logits are features @ weights."""
    classes = function.classes
    features = tf.convert_to_tensor(tensors["features"])
    labels = tensors.get("labels", np.zeros(len(tensors["features"]), "int32"))
    turns = 2 * np.pi * np.arange(classes) / min(classes, GROUPS) + np.pi / 2
    around = np.stack([np.cos(turns), np.sin(turns)], axis=-1).astype("float32")
    logits = tf.matmul(features, tf.constant(around.T))
    given = dict(function.given(tf.constant(labels, "int32"), logits))
    return {**given, "last_kernel": tf.constant(around.T), "centers": tf.constant(around),
            "partner_features": features, "negative_features": features,
            "same": tf.ones(len(labels)), **tensors, "features": features}  # fmt: skip


def _points(function: LossFunction) -> dict[str, Any]:
    rng = np.random.default_rng(4)
    labels = np.repeat(np.arange(GROUPS), EACH).astype("int32")
    turns = 2 * np.pi * labels / GROUPS + np.pi / 2
    middle = np.stack([np.cos(turns), np.sin(turns)], axis=-1)
    points = (middle + SPREAD * rng.normal(size=(len(labels), 2))).astype("float32")
    others = (points + 0.25 * rng.normal(size=points.shape)).astype("float32")
    features = tf.constant(points)
    with tf.GradientTape() as tape:
        tape.watch(features)
        tensors = {"features": features, "labels": labels, "partner_features": others}
        total = function.loss.on(_completed(function, tensors)) * len(labels)
    slopes = gradient_of(tape, total, features).numpy()
    inputs = set(function.loss.inputs)
    marked = bool(inputs & {"last_kernel", "centers"})
    turns = 2 * np.pi * np.arange(GROUPS) / GROUPS + np.pi / 2
    marks = np.stack([np.cos(turns), np.sin(turns)], axis=-1)[: GROUPS if marked else 0]
    what = "class vector" if "last_kernel" in inputs else "centre"
    note = "Three classes of feature vectors in two dimensions; arrows: where each is moved."
    if marked:
        note += f" Crosses: each class' {what}."
    return {
        "kind": "points",
        "note": note,
        "points": points,
        "labels": labels,
        "arrows": -slopes.astype("float32"),
        "marks": marks.astype("float32"),
    }
