"""Detection in the worker: canvases drawn on the device, what cells or anchors and proposals are to
learn, AP."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import tensorflow as tf

from playground import datasets, detectors, own_layers
from playground.errors import SpecError
from playground.spec import RunSpec
from playground.streams import number
from playground.tasks.detection import SIDE, STAGES, DetectionSpec, foreign
from playground.training import average_precision as ap
from playground.training import cells, regions
from playground.training.canvases import Drawing, ink_of
from playground.training.work import Batch, Judged, Phase, Seen, Tensors, Work

STRIP = 24  # test canvases whose detections every evaluation repeats
HELD = 7  # seeds of canvases that stay: the same in every run
TESTED = 8
LEARNED = ("box_iou", "item_chance", "background_chance")  # of cells, anchors and proposals


class DetectionWork(Work):
    """A run of Detection.

    Rows to train on are images of a data set, out of which a batch of canvases is drawn by the
    step. Those to validate and to test on are canvases that were drawn once, of other images.
    """

    trunk = ("conv6_activation",)

    def __init__(self, spec: RunSpec, dataset: datasets.Dataset) -> None:
        self.own = own = cast(DetectionSpec, spec)
        self.outputs = detectors.OUTPUTS[own.stages]
        self._anchors = own_layers.anchors(**detectors.anchors_of(own))
        sizes = sorted((own.smallest, own.largest))
        self.drawing = Drawing(own.items, sizes[0], sizes[1], own.overlap)
        self._seed = number(own.seed, "canvases")
        self._sampling = number(own.seed, "anchors")
        self._classes = len(dataset.class_names)
        super().__init__(spec, dataset)
        for each in (self.loss, *self.metrics.values()):
            if why := self.can_take(each):
                (other,) = set(STAGES) - {own.stages}
                raise SpecError("stages", why, f"Choose {STAGES[other].lower()}, or another loss.")
        self.phases = [Phase("", np.arange(own.canvases), own.epochs)]
        for split, seed in (("validation", HELD), ("test", TESTED)):
            images = _inked(self.rows[split])
            self.rows[split] = self.drawing.fixed(images, seed, own.held_canvases)

    def can_take(self, loss: Any) -> str:
        return foreign(loss.inputs, self.own.stages)

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
            **self._named(outputs, targets, step),
            "outputs": outputs,
            "num_classes": tf.constant(float(self._classes)),
            "step": step,
            "epoch": epoch,
            "progress": progress,
        }

    def _named(self, outputs: Tensors, targets: Tensors, step: Any) -> dict[str, Any]:
        if self.own.stages == "one":
            return cells.named(outputs, targets, self._classes, self.own.radius)
        seed = tf.stack([tf.constant(self._sampling), tf.cast(step, tf.int32)])
        return regions.named(outputs, targets, self._anchors, self._classes, self.own.match, seed)

    def answers(self, provided: Mapping[str, Any]) -> Tensors:
        """What is found, and how well boxes and objectness are learned where they are to be."""
        found = stages(self.own, provided["outputs"])
        before = "" if self.own.stages == "one" else "rpn_"
        objects, chances = provided[f"{before}objects"], provided[f"{before}p_object"]
        overlaps = regions.overlap(provided["boxes"], provided["boxes_pred"])
        return {
            **{name: found[f"found_{name}"] for name in cells.FOUND},
            "box_iou": _mean(overlaps, provided["positive"]),
            "item_chance": _mean(chances, objects),
            "background_chance": _mean(chances, 1 - objects),
        }

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
            **{name: float(says[name]) for name in LEARNED},
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


def _mean(values: Any, counts: Any) -> Any:
    """The mean of those values that count, 0 where none does."""
    return tf.math.divide_no_nan(tf.reduce_sum(values * counts), tf.reduce_sum(counts))


def stages(spec: DetectionSpec, outputs: Tensors) -> Tensors:
    """What a network says of canvases, stage by stage (`cells.stages`, `regions.stages`)."""
    return (cells if spec.stages == "one" else regions).stages(outputs)


def _inked(rows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Rows of images and labels with their ink."""
    return {
        "images": rows["images"],
        "labels": rows["labels"],
        "ink": ink_of(rows["images"]),
    }
