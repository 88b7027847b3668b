"""Detection: the boxes, classes and masks of a few items on a toy canvas.

A one-stage network answers for each cell of a grid whether an item is there, its box and its class
(Tian et al., "FCOS", ICCV 2019); a mask is a sum of prototypes that the whole canvas shares, by the
cell's coefficients (Bolya et al., "YOLACT", ICCV 2019). A two-stage network proposes regions, by
anchors of a pyramid, and asks again of each its class, its box and its mask (Ren et al., "Faster
R-CNN", NIPS 2015; He et al., "Mask R-CNN", ICCV 2017).
"""

from base64 import b64encode
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from playground import detectors
from playground.datasets import Dataset, find, source_of
from playground.knobs import Knob, knob_of
from playground.layers import Plan
from playground.spec import TASK_KNOB, RunSpec
from playground.tasks.inputs import Input, known
from playground.tasks.task import Measure, Task

if TYPE_CHECKING:
    from playground.training.events import Evaluated, Started
    from playground.training.work import Work

SIDE = detectors.SIDE
OBJECTIVE = """\
o = 1.0  # 0..5    weight of objectness
b = 2.0  # 0..5    weight of the boxes
c = 1.0  # 0..5    weight of the classes
m = 1.0  # 0..5    weight of the masks
gamma = 2.0  # 0..5    focal: cells that are easy count less
found = maximum(sum(positive), 1)
there = -objects * (1 - p_object)**gamma * log(p_object)
absent = -(1 - objects) * p_object**gamma * log(1 - p_object)
objectness = sum(there + absent) / found
box = sum(positive * giou_loss(boxes, boxes_pred)) / found
class_ = sum(positive * cross_entropy(y_class, p_class)) / found
pixels = masks * log(masks_pred) + (1 - masks) * log(1 - masks_pred)
mask = -sum(inside * pixels) / maximum(sum(inside), 1)
o * objectness + b * box + c * class_ + m * mask"""
TWO_STAGES = """\
ro = 1.0  # 0..5    weight of the anchors' objectness
rb = 1.0  # 0..5    weight of the anchors' boxes
c = 1.0  # 0..5    weight of the classes
b = 1.0  # 0..5    weight of the boxes
m = 1.0  # 0..5    weight of the masks
found = maximum(sum(positive), 1)
there = rpn_objects * log(rpn_p_object)
absent = (1 - rpn_objects) * log(1 - rpn_p_object)
rpn_class = -sum(rpn_sampled * (there + absent)) / maximum(sum(rpn_sampled), 1)
moved = smooth_l1(rpn_deltas, rpn_deltas_pred, beta=0.11)
rpn_box = sum(rpn_positive * moved) / maximum(sum(rpn_positive), 1)
class_ = mean(cross_entropy(y_region, p_region))
box = sum(positive * giou_loss(boxes, boxes_pred)) / found
pixels = masks * log(masks_pred) + (1 - masks) * log(1 - masks_pred)
mask = -sum(inside * pixels) / maximum(sum(inside), 1)
ro * rpn_class + rb * rpn_box + c * class_ + b * box + m * mask"""
OBJECTIVES: Mapping[str, str] = {"one": OBJECTIVE, "two": TWO_STAGES}
STAGES: Mapping[str, str] = {"one": "One stage", "two": "Two stages"}
# What a loss of one of them alone may name.
OWN_NAMES: Mapping[str, frozenset[str]] = {
    "one": frozenset({"objects", "p_object", "y_class", "p_class"}),
    "two": frozenset({
        "rpn_objects", "rpn_p_object", "rpn_sampled", "rpn_positive", "rpn_deltas",
        "rpn_deltas_pred", "y_region", "p_region", "deltas", "deltas_pred",
    }),
}  # fmt: skip


