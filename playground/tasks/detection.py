"""Detection: the boxes, classes and masks of a few items on a toy canvas.

A one-stage network answers for each cell of a grid whether an item is there, its box and its class
(Tian et al., "FCOS", ICCV 2019); a mask is a sum of prototypes that the whole canvas shares, by the
cell's coefficients (Bolya et al., "YOLACT", ICCV 2019).
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from playground.cnn import FLOAT, NORMALISE
from playground.datasets import Dataset, find, source_of
from playground.knobs import Knob, knob_of
from playground.layers import Constant, Layer, Plan
from playground.spec import TASK_KNOB, RunSpec
from playground.tasks.inputs import Input, known
from playground.tasks.task import Measure, Task

if TYPE_CHECKING:
    from playground.training.events import Evaluated, Started
    from playground.training.work import Work

SIDE = 64  # pixels of a canvas
RARE = -2.0  # the logit of an item at the start: most cells have none
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


class DetectionSpec(RunSpec):
    """A run that finds items on canvases."""

    task: Annotated[Literal["detection"], TASK_KNOB] = "detection"
    loss: Annotated[str, Knob("Loss", "What is minimised.", "loss")] = OBJECTIVE
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
        Knob("Mask prototypes", "Maps that each mask is a sum of.", "model", low=2, high=32),
    ] = 12
    radius: Annotated[
        float,
        Knob(
            "Positive cells",
            "How far, in cells, a cell's centre may be from an item's for it to answer for the "
            "item. The one that the centre lies in always does.",
            "model",
            low=0.5,
            high=2.0,
            step=0.1,
        ),
    ] = 1.0

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
        "boxes": Input("BG4", "label", "b", "each cell's true box, x1, y1, x2, y2", "box"),
        "boxes_pred": Input("BG4", "prediction", r"\hat b", "each cell's predicted box", "box"),
        "y_class": Input("BGC", "label", "y", "each cell's true class, one-hot", "probability"),
        "p_class": Input(
            "BGC", "prediction", "p", "each cell's class probabilities", "probability"
        ),
        "positive": Input(
            "BG", "context", "m", "1 where box and class are to be learned", "binary"
        ),
        "masks": Input("BMHW", "label", "s", "the true mask of each item, in pixels of 2", "unit"),
        "masks_pred": Input("BMHW", "prediction", r"\hat s", "the predicted masks", "unit"),
        "inside": Input("BMHW", "context", "r", "1 within an item's true box", "binary"),
        **known("num_classes", "epoch", "step", "progress"),
    }
    # What these are called in others' detectors.
    others: Mapping[str, str] = {
        **dict.fromkeys(("gt_boxes", "target_boxes", "box_targets", "true_boxes"), "boxes"),
        **dict.fromkeys(("pred_boxes", "box_pred", "predicted_boxes", "bbox_pred"), "boxes_pred"),
        **dict.fromkeys(("objectness", "obj_pred", "p_obj"), "p_object"),
        **dict.fromkeys(("pos_mask", "positives", "positive_mask"), "positive"),
        **dict.fromkeys(("mask_pred", "pred_masks"), "masks_pred"),
        **dict.fromkeys(("mask_true", "gt_masks", "true_masks"), "masks"),
    }
    measures = (
        Measure("ap50", "AP at IoU 0.5", "%"),
        Measure("ap", "AP at IoU 0.5 to 0.95", "%"),
        Measure("mask_iou", "Mask IoU", "%"),
        Measure("recall", "Recall at IoU 0.5", "%"),
        Measure("class_accuracy", "Class of what was found", "%"),
    )
    panels = ("loss",)
    views = ("canvases", "confusion")
    packed = ("canvases.py", "cells.py", "average_precision.py")
    page, icon = "detection", ":material/select_all:"

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
        """A trunk of six convolutions to a grid of stride 8, a pyramid back to stride 2 for the
        prototypes, and the heads."""
        classes, w = len(source_of(spec.dataset).class_names), spec.width
        trunk = [
            *_block("conv1", w, 2, "normalise"),
            *_block("conv2", 2 * w, 1, "conv1_activation"),
            *_block("conv3", 4 * w, 2, "conv2_activation"),
            *_block("conv4", 4 * w, 1, "conv3_activation"),
            *_block("conv5", 8 * w, 2, "conv4_activation"),
            *_block("conv6", 8 * w, 1, "conv5_activation"),
        ]
        pyramid = [
            *_lateral("top", 2 * w, "conv6_activation"),
            *_lateral("middle", 2 * w, "conv4_activation", "top"),
            *_lateral("bottom", 2 * w, "conv2_activation", "middle"),
            *_block("masks_conv", 2 * w, 1, "bottom"),
            _head("prototypes", spec.prototypes, "masks_conv_activation"),
        ]
        heads = [
            _head("object_logits", 1, "conv6_activation", RARE),
            _head("sides", 4, "conv6_activation"),
            Layer("cell_boxes", "CellBoxes", FLOAT, ("sides",)),
            _head("class_logits", classes, "conv6_activation"),
            _head("coefficients", spec.prototypes, "conv6_activation"),
        ]
        outputs = ("object_logits", "cell_boxes", "class_logits", "coefficients", "prototypes")
        return Plan(
            {"images": (SIDE, SIDE, 1)},
            (NORMALISE, *trunk, *pyramid, *heads),
            outputs,
            dtype=spec.dtype,
            seed=spec.seed,
        )


def _block(name: str, filters: int, stride: int, before: str) -> list[Layer]:
    """A convolution, batch norm and ReLU."""
    options = {"filters": filters, "kernel_size": 3, "padding": "same", "use_bias": False}
    return [
        Layer(name, "Conv2D", {**options, "strides": stride}, (before,)),
        Layer(f"{name}_norm", "BatchNormalization", {"momentum": 0.9}),
        Layer(f"{name}_activation", "Activation", {"activation": "relu"}),
    ]


def _lateral(name: str, filters: int, before: str, above: str = "") -> list[Layer]:
    """A step of the pyramid: a 1×1 convolution, and what is above it twice as large."""
    options = {"filters": filters, "kernel_size": 1, "padding": "same"}
    if not above:
        return [Layer(name, "Conv2D", options, (before,))]
    return [
        Layer(f"{name}_lateral", "Conv2D", options, (before,)),
        Layer(f"{name}_up", "UpSampling2D", {"size": 2}, (above,)),
        Layer(name, "Add", {}, (f"{name}_lateral", f"{name}_up")),
    ]


def _head(name: str, filters: int, before: str, start: float = 0.0) -> Layer:
    options: dict[str, Any] = {"filters": filters, "kernel_size": 1, "padding": "same", **FLOAT}
    if start:
        options["bias_initializer"] = Constant(start)
    return Layer(name, "Conv2D", options, (before,))


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
