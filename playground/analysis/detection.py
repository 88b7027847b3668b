"""What a detector makes of a canvas that somebody has put together, stage by stage."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import tensorflow as tf

from playground.analysis.network import Network
from playground.errors import WorkerError
from playground.tasks.detection import DetectionSpec
from playground.training import cells
from playground.training.canvases import MOST, SIDE, composed, ink_of
from playground.training.detection import DetectionWork

LEAST, LARGEST = 6.0, 60.0  # pixels of an item's longer side


def detect(network: Network, placed: Sequence[Sequence[float]]) -> dict[str, Any]:
    """What is found on a canvas of up to four test images, each of `placed`: the class, which of
    its test images, the left and upper edge and the longer side, the latter three in pixels.

    `canvas` uint8 (64, 64, 1); `truth` float32 (n, 4) and `kinds` (n,) of what was placed;
    `objects` (G, G), the probability that a cell has an item; `cells` (G * G, 4), the box of each,
    before any is left out; `boxes` (K, 4), `classes`, `scores` (K,) and `masks`, a bit a pixel of
    32 × 32 (K, 128), of what is found. Raises WorkerError for another network or another canvas.
    """
    if not isinstance(network.spec, DetectionSpec):
        raise WorkerError("This network finds no boxes.", "Look at a run of Detection.")
    if not 1 <= len(placed) <= MOST or any(len(each) != 5 for each in placed):
        raise WorkerError(f"A canvas has one to {MOST} items.", "Place that many.")
    drawn = _composed(network, placed)
    answers = _answered(network, drawn["images"])
    there = answers["found_classes"][0] >= 0
    boxes = answers["found_boxes"][0][there]
    logits = answers["found_masks"][0][there]
    masks = cells.drawn_masks(logits, boxes, logits.shape[-1])
    count, grid = len(placed), math.isqrt(answers["cell_objects"].shape[1])
    return {
        "canvas": drawn["images"][0].numpy(),
        "truth": drawn["boxes"][0, :count].numpy(),
        "kinds": drawn["labels"][0, :count].numpy().astype(np.int32),
        "objects": answers["cell_objects"][0].reshape(grid, grid),
        "cells": answers["cell_boxes"][0],
        "boxes": boxes,
        "classes": answers["found_classes"][0][there].astype(np.int32),
        "scores": answers["found_scores"][0][there],
        "masks": np.packbits(masks.reshape(len(masks), masks.shape[1] ** 2), axis=-1),
    }


def _composed(network: Network, placed: Sequence[Sequence[float]]) -> dict[str, Any]:
    """The canvas as `Drawing.draw` has it, of one."""
    images, labels = network.dataset.test_images, network.dataset.test_labels
    chosen, kinds = np.zeros(MOST, np.int64), np.full(MOST, -1, np.int32)
    sizes, corners = np.full(MOST, LEAST, np.float32), np.zeros((MOST, 2), np.float32)
    for place, (kind, which, x, y, size) in enumerate(placed):
        members = np.flatnonzero(labels == int(kind))
        if not len(members):
            raise WorkerError("There is no such class.", "Choose one of those that are shown.")
        chosen[place] = members[int(which) % len(members)]
        kinds[place] = int(kind)
        sizes[place] = np.clip(size, LEAST, LARGEST)
        corners[place] = np.clip((x, y), -SIDE / 2, SIDE)
    taken = images[chosen]
    ink = ink_of(taken).astype(np.float32)
    scale = sizes / (ink[:, 2:] - ink[:, :2]).max(axis=1)
    given = (taken.astype(np.float32), kinds, ink, scale.astype(np.float32), corners)
    return composed(*(tf.constant(each[None]) for each in given))


def _answered(network: Network, canvases: Any) -> dict[str, np.ndarray]:
    """What the network says of canvases, stage by stage (`cells.stages`)."""
    found = _graph(network)(tf.cast(canvases, tf.float32))
    return {name: np.asarray(each) for name, each in found.items()}


@lru_cache(maxsize=8)
def _graph(network: Network) -> Any:
    model = network.built.giving(DetectionWork.outputs, named=True)

    def answered(canvases: Any) -> dict[str, Any]:
        return dict(cells.stages(model(canvases, training=False)))

    return tf.function(answered, reduce_retracing=True)