class DetectionSpec(RunSpec):
    """A run that finds items on canvases."""

    task: Annotated[Literal["detection"], TASK_KNOB] = "detection"
    loss: Annotated[str, Knob("Loss", "What is minimised.", "loss")] = OBJECTIVE
    stages: Annotated[
        str,
        Knob(
            "Detector",
            "One stage answers at once for each cell of a grid. Two stages propose regions, by "
            "anchors, and look again at each of them.",
            "detector",
            choices=STAGES,
        ),
    ] = "one"
    normalise: Annotated[
        str,
        Knob(
            "Normalisation",
            "Scale to 0…1, or leave 0…255, which networks bear badly.",
            "data",
            choices={"unit": "Scale to 0…1", "raw": "Raw, 0…255"},
        ),
    ] = "unit"
    epochs: Annotated[int, knob_of(RunSpec.model_fields["epochs"])] = 10
    evaluations: Annotated[int, knob_of(RunSpec.model_fields["evaluations"])] = 2
    precision: Annotated[str, knob_of(RunSpec.model_fields["precision"])] = "auto"
    canvases: Annotated[
        int,
        Knob(
            "Canvases",
            "How many a pass has; each is drawn anew when its turn comes.",
            "data",
            low=100,
            high=60_000,
            step=100,
        ),
    ] = 12_000
    held_canvases: Annotated[
        int,
        Knob(
            "Test canvases",
            "How many to test on, and as many to validate on, of images that are not trained on; "
            "the same in every run.",
            "data",
            low=20,
            high=2_000,
            step=20,
        ),
    ] = 500
    items: Annotated[
        int, Knob("Items", "At most so many a canvas.", "data", low=1, high=4, step=1)
    ] = 4
    smallest: Annotated[
        float,
        Knob(
            "Smallest item",
            "Pixels of its longer side, of a canvas of 64: each item has one between this and the "
            "next.",
            "data",
            low=8.0,
            high=48.0,
            step=1.0,
        ),
    ] = 18.0
    largest: Annotated[
        float,
        Knob("Largest item", "The other end of these.", "data", low=8.0, high=48.0, step=1.0),
    ] = 32.0
    overlap: Annotated[
        float,
        Knob(
            "Overlap",
            "The share of the smaller of two boxes that lies in the other, at most, where there "
            "is room.",
            "data",
            low=0.0,
            high=1.0,
            step=0.05,
        ),
    ] = 0.25
    width: Annotated[
        int,
        Knob(
            "Width",
            "Filters of the first convolution; the last have eight times as many.",
            "model",
            low=2,
            high=32,
            step=2,
        ),
    ] = 16
    prototypes: Annotated[
        int,
        Knob("Mask prototypes", "Maps that each mask is a sum of.", "one stage", low=2, high=32),
    ] = 12
    radius: Annotated[
        float,
        Knob(
            "Positive cells",
            "How far, in cells, a cell's centre may be from an item's for it to answer for the "
            "item. The one that the centre lies in always does.",
            "one stage",
            low=0.5,
            high=2.0,
            step=0.1,
        ),
    ] = 1.0
    anchor_small: Annotated[
        float,
        Knob(
            "Small anchors",
            "Pixels of a side of the square ones on the finer level, every 4 pixels. Beside each "
            "is one of the same area that is twice as high as wide.",
            "two stages",
            low=6.0,
            high=60.0,
            step=1.0,
        ),
    ] = 18.0
    anchor_large: Annotated[
        float,
        Knob(
            "Large anchors",
            "The same on the coarser level, every 8 pixels.",
            "two stages",
            low=6.0,
            high=60.0,
            step=1.0,
        ),
    ] = 26.0
    match: Annotated[
        float,
        Knob(
            "Positive anchors",
            "The intersection over union with an item from which an anchor is to answer for it. "
            "The one that overlaps it most always is; below 0.3 it is background.",
            "two stages",
            low=0.35,
            high=0.9,
            step=0.05,
        ),
    ] = 0.6
    proposals: Annotated[
        int,
        Knob(
            "Proposals",
            "How many regions the second stage looks at, after non-maximum suppression.",
            "two stages",
            low=8,
            high=64,
            step=4,
        ),
    ] = 16

    @model_validator(mode="before")
    @classmethod
    def _own_objective(cls, values: Any) -> Any:
        """A loss that nobody has written is the one that goes with the stages."""
        if not isinstance(values, Mapping):
            return values
        text, stages = values.get("loss", OBJECTIVE), values.get("stages", "one")
        if text not in OBJECTIVES.values() or stages not in STAGES:
            return values
        return {**values, "loss": OBJECTIVES[stages]}

    @field_validator("dataset")
    @classmethod
    def _grey(cls, value: str, info: ValidationInfo) -> str:
        known_set = find(value)
        if known_set is not None and known_set.shape[2] != 1:
            raise PydanticCustomError("range", f"expected grey images; got {known_set.title}")
        return value


