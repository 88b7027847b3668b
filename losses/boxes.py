"""Losses of boxes: x1, y1, x2, y2 in the last axis, each 0 to 1 of the picture.

boxes (..., 4) true, boxes_pred (..., 4). Each returns one value a box, (...), and has a finite
gradient for boxes apart, equal, or without a size. A predicted box whose corners are in the wrong
order has no area.
"""

from __future__ import annotations

import math

from .loss_info import Range, Tensor, named, ops

GROUP = "Boxes"
EPSILON = 1e-7  # of an area, where 1 is the whole picture
THIN = 1e-4  # of a height, for the ratio of a box's sides

# Lines that texts share.
IOU = (
    "def area(b):\n    return relu(b[..., 2] - b[..., 0]) * relu(b[..., 3] - b[..., 1])\n\n"
    "low = maximum(boxes[..., :2], boxes_pred[..., :2])\n"
    "high = minimum(boxes[..., 2:], boxes_pred[..., 2:])\n"
    "sides = relu(high - low)\nshared = sides[..., 0] * sides[..., 1]\n"
    "union = area(boxes) + area(boxes_pred) - shared\n"
    "iou = shared / maximum(union, 1e-7)\n"
)
HULL = (
    "hull = maximum(boxes[..., 2:], boxes_pred[..., 2:])"
    " - minimum(boxes[..., :2], boxes_pred[..., :2])\n"
)
APART = (
    HULL + "between = (boxes[..., :2] + boxes[..., 2:] - boxes_pred[..., :2]"
    " - boxes_pred[..., 2:]) / 2\n"
    "apart = sum(square(between), axis=-1) / maximum(sum(square(hull), axis=-1), 1e-7)\n"
)


def _sides(b: Tensor) -> Tensor:
    """Width and height of boxes, (..., 2); 0 where the corners are in the wrong order."""
    return ops.relu(b[..., 2:] - b[..., :2])


def _area(b: Tensor) -> Tensor:
    sides = _sides(b)
    return sides[..., 0] * sides[..., 1]


