"""Detection in the worker: canvases drawn on the device, cells that answer for items, AP."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import tensorflow as tf

from playground import datasets
from playground.spec import RunSpec
from playground.streams import number
from playground.tasks.detection import SIDE, DetectionSpec
from playground.training import average_precision as ap
from playground.training.canvases import Drawing, ink_of
from playground.training.work import Batch, Judged, Phase, Seen, Tensors, Work

STRIP = 24  # test canvases whose detections every evaluation repeats
STRIDE = 8  # pixels of a canvas to a cell
KEPT = 10  # detections of a canvas
SUPPRESSED = 0.5  # IoU from which of two detections the one of lower score goes
LEAST = 0.05  # score of what is kept
GRAIN = 2  # pixels of a canvas to one of a mask
HELD = 7  # seeds of canvases that stay: the same in every run
TESTED = 8


class DetectionWork(Work):
    """A run of Detection.

    Rows to train on are images of a data set, out of which a batch of canvases is drawn by the
    step. Those to validate and to test on are canvases that were drawn once, of other images.
    """

    trunk = ("conv6_activation",)
    outputs = ("object_logits", "cell_boxes", "class_logits", "coefficients", "prototypes")

    def __init__(self, spec: RunSpec, dataset: datasets.Dataset) -> None:
        self.own = own = cast(DetectionSpec, spec)
        sizes = sorted((own.smallest, own.largest))
        self.drawing = Drawing(own.items, sizes[0], sizes[1], own.overlap)
        self._seed = number(own.seed, "canvases")
        self._classes = len(dataset.class_names)
        super().__init__(spec, dataset)
        self.phases = [Phase("", np.arange(own.canvases), own.epochs)]
        for split, seed in (("validation", HELD), ("test", TESTED)):
            images = _inked(self.rows[split])
            self.rows[split] = self.drawing.fixed(images, seed, own.held_canvases)

    def pictures(self) -> np.ndarray:
        """Canvases for the statistics; the rows to train on get what their ink is."""
        self.rows["train"] = _inked(self.rows["train"])
        drawn: np.ndarray = self.drawing.fixed(self.rows["train"], self._seed, 512)["images"]
        return drawn

    def choose_strip(self) -> None:
        count = len(self.rows["test"]["images"])
        self.strip = np.arange(min(STRIP, count))

    def rows_of(self, split: str, chosen: np.ndarray | None = None) -> Mapping[str, np.ndarray]:
        """Of "train" canvases as they are drawn, as many as are chosen."""
        if split == "train":
            count = self.own.canvases if chosen is None else len(chosen)
            return self.drawing.fixed(self.rows["train"], self._seed, count)
        return super().rows_of(split, chosen)

    # Traced ---------------------------------------------------------------------------------

    def gather(self, rows: Tensors, indices: Any, step: Any) -> dict[str, Any]:
        seed = tf.stack([tf.constant(self._seed), step])
        return self.drawing.draw(rows, seed, indices.shape[0] or tf.shape(indices)[0])

    def batch(self, rows: Tensors, step: Any | None) -> Batch:
        targets = {name: rows[name] for name in ("boxes", "labels", "masks") if name in rows}
        return Batch({"images": tf.cast(rows["images"], tf.float32)}, [(1.0, targets)])

    def provided(
        self, outputs: Tensors, targets: Tensors, clock: Sequence[Any]
    ) -> Mapping[str, Any]:
        step, epoch, progress = clock
        boxes, labels = tf.cast(targets["boxes"], tf.float32), targets["labels"]
        present = labels >= 0
        item, positive, cells = assigned(boxes, present, self.own.radius)
        of_cell = tf.gather(labels, item, batch_dims=1)
        coefficients = _by_cell(outputs["coefficients"])
        masks = tf.image.resize(
            _last(tf.cast(targets["masks"], tf.float32)), (SIDE // GRAIN,) * 2, method="area"
        )
        logits = mask_logits(outputs["prototypes"], tf.gather(coefficients, cells, batch_dims=1))
        return {
            "objects": positive,
            "positive": positive,
            "p_object": tf.sigmoid(_by_cell(outputs["object_logits"])[..., 0]),
            "boxes": tf.gather(boxes, item, batch_dims=1),
            "boxes_pred": tf.cast(outputs["cell_boxes"], tf.float32),
            "y_class": tf.one_hot(of_cell, self._classes),
            "p_class": tf.nn.softmax(_by_cell(outputs["class_logits"])),
            "masks": _first(masks),
            "masks_pred": tf.sigmoid(logits),
            "inside": within(boxes, logits.shape[-1])
            * tf.cast(present, tf.float32)[..., None, None],
            "coefficients": coefficients,
            "prototypes": tf.cast(outputs["prototypes"], tf.float32),
            "num_classes": tf.constant(float(self._classes)),
            "step": step,
            "epoch": epoch,
            "progress": progress,
        }

    def answers(self, provided: Mapping[str, Any]) -> Tensors:
        """What is found: a cell's best class at the product of both probabilities, without what
        overlaps something surer; boxes (N, K, 4), classes, -1 for none, scores, and their masks."""
        return detected(
            provided["boxes_pred"],
            provided["p_object"],
            provided["p_class"],
            provided["coefficients"],
            provided["prototypes"],
        )

    # Between intervals, NumPy ---------------------------------------------------------------

    def judge(self, seen: Seen, rows: Mapping[str, np.ndarray], split: str) -> Judged:
        says = seen.answers
        found = ap.Detections(says["boxes"], says["classes"], says["scores"])
        boxes, classes = rows["boxes"], rows["labels"]
        each = ap.average_precision(found, boxes, classes)
        partner = ap.paired(found, boxes, classes)
        canvas, place = np.nonzero(partner >= 0)
        item = partner[canvas, place]
        truth, said = classes[canvas, item], found.classes[canvas, place]
        confusion = np.zeros((self._classes, self._classes), np.int32)
        np.add.at(confusion, (truth, said), 1)
        metrics = {
            "ap50": float(each[0]),
            "ap": float(each.mean()),
            "mask_iou": _mask_iou(
                drawn_masks(says["masks"][canvas, place], found.boxes[canvas, place], SIDE),
                rows["masks"][canvas, item] > 0,
            ),
            "recall": len(item) / max(int(np.count_nonzero(classes >= 0)), 1),
            "class_accuracy": float(np.mean(truth == said)) if len(item) else 0.0,
            **seen.metrics,
        }
        return Judged(metrics, {"confusion": confusion, "ap_by_iou": each.astype(np.float32)})

    def show(self, seen: Seen) -> dict[str, np.ndarray]:
        says = seen.answers
        return {
            "found_boxes": says["boxes"].astype(np.float32),
            "found_classes": says["classes"].astype(np.int32),
            "found_scores": says["scores"].astype(np.float32),
            "found_masks": _packed(says["masks"], says["boxes"]),
        }

    def shown(self) -> dict[str, np.ndarray]:
        rows = self.rows_of("test", self.strip)
        return {f"strip_{name}": rows[name] for name in ("images", "labels", "boxes")}


def assigned(
    boxes: Any, present: Any, radius: float, grid: int = SIDE // 8
) -> tuple[Any, Any, Any]:
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
    """What is found on each canvas: see `DetectionWork.answers`. Boxes (N, G, 4), p_object (N, G),
    p_class (N, G, C), coefficients (N, G, P), prototypes (N, H, W, P). Masks are logits (N, K, H,
    W), float16."""
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
    """What the network says of each cell, `objects` (N, G) and `cells` (N, G, 4), and what is left
    of it (`detected`)."""
    objects = tf.sigmoid(_by_cell(outputs["object_logits"])[..., 0])
    boxes = tf.cast(outputs["cell_boxes"], tf.float32)
    classes = tf.nn.softmax(_by_cell(outputs["class_logits"]))
    coefficients = _by_cell(outputs["coefficients"])
    prototypes = tf.cast(outputs["prototypes"], tf.float32)
    left = detected(boxes, objects, classes, coefficients, prototypes)
    return {"objects": objects, "cells": boxes, **left}


def drawn_masks(logits: np.ndarray, boxes: np.ndarray, side: int) -> np.ndarray:
    """Masks bool (N, side, side) of their logits (N, H, W), between their places bilinear; nothing
    outside of their boxes (N, 4)."""
    at = (np.arange(side) + 0.5) / side
    columns = (at >= boxes[:, 0, None]) & (at <= boxes[:, 2, None])
    rows = (at >= boxes[:, 1, None]) & (at <= boxes[:, 3, None])
    sized = tf.image.resize(logits[..., None].astype(np.float32), (side, side))[..., 0].numpy()
    found: np.ndarray = (sized > 0) & rows[:, :, None] & columns[:, None, :]
    return found


def _mask_iou(found: np.ndarray, true: np.ndarray) -> float:
    """The mean IoU of masks (N, H, W), pair by pair; 0 of none."""
    if not len(found):
        return 0.0
    shared = np.count_nonzero(found & true, axis=(1, 2))
    return float(np.mean(shared / np.maximum(np.count_nonzero(found | true, axis=(1, 2)), 1)))


def _packed(logits: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Masks (N, K, H, W) as a bit a pixel, uint8 (N, K, H * W / 8)."""
    count, kept, side, _ = logits.shape
    flat = drawn_masks(logits.reshape(-1, side, side), boxes.reshape(-1, 4), side)
    return np.packbits(flat.reshape(count, kept, -1), axis=-1)


def _by_cell(maps: Any) -> Any:
    """Maps (B, H, W, N) as a row a cell, float32 (B, H * W, N)."""
    return tf.reshape(tf.cast(maps, tf.float32), (-1, maps.shape[1] * maps.shape[2], maps.shape[3]))


def _last(masks: Any) -> Any:
    return tf.transpose(masks, (0, 2, 3, 1))


def _first(masks: Any) -> Any:
    return tf.transpose(masks, (0, 3, 1, 2))


def _inked(rows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Rows of images and labels with their ink."""
    return {
        "images": rows["images"],
        "labels": rows["labels"],
        "ink": ink_of(rows["images"]),
    }
