"""What the cells of a one-stage detector answer for, and what is made of their answers.

A file of its own that needs NumPy and TensorFlow alone, because it goes with an exported script.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

KEPT = 10  # detections of a canvas
SUPPRESSED = 0.5  # IoU from which of two detections the one of lower score goes
LEAST = 0.05  # score of what is kept
FOUND = ("boxes", "classes", "scores", "masks")  # what `detected` gives

Tensors = Mapping[str, Any]


def named(outputs: Tensors, targets: Tensors, classes: int, radius: float) -> dict[str, Any]:
    """What a loss may name, out of a network's `outputs` and the `targets` "boxes" (B, M, 4),
    "labels" (B, M), -1 for none, and "masks" (B, M, H, W); cells answer for items as far as
    `radius` (`assigned`)."""
    boxes, labels = tf.cast(targets["boxes"], tf.float32), targets["labels"]
    present = labels >= 0
    grid = outputs["object_logits"].shape[1]
    item, positive, cells = assigned(boxes, present, radius, grid)
    of_cell = tf.gather(labels, item, batch_dims=1)
    coefficients = _by_cell(outputs["coefficients"])
    logits = mask_logits(outputs["prototypes"], tf.gather(coefficients, cells, batch_dims=1))
    side = logits.shape[-1]
    masks = tf.transpose(tf.cast(targets["masks"], tf.float32), (0, 2, 3, 1))
    masks = tf.image.resize(masks, (side, side), method="area")
    there = tf.cast(present, tf.float32)[..., None, None]
    return {
        "objects": positive,
        "positive": positive,
        "p_object": tf.sigmoid(_by_cell(outputs["object_logits"])[..., 0]),
        "boxes": tf.gather(boxes, item, batch_dims=1),
        "boxes_pred": tf.cast(outputs["cell_boxes"], tf.float32),
        "y_class": tf.one_hot(of_cell, classes),
        "p_class": tf.nn.softmax(_by_cell(outputs["class_logits"])),
        "masks": tf.transpose(masks, (0, 3, 1, 2)),
        "masks_pred": tf.sigmoid(logits),
        "inside": within(boxes, side) * there,
    }


def assigned(boxes: Any, present: Any, radius: float, grid: int) -> tuple[Any, Any, Any]:
    """Of each cell (B, G) the item it answers for and whether it does, float; and of each item
    (B, M) the cell that its centre lies in. A cell belongs to the nearest item whose centre is at
    most `radius` cells away, along the farther axis."""
    at = (tf.range(grid, dtype=tf.float32) + 0.5) / grid
    x, y = (tf.reshape(each, [-1]) for each in tf.meshgrid(at, at))
    middle = (boxes[..., :2] + boxes[..., 2:]) / 2
    apart = tf.abs(tf.stack([x, y], axis=-1)[None, :, None] - middle[:, None])
    far = tf.reduce_max(apart, axis=-1) * grid
    far = tf.where(present[:, None], far, np.inf)
    item = tf.argmin(far, axis=-1, output_type=tf.int32)
    positive = tf.cast(tf.reduce_min(far, axis=-1) <= radius, tf.float32)
    place = tf.clip_by_value(tf.cast(middle * grid, tf.int32), 0, grid - 1)
    return item, positive, place[..., 1] * grid + place[..., 0]


def within(boxes: Any, side: int) -> Any:
    """1 for the pixels of a map of `side` whose centres lie in each box, else 0: (B, M, H, W)."""
    at = (tf.range(side, dtype=tf.float32) + 0.5) / side
    columns = (at >= boxes[..., 0, None]) & (at <= boxes[..., 2, None])
    rows = (at >= boxes[..., 1, None]) & (at <= boxes[..., 3, None])
    return tf.cast(rows[..., :, None] & columns[..., None, :], tf.float32)


def mask_logits(prototypes: Any, coefficients: Any) -> Any:
    """Masks (B, M, H, W) of prototypes (B, H, W, P) and coefficients (B, M, P), before the
    sigmoid."""
    return tf.einsum("bhwp,bmp->bmhw", tf.cast(prototypes, tf.float32), coefficients)


def detected(boxes: Any, objects: Any, classes: Any, coefficients: Any, prototypes: Any) -> Tensors:
    """What is found on each canvas: `boxes` (N, K, 4), `classes` (N, K), -1 for none, `scores`
    (N, K) and `masks`, logits (N, K, H, W) in float16. A cell says its likeliest class, sure by
    the product of both probabilities; what overlaps something surer is left out.

    Of boxes (N, G, 4), p_object (N, G), p_class (N, G, C), coefficients (N, G, P) and prototypes
    (N, H, W, P).
    """
    scores = objects * tf.reduce_max(classes, axis=-1)
    chosen, count = tf.image.non_max_suppression_padded(
        boxes,
        scores,
        KEPT,
        iou_threshold=SUPPRESSED,
        score_threshold=LEAST,
        pad_to_max_output_size=True,
        canonicalized_coordinates=True,
    )
    there = tf.range(KEPT)[None] < count[:, None]
    best = tf.argmax(classes, axis=-1, output_type=tf.int32)
    logits = mask_logits(prototypes, tf.gather(coefficients, chosen, batch_dims=1))
    return {
        "boxes": tf.clip_by_value(tf.gather(boxes, chosen, batch_dims=1), 0.0, 1.0),
        "classes": tf.where(there, tf.gather(best, chosen, batch_dims=1), -1),
        "scores": tf.where(there, tf.gather(scores, chosen, batch_dims=1), 0.0),
        "masks": tf.cast(logits, tf.float16),
    }


def stages(outputs: Tensors) -> Tensors:
    """What the network says of each cell, `objects` (N, G) the probability of an item and
    `candidates` (N, G, 4) its box, and what is left of them: that of `detected`, each name with
    `found_` before it."""
    objects = tf.sigmoid(_by_cell(outputs["object_logits"])[..., 0])
    boxes = tf.cast(outputs["cell_boxes"], tf.float32)
    classes = tf.nn.softmax(_by_cell(outputs["class_logits"]))
    coefficients = _by_cell(outputs["coefficients"])
    prototypes = tf.cast(outputs["prototypes"], tf.float32)
    left = detected(boxes, objects, classes, coefficients, prototypes)
    found = {f"found_{name}": each for name, each in left.items()}
    return {"objects": objects, "candidates": boxes, **found}


def drawn_masks(logits: np.ndarray, boxes: np.ndarray, side: int) -> np.ndarray:
    """Masks bool (N, side, side) of their logits (N, H, W), between their places bilinear; nothing
    outside of their boxes (N, 4)."""
    at = (np.arange(side) + 0.5) / side
    columns = (at >= boxes[:, 0, None]) & (at <= boxes[:, 2, None])
    rows = (at >= boxes[:, 1, None]) & (at <= boxes[:, 3, None])
    sized = tf.image.resize(logits[..., None].astype(np.float32), (side, side))[..., 0].numpy()
    found: np.ndarray = (sized > 0) & rows[:, :, None] & columns[:, None, :]
    return found


def mask_iou(found: np.ndarray, true: np.ndarray) -> float:
    """The mean IoU of masks (N, H, W), pair by pair; 0 of none."""
    if not len(found):
        return 0.0
    shared = np.count_nonzero(found & true, axis=(1, 2))
    return float(np.mean(shared / np.maximum(np.count_nonzero(found | true, axis=(1, 2)), 1)))


def packed(logits: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Masks (N, K, H, W) as a bit a pixel, uint8 (N, K, H * W / 8)."""
    count, kept, side, _ = logits.shape
    flat = drawn_masks(logits.reshape(-1, side, side), boxes.reshape(-1, 4), side)
    return np.packbits(flat.reshape(count, kept, -1), axis=-1)


def _by_cell(maps: Any) -> Any:
    """Maps (B, H, W, N) as a row a cell, float32 (B, H * W, N)."""
    return tf.reshape(tf.cast(maps, tf.float32), (-1, maps.shape[1] * maps.shape[2], maps.shape[3]))
