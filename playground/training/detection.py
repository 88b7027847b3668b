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
from playground.training import cells
from playground.training.canvases import Drawing, ink_of
from playground.training.work import Batch, Judged, Phase, Seen, Tensors, Work

STRIP = 24  # test canvases whose detections every evaluation repeats
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
        """A canvas, whose size the statistics are of; the rows to train on get their ink."""
        self.rows["train"] = _inked(self.rows["train"])
        return np.zeros((1, SIDE, SIDE, 1), np.uint8)

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
        return {
            **cells.named(outputs, targets, self._classes, self.own.radius),
            "outputs": outputs,
            "num_classes": tf.constant(float(self._classes)),
            "step": step,
            "epoch": epoch,
            "progress": progress,
        }

    def answers(self, provided: Mapping[str, Any]) -> Tensors:
        """What is found (`cells.detected`)."""
        found = cells.stages(provided["outputs"])
        return {name: found[f"found_{name}"] for name in cells.FOUND}

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
            "mask_iou": cells.mask_iou(
                cells.drawn_masks(says["masks"][canvas, place], found.boxes[canvas, place], SIDE),
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
            "found_masks": cells.packed(says["masks"], says["boxes"]),
        }

    def shown(self) -> dict[str, np.ndarray]:
        rows = self.rows_of("test", self.strip)
        return {f"strip_{name}": rows[name] for name in ("images", "labels", "boxes")}


def _inked(rows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Rows of images and labels with their ink."""
    return {
        "images": rows["images"],
        "labels": rows["labels"],
        "ink": ink_of(rows["images"]),
    }