def _overlap(boxes: Tensor, boxes_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Intersection over union of each pair of boxes, (...), and their union."""
    low = ops.maximum(boxes[..., :2], boxes_pred[..., :2])
    high = ops.minimum(boxes[..., 2:], boxes_pred[..., 2:])
    sides = ops.relu(high - low)
    shared = sides[..., 0] * sides[..., 1]
    union = _area(boxes) + _area(boxes_pred) - shared
    return shared / ops.maximum(union, EPSILON), union


def _hull(boxes: Tensor, boxes_pred: Tensor) -> Tensor:
    """Width and height of the smallest box around both, (..., 2)."""
    low = ops.minimum(boxes[..., :2], boxes_pred[..., :2])
    return ops.maximum(boxes[..., 2:], boxes_pred[..., 2:]) - low


def _apart(boxes: Tensor, boxes_pred: Tensor) -> Tensor:
    """The squared distance of the centres, as a share of the hull's squared diagonal."""
    between = (boxes[..., :2] + boxes[..., 2:] - boxes_pred[..., :2] - boxes_pred[..., 2:]) / 2
    diagonal = ops.sum(ops.square(_hull(boxes, boxes_pred)), axis=-1)
    return ops.sum(ops.square(between), axis=-1) / ops.maximum(diagonal, EPSILON)


@named(
    title="Smooth L1",
    also="huber, box, detection, regression, bounding box",
    group=GROUP,
    when="Boxes by their four coordinates: square near the truth, absolute beyond beta.",
    latex=r"\sum_{i=1}^4\begin{cases}\frac{(b_i-\hat b_i)^2}{2\beta}&|b_i-\hat b_i|<\beta\\"
    r"|b_i-\hat b_i|-\frac\beta2&\text{else}\end{cases}",
    paper="Girshick 2015, arXiv:1504.08083 (beta: Ren et al.'s 1/sigma^2)",
    text="beta = 0.1  # 0.01..1\nd = abs(boxes - boxes_pred)\n"
    "sum(where(d < beta, 0.5 * d**2 / beta, d - 0.5 * beta), axis=-1)",
    beta=Range(0.01, 1.0),
)
def smooth_l1(boxes: Tensor, boxes_pred: Tensor, *, beta: float = 0.1) -> Tensor:
    """sum_i d^2 / (2 beta) where d = |b_i - b'_i| < beta, else d - beta / 2"""
    d = ops.abs(boxes - boxes_pred)
    return ops.sum(ops.where(d < beta, 0.5 * ops.square(d) / beta, d - 0.5 * beta), axis=-1)


@named(
    title="IoU loss",
    also="jaccard, box, detection, intersection over union",
    group=GROUP,
    when="One minus the overlap: no scale, but no gradient where boxes do not touch.",
    latex=r"1-\frac{|b\cap\hat b|}{|b\cup\hat b|}",
    paper="Yu et al. 2016, arXiv:1608.01471 (1 - IoU, as Rezatofighi et al. 2019 write it)",
    text=IOU + "1 - iou",
)
def iou_loss(boxes: Tensor, boxes_pred: Tensor) -> Tensor:
    """1 - |b and b'| / |b or b'|"""
    return 1 - _overlap(boxes, boxes_pred)[0]


@named(
    title="GIoU loss",
    also="generalised intersection over union, box, detection",
    group=GROUP,
    when="IoU, and the empty part of the hull of both: boxes apart grow towards each other.",
    latex=r"1-\mathrm{IoU}+\frac{|c|-|b\cup\hat b|}{|c|}",
    paper="Rezatofighi et al. 2019, arXiv:1902.09630 (c: the smallest box around both)",
    text=IOU + HULL + "around = hull[..., 0] * hull[..., 1]\n"
    "1 - iou + (around - union) / maximum(around, 1e-7)",
)
def giou_loss(boxes: Tensor, boxes_pred: Tensor) -> Tensor:
    """1 - IoU + (|c| - |b or b'|) / |c|"""
    iou, union = _overlap(boxes, boxes_pred)
    hull = _hull(boxes, boxes_pred)
    around = hull[..., 0] * hull[..., 1]
    return 1 - iou + (around - union) / ops.maximum(around, EPSILON)


@named(
    title="DIoU loss",
    also="distance intersection over union, box, detection",
    group=GROUP,
    when="IoU, and how far apart the centres are: the box goes straight to the target.",
    latex=r"1-\mathrm{IoU}+\frac{\rho^2(b,\hat b)}{d^2}",
    paper="Zheng et al. 2020, arXiv:1911.08287 (d: the diagonal of the box around both)",
    text=IOU + APART + "1 - iou + apart",
)
def diou_loss(boxes: Tensor, boxes_pred: Tensor) -> Tensor:
    """1 - IoU + rho^2 / d^2"""
    return 1 - _overlap(boxes, boxes_pred)[0] + _apart(boxes, boxes_pred)


@named(
    title="CIoU loss",
    also="complete intersection over union, box, detection",
    group=GROUP,
    when="DIoU, and the ratio of the sides, which counts once the boxes overlap.",
    latex=r"1-\mathrm{IoU}+\frac{\rho^2}{d^2}+\alpha v,\quad "
    r"v=\frac4{\pi^2}\left(\arctan\frac wh-\arctan\frac{\hat w}{\hat h}\right)^2",
    paper="Zheng et al. 2020, arXiv:1911.08287 (alpha = v / (1 - IoU + v), without a gradient)",
    text=IOU + APART + "def ratio(b):\n"
    "    return arctan(relu(b[..., 2] - b[..., 0]) / maximum(b[..., 3] - b[..., 1], 1e-4))\n\n"
    "v = 4 / pi**2 * square(ratio(boxes) - ratio(boxes_pred))\n"
    "alpha = stop_gradient(v / (1 - iou + v + 1e-7))\n1 - iou + apart + alpha * v",
)
def ciou_loss(boxes: Tensor, boxes_pred: Tensor) -> Tensor:
    """1 - IoU + rho^2 / d^2 + alpha v, v = 4 / pi^2 (atan(w / h) - atan(w' / h'))^2"""
    iou, _ = _overlap(boxes, boxes_pred)
    v = 4 / math.pi**2 * ops.square(_ratio(boxes) - _ratio(boxes_pred))
    alpha = ops.stop_gradient(v / (1 - iou + v + EPSILON))
    return 1 - iou + _apart(boxes, boxes_pred) + alpha * v


def _ratio(b: Tensor) -> Tensor:
    """The angle whose tangent is width over height."""
    sides = _sides(b)
    return ops.arctan(sides[..., 0] / ops.maximum(sides[..., 1], THIN))
