"""The detectors as layers: one stage, which answers at once for each cell of a grid, and two, which
proposes regions of anchors and then looks at each of them. Imports no Keras.

Both have one trunk, to maps of stride 8, and a pyramid back from them (Lin et al., "Feature pyramid
networks", CVPR 2017).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from playground.cnn import FLOAT, NORMALISE
from playground.layers import Constant, Layer, Plan

if TYPE_CHECKING:
    from playground.tasks.detection import DetectionSpec

SIDE = 64  # pixels of a canvas
RARE = -2.0  # the logit of an item at the start: most cells and anchors have none
GRIDS = (SIDE // 4, SIDE // 8)  # places a side of the two levels that have anchors
RATIOS = (1.0, 2.0)  # height over width of an anchor: digits are half again as high as wide
NEAR = 0.7  # IoU of two proposals beyond which the less sure one goes
SUPPRESSED = 0.5  # the same of two detections
KEPT = 8  # detections of a canvas, and boxes that masks are looked for in
ROI, MASK = 7, 14  # bins a side of a region for its class and box, and for its mask
OUTPUTS: Mapping[str, tuple[str, ...]] = {
    "one": ("object_logits", "cell_boxes", "class_logits", "coefficients", "prototypes"),
    "two": (
        "rpn_logits",
        "rpn_deltas",
        "rpn_boxes",
        "proposals",
        "roi_logits",
        "roi_deltas",
        "roi_boxes",
        "found",
        "mask_logits",
    ),
}


def anchors_of(spec: "DetectionSpec") -> dict[str, Any]:
    """How a spec's anchors are laid out, as `own_layers.anchors` takes it."""
    sizes = [spec.anchor_small / SIDE, spec.anchor_large / SIDE]
    return {"grids": list(GRIDS), "sizes": sizes, "ratios": list(RATIOS)}


def plan(spec: "DetectionSpec", classes: int) -> Plan:
    """The network of a spec for so many classes."""
    heads = _one_stage if spec.stages == "one" else _two_stages
    return Plan(
        {"images": (SIDE, SIDE, 1)},
        (NORMALISE, *_trunk(spec.width), *_pyramid(spec.width), *heads(spec, classes)),
        OUTPUTS[spec.stages],
        dtype=spec.dtype,
        seed=spec.seed,
    )


def _trunk(w: int) -> list[Layer]:
    """Six convolutions to a grid of stride 8."""
    return [
        *_block("conv1", w, 2, "normalise"),
        *_block("conv2", 2 * w, 1, "conv1_activation"),
        *_block("conv3", 4 * w, 2, "conv2_activation"),
        *_block("conv4", 4 * w, 1, "conv3_activation"),
        *_block("conv5", 8 * w, 2, "conv4_activation"),
        *_block("conv6", 8 * w, 1, "conv5_activation"),
    ]


def _pyramid(w: int) -> list[Layer]:
    """Back to stride 2, each level with what is above it."""
    return [
        *_lateral("top", 2 * w, "conv6_activation"),
        *_lateral("middle", 2 * w, "conv4_activation", "top"),
        *_lateral("bottom", 2 * w, "conv2_activation", "middle"),
    ]


def _one_stage(spec: "DetectionSpec", classes: int) -> list[Layer]:
    """The prototypes of masks, of the whole pyramid, and the heads of each cell."""
    return [
        *_block("masks_conv", 2 * spec.width, 1, "bottom"),
        _head("prototypes", spec.prototypes, "masks_conv_activation"),
        _head("object_logits", 1, "conv6_activation", RARE),
        _head("sides", 4, "conv6_activation"),
        Layer("cell_boxes", "CellBoxes", FLOAT, ("sides",)),
        _head("class_logits", classes, "conv6_activation"),
        _head("coefficients", spec.prototypes, "conv6_activation"),
    ]


def _two_stages(spec: "DetectionSpec", classes: int) -> list[Layer]:
    """The region head, on both levels of anchors with one set of weights; of each proposal its
    class and its box, and of each box that is found its mask."""
    w = spec.width
    return [
        *_block("level4", 2 * w, 1, "middle"),
        *_block("level8", 2 * w, 1, "top"),
        *_regions(spec),
        Layer("rois", "RoiAlign", {"side": ROI}, ("level4_activation", "proposals")),
        Layer("roi_rows", "Reshape", {"target_shape": (spec.proposals, ROI * ROI * 2 * w)}),
        Layer("roi_dense1", "Dense", {"units": 8 * w, "activation": "relu"}),
        Layer("roi_dense2", "Dense", {"units": 8 * w, "activation": "relu"}),
        Layer("roi_logits", "Dense", {"units": classes + 1, **FLOAT}, ("roi_dense2",)),
        Layer("roi_deltas", "Dense", {"units": 4, **FLOAT}, ("roi_dense2",)),
        Layer("roi_boxes", "Refined", FLOAT, ("proposals", "roi_deltas")),
        Layer(
            "found",
            "Detections",
            {"count": KEPT, "overlap": SUPPRESSED, **FLOAT},
            ("roi_boxes", "roi_logits"),
        ),
        *_block("level2", 2 * w, 1, "bottom"),
        Layer("mask_rois", "RoiAlign", {"side": MASK}, ("level2_activation", "found")),
        Layer("mask_maps", "Folded", {}),
        *_block("mask_conv", 2 * w, 1, "mask_maps"),
        _head("mask_head", 1, "mask_conv_activation"),
        Layer("mask_logits", "Unfolded", {"count": KEPT, **FLOAT}),
    ]


def _regions(spec: "DetectionSpec") -> list[Layer]:
    """The region head on both levels, and the proposals that are left of its boxes."""
    w, found = spec.width, []
    for level, shared in (("4", ""), ("8", "4")):
        name, of = f"rpn_conv{level}", f"rpn_conv{shared}" if shared else ""
        options = {"filters": 4 * w, "kernel_size": 3, "padding": "same", "activation": "relu"}
        found.append(Layer(name, "Conv2D", options, (f"level{level}_activation",), of))
        for head, filters, start in (("objects", 1, RARE), ("deltas", 4, 0.0)):
            made = _head(f"rpn_{head}{level}", filters * len(RATIOS), name, start)
            of = f"rpn_{head}{shared}" if shared else ""
            found.append(Layer(made.name, made.kind, made.options, made.inputs, of))
    return [
        *found,
        Layer("rpn_logits", "Rows", {"width": 1, **FLOAT}, ("rpn_objects4", "rpn_objects8")),
        Layer("rpn_deltas", "Rows", {"width": 4, **FLOAT}, ("rpn_deltas4", "rpn_deltas8")),
        Layer("rpn_boxes", "AnchorBoxes", {**anchors_of(spec), **FLOAT}, ("rpn_deltas",)),
        Layer(
            "proposals",
            "Proposals",
            {"count": spec.proposals, "overlap": NEAR, **FLOAT},
            ("rpn_logits", "rpn_boxes"),
        ),
    ]


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