class Detection(Task):
    """The task."""

    name, title, Spec = "detection", "Detection", DetectionSpec
    inputs: Mapping[str, Input | None] = {
        "objects": Input("BG", "label", "o", "1 in the cells of an item, 0 elsewhere", "binary"),
        "p_object": Input(
            "BG", "prediction", r"\hat o", "the probability that a cell has an item", "unit"
        ),
        "boxes": Input(
            "BG4", "label", "b", "the true box of each cell or proposal, x1, y1, x2, y2", "box"
        ),
        "boxes_pred": Input("BG4", "prediction", r"\hat b", "the predicted box of each", "box"),
        "y_class": Input("BGC", "label", "y", "each cell's true class, one-hot", "probability"),
        "p_class": Input(
            "BGC", "prediction", "p", "each cell's class probabilities", "probability"
        ),
        "positive": Input(
            "BG", "context", "m", "1 where box and class are to be learned", "binary"
        ),
        "masks": Input(
            "BMHW", "label", "s", "the true mask of each item, or of each box that is found", "unit"
        ),
        "masks_pred": Input("BMHW", "prediction", r"\hat s", "the predicted masks", "unit"),
        "inside": Input(
            "BMHW", "context", "r", "1 where the mask is to be learned: within the item's box",
            "binary",
        ),
        "rpn_objects": Input(
            "BA", "label", "a", "two stages: 1 for the anchors of an item, 0 for others", "binary"
        ),
        "rpn_p_object": Input(
            "BA", "prediction", r"\hat a", "two stages: the probability that an anchor has an item",
            "unit",
        ),
        "rpn_sampled": Input(
            "BA", "context", "n", "two stages: 1 for the anchors drawn to be learned from, at most "
            "half of them of items", "binary",
        ),
        "rpn_positive": Input(
            "BA", "context", "n^+", "two stages: 1 for those of them that are of an item", "binary"
        ),
        "rpn_deltas": Input(
            "BA4", "label", "t", "two stages: how each anchor becomes its item's box, by "
            "centre and logarithm of the sides",
        ),
        "rpn_deltas_pred": Input("BA4", "prediction", r"\hat t", "two stages: the same, predicted"),
        "y_region": Input(
            "BGK", "label", "y", "two stages: each proposal's true class, one-hot, the last the "
            "background", "probability",
        ),
        "p_region": Input(
            "BGK", "prediction", "p", "two stages: each proposal's class probabilities",
            "probability",
        ),
        "deltas": Input(
            "BG4", "label", "d", "two stages: how each proposal becomes its item's box, times 10, "
            "10, 5 and 5",
        ),
        "deltas_pred": Input("BG4", "prediction", r"\hat d", "two stages: the same, predicted"),
        **known("num_classes", "epoch", "step", "progress"),
    }  # fmt: skip
    # What these are called in others' detectors.
    others: Mapping[str, str] = {
        **dict.fromkeys(("gt_boxes", "target_boxes", "box_targets", "true_boxes"), "boxes"),
        **dict.fromkeys(("pred_boxes", "box_pred", "predicted_boxes", "bbox_pred"), "boxes_pred"),
        **dict.fromkeys(("objectness", "obj_pred", "p_obj"), "p_object"),
        **dict.fromkeys(("pos_mask", "positives", "positive_mask"), "positive"),
        **dict.fromkeys(("mask_pred", "pred_masks"), "masks_pred"),
        **dict.fromkeys(("mask_true", "gt_masks", "true_masks"), "masks"),
        **dict.fromkeys(("target_deltas", "bbox_targets", "regression_targets"), "deltas"),
        **dict.fromkeys(("pred_deltas", "bbox_deltas", "box_regression"), "deltas_pred"),
        **dict.fromkeys(("rpn_target_bbox", "rpn_bbox_targets"), "rpn_deltas"),
        **dict.fromkeys(("rpn_pred_bbox", "rpn_bbox", "rpn_bbox_pred"), "rpn_deltas_pred"),
    }
    measures = (
        Measure("ap50", "AP at IoU 0.5", "%"),
        Measure("ap", "AP at IoU 0.5 to 0.95", "%"),
        Measure("mask_iou", "Mask IoU", "%"),
        Measure("recall", "Recall at IoU 0.5", "%"),
        Measure("class_accuracy", "Class of what was found", "%"),
        Measure("box_iou", "IoU of boxes to be learned", "%"),
        Measure("item_chance", "Objectness where items are", "%"),
        Measure("background_chance", "Objectness elsewhere", "%", better="lower"),
    )
    panels = ("loss",)
    views = ("canvases", "confusion")
    packed = ("canvases.py", "cells.py", "regions.py", "average_precision.py")
    page, icon = "detection", ":material/select_all:"
    felt_at = "the trunk"

    def of_terms(self, spec: DetectionSpec) -> Sequence[Measure]:
        """Each term's value and its pull at the trunk."""
        return (Measure("", ""), Measure("_features", "gradient norm at the trunk"))

    def view_data(self, evaluated: "Evaluated", started: "Started") -> dict[str, Any]:
        """The canvases of the strip: the true boxes, and what was found, with masks."""
        arrays, strip = evaluated.arrays, started.arrays
        if "found_boxes" not in arrays or "strip_boxes" not in strip:
            return {}
        return {
            "canvases": {
                "truth": _boxes(strip["strip_boxes"], strip["strip_labels"]),
                "found": _boxes(
                    arrays["found_boxes"], arrays["found_classes"], arrays["found_scores"]
                ),
                "masks": [
                    [
                        b64encode(bits.tobytes()).decode()
                        for bits, kind in zip(each, kinds, strict=True)
                        if kind >= 0
                    ]
                    for each, kinds in zip(
                        arrays["found_masks"], arrays["found_classes"], strict=True
                    )
                ],
            }
        }

    def work(self, spec: RunSpec, dataset: Dataset) -> "Work":
        """The worker's part of a run. Imports TensorFlow."""
        from playground.training.detection import DetectionWork

        return DetectionWork(spec, dataset)

    def script(self, spec: DetectionSpec, weights: Mapping[str, np.ndarray], changed: bool) -> str:
        """Python that trains it with `keras.Model.fit` (`playground.export_detection`)."""
        from playground.export_detection import script

        return script(spec, weights=bool(weights), changed=changed)

    def plan(self, spec: DetectionSpec) -> Plan:
        """A trunk to a grid of stride 8, a pyramid back to stride 2, and the heads of the chosen
        stages (`playground.detectors`)."""
        return detectors.plan(spec, len(source_of(spec.dataset).class_names))


def foreign(names: Collection[str], stages: str) -> str:
    """Why a run of so many stages cannot have a loss or a metric that takes these; "" if it can."""
    (other,) = set(OWN_NAMES) - {stages}
    lacking = [name for name in names if name in OWN_NAMES[other]]
    if not lacking:
        return ""
    comes = "comes" if len(lacking) == 1 else "come"
    return (
        f"{', '.join(lacking)} {comes} with {STAGES[other].lower()}; "
        f"this run has {STAGES[stages].lower()}"
    )


def _boxes(boxes: np.ndarray, classes: np.ndarray, scores: np.ndarray | None = None) -> list[Any]:
    """Of each canvas the boxes that are there: x1, y1, x2, y2, the class and, of what was found,
    its score."""
    return [
        [
            [*np.round(boxes[i, j], 4).tolist(), int(classes[i, j])]
            + ([] if scores is None else [round(float(scores[i, j]), 3)])
            for j in range(boxes.shape[1])
            if classes[i, j] >= 0
        ]
        for i in range(len(boxes))
    ]


TASK = Detection()
