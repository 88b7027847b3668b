"""What a detector makes of a canvas that somebody has put together, stage by stage."""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

import numpy as np
import tensorflow as tf

from playground import detectors, own_layers
from playground.analysis.network import Network
from playground.errors import WorkerError
from playground.tasks.detection import DetectionSpec
from playground.training import cells
from playground.training.canvases import MOST, SIDE, composed, ink_of
from playground.training.detection import stages

LEAST, LARGEST = 6.0, 60.0  # pixels of an item's longer side


def detect(
    network: Network, placed: Sequence[Sequence[float]], image: Mapping[str, Any]
) -> dict[str, Any]:
    """What is found, stage by stage, on a canvas of up to four test images, each of `placed`: the
    class, which of its test images, the left and upper edge and the longer side, the latter three
    in pixels; with none placed, on the test canvas of an `image`'s number.

    `canvas` uint8 (64, 64, 1); `truth` float32 (n, 4) and `kinds` (n,) of what is there; `objects`
    (G, G), the probability of an item at each place; `starts` (N, 4) the cells or anchors,
    `candidates` (N, 4) the box that each makes, and `chances` (N,) the probability that it has an
    item. Of two stages `proposals` (P, 4), those that are left, `regions` (P, 4) the boxes that
    these become, `said` (P,) the likeliest class, the background one beyond the others, and `sure`
    (P,) its probability; of one stage there are none. `boxes` (K, 4), `classes`, `scores` (K,) and
    `masks`, a bit a pixel (K, H * W / 8), of what is found. Raises WorkerError for another network
    or another canvas.
    """
    if not isinstance(network.spec, DetectionSpec):
        raise WorkerError("This network finds no boxes.", "Look at a run of Detection.")
    drawn = _composed(network, placed) if placed else _tested(network, image)
    answers = _answered(network, drawn["images"])
    there = answers["found_classes"][0] >= 0
    boxes = answers["found_boxes"][0][there]
    logits = answers["found_masks"][0][there]
    masks = cells.drawn_masks(logits, boxes, logits.shape[-1])
    kinds = np.asarray(drawn["labels"])[0].astype(np.int32)
    return {
        "canvas": np.asarray(drawn["images"])[0],
        "truth": np.asarray(drawn["boxes"])[0][kinds >= 0],
        "kinds": kinds[kinds >= 0],
        **_first(network.spec, answers),
        **_second(answers),
        "boxes": boxes,
        "classes": answers["found_classes"][0][there].astype(np.int32),
        "scores": answers["found_scores"][0][there],
        "masks": np.packbits(masks.reshape(len(masks), masks.shape[1] ** 2), axis=-1),
    }


def _first(spec: DetectionSpec, answers: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What cells or anchors say; of several anchors at a place the surest counts."""
    chances = answers["objects"][0]
    if spec.stages == "one":
        grid = math.isqrt(len(chances))
        starts = own_layers.anchors([grid], [1 / grid], [1.0])
        objects = chances.reshape(grid, grid)
    else:
        starts = own_layers.anchors(**detectors.anchors_of(spec))
        objects, at = np.zeros((max(detectors.GRIDS),) * 2, np.float32), 0
        for grid in detectors.GRIDS:
            count = grid * grid * len(detectors.RATIOS)
            level = chances[at : at + count].reshape(grid, grid, -1).max(axis=-1)
            objects = np.maximum(objects, np.kron(level, np.ones((len(objects) // grid,) * 2)))
            at += count
    return {
        "objects": objects.astype(np.float32),
        "starts": starts,
        "candidates": answers["candidates"][0],
        "chances": chances,
    }


def _second(answers: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What is said of proposals; empty where there are none."""
    none = np.zeros((0, 4), np.float32)
    if "proposals" not in answers:
        empty = {"said": np.zeros(0, np.int32), "sure": np.zeros(0, np.float32)}
        return {"proposals": none, "regions": none, **empty}
    classes = answers["region_classes"][0]
    return {
        "proposals": answers["proposals"][0],
        "regions": answers["region_boxes"][0],
        "said": classes.argmax(axis=-1).astype(np.int32),
        "sure": classes.max(axis=-1),
    }


def _tested(network: Network, image: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The test canvas of a number. Raises WorkerError where there is none."""
    return network.row({"test": image.get("test", 0)})


def _composed(network: Network, placed: Sequence[Sequence[float]]) -> dict[str, Any]:
    """The canvas as `Drawing.draw` has it, of one."""
    if len(placed) > MOST or any(len(each) != 5 for each in placed):
        raise WorkerError(f"A canvas has one to {MOST} items.", "Place that many.")
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
    spec = cast(DetectionSpec, network.spec)
    model = network.built.giving(detectors.OUTPUTS[spec.stages], named=True)

    def answered(canvases: Any) -> dict[str, Any]:
        return dict(stages(spec, model(canvases, training=False)))

    return tf.function(answered, reduce_retracing=True)
