"""What anchors and proposals of a two-stage detector are to learn, and what is made of its answers.

The rules are those of Faster and Mask R-CNN (Ren et al., NIPS 2015; He et al., ICCV 2017), as
torchvision has them, but for two: proposals alone go to the second stage, not true boxes beside
them, and masks are learned where they are asked for, in the boxes that are found.

A file of its own that goes with an exported script, where what it imports lies beside it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from playground import own_layers

BACKGROUND = 0.3  # IoU below which an anchor is background
SAMPLED, SHARE = 64, 0.5  # anchors of a canvas that are learned, and the most of them of items
FOREGROUND = 0.5  # IoU from which a proposal is of an item, and the others are background
LEAST = 0.05  # score of what is kept
SIDE = 64  # of the masks that are drawn of those of boxes

Tensors = Mapping[str, Any]


def overlap(one: Any, other: Any) -> Any:
    """The intersection over union (...) of boxes (..., 4), pair by pair."""
    low = tf.maximum(one[..., :2], other[..., :2])
    high = tf.minimum(one[..., 2:], other[..., 2:])
    shared = tf.reduce_prod(tf.maximum(high - low, 0.0), axis=-1)
    first, second = (
        tf.reduce_prod(tf.maximum(each[..., 2:] - each[..., :2], 0.0), axis=-1)
        for each in (one, other)
    )
    return shared / tf.maximum(first + second - shared, 1e-9)


def iou(one: Any, other: Any) -> Any:
    """The same (B, N, M) of each of boxes (B, N, 4) with each of (B, M, 4)."""
    return overlap(one[:, :, None], other[:, None])


def matched(
    boxes: Any, candidates: Any, present: Any, least: float, background: float, each: bool
) -> tuple[Any, Any]:
    """Of each candidate (B, N, 4) the item (B, N) of `boxes` (B, M, 4) that it overlaps most, and
    what it is, int (B, N): 1 of that item, 0 background, -1 neither. An IoU of `least` makes it the
    item's, one below `background` background; and with `each` those that an item overlaps most are
    an item's in any case."""
    overlaps = tf.where(present[:, None], iou(candidates, boxes), -1.0)
    best = tf.reduce_max(overlaps, axis=-1)
    item = tf.argmax(overlaps, axis=-1, output_type=tf.int32)
    positive = best >= least
    if each:
        most = tf.reduce_max(overlaps, axis=1, keepdims=True)
        positive |= tf.reduce_any((overlaps == most) & (most > 0), axis=-1)
    kind = tf.where(best < background, 0, -1)
    return item, tf.where(positive, 1, kind)


def sampled(kind: Any, seed: Any, count: int = SAMPLED, share: float = SHARE) -> Any:
    """Which of the candidates (B, N) of these kinds are learned, bool: at most `share` of `count`
    of items, drawn, and as many of the background as make `count`."""
    keys = tf.random.stateless_uniform(tf.shape(kind), seed)
    most = min(int(count * share), kind.shape[1])
    count = min(count, kind.shape[1])
    ours = tf.where(kind == 1, keys, -1.0)
    positive = (kind == 1) & (ours >= tf.math.top_k(ours, most).values[:, -1:])
    left = count - tf.reduce_sum(tf.cast(positive, tf.int32), axis=1)
    theirs = tf.where(kind == 0, keys, -1.0)
    ranked = tf.math.top_k(theirs, count).values
    last = tf.gather(ranked, tf.maximum(left - 1, 0)[:, None], batch_dims=1)
    return positive | ((kind == 0) & (theirs >= last) & (left > 0)[:, None])


def named(
    outputs: Tensors, targets: Tensors, anchors: np.ndarray, classes: int, match: float, seed: Any
) -> dict[str, Any]:
    """What a loss may name, out of a network's `outputs` and the `targets` "boxes" (B, M, 4),
    "labels" (B, M), -1 for none, the first of which is there, and "masks" (B, M, H, W). An anchor
    (A, 4) of an IoU of `match` with an item is the item's; `seed` (2,) draws which are learned."""
    boxes, labels = tf.cast(targets["boxes"], tf.float32), targets["labels"]
    present = labels >= 0
    every = tf.constant(anchors)[None]
    item, kind = matched(boxes, every, present, match, BACKGROUND, each=True)
    chosen = sampled(kind, seed)
    proposals = tf.cast(outputs["proposals"], tf.float32)
    theirs, region = matched(boxes, proposals, present, FOREGROUND, FOREGROUND, each=False)
    of_region = tf.where(region == 1, tf.gather(labels, theirs, batch_dims=1), classes)
    true = tf.gather(boxes, theirs, batch_dims=1)
    return {
        "rpn_objects": tf.cast(kind == 1, tf.float32),
        "rpn_p_object": tf.sigmoid(tf.cast(outputs["rpn_logits"], tf.float32)[..., 0]),
        "rpn_sampled": tf.cast(chosen, tf.float32),
        "rpn_positive": tf.cast(chosen & (kind == 1), tf.float32),
        "rpn_deltas": own_layers.encoded(
            tf.gather(boxes, item, batch_dims=1), every, own_layers.ANCHOR_WEIGHTS
        ),
        "rpn_deltas_pred": tf.cast(outputs["rpn_deltas"], tf.float32),
        "y_region": tf.one_hot(of_region, classes + 1),
        "p_region": tf.nn.softmax(tf.cast(outputs["roi_logits"], tf.float32)),
        "positive": tf.cast(region == 1, tf.float32),
        "deltas": own_layers.encoded(true, proposals, own_layers.ROI_WEIGHTS),
        "deltas_pred": tf.cast(outputs["roi_deltas"], tf.float32),
        "boxes": true,
        "boxes_pred": tf.cast(outputs["roi_boxes"], tf.float32),
        **_masks(outputs, targets, boxes, present),
    }


def _masks(outputs: Tensors, targets: Tensors, boxes: Any, present: Any) -> dict[str, Any]:
    """The masks of the boxes that are found, each cut out of that of its item."""
    logits = tf.cast(outputs["mask_logits"], tf.float32)[..., 0]
    found = tf.cast(outputs["found"], tf.float32)[..., :4]
    item, kind = matched(boxes, found, present, FOREGROUND, FOREGROUND, each=False)
    masks = tf.gather(tf.cast(targets["masks"], tf.float32), item, batch_dims=1)
    side, height, width = logits.shape[-1], masks.shape[-2], masks.shape[-1]
    down = own_layers.spans(found[..., 1], found[..., 3], side, 2, height)
    across = own_layers.spans(found[..., 0], found[..., 2], side, 2, width)
    inside = tf.cast(kind == 1, tf.float32)[..., None, None]
    return {
        "masks": tf.einsum("bkyh,bkhw,bkxw->bkyx", down, masks, across),
        "masks_pred": tf.sigmoid(logits),
        "inside": inside * tf.ones_like(logits),
    }


def pasted(logits: Any, boxes: Any, side: int = SIDE) -> Any:
    """Masks (N, K, H, W) of boxes (N, K, 4) where they lie on a canvas: logits (N, K, side, side),
    between their places linear; outside of the box they mean nothing."""
    at = (tf.range(side, dtype=tf.float32) + 0.5) / side
    weights = []
    for axis in (1, 0):
        count = logits.shape[2 + (axis == 0)]
        low, high = boxes[..., axis, None], boxes[..., axis + 2, None]
        place = (at - low) / tf.maximum(high - low, own_layers.LEAST) * count - 0.5
        place = tf.clip_by_value(place, 0.0, count - 1.0)
        bins = tf.range(count, dtype=tf.float32)
        weights.append(tf.nn.relu(1 - tf.abs(place[..., None] - bins)))
    return tf.einsum("bkys,bkst,bkxt->bkyx", weights[0], logits, weights[1])


def stages(outputs: Tensors) -> Tensors:
    """What the network says, stage by stage: of each anchor the probability of an item `objects`
    (N, A) and the box that it makes of it `candidates` (N, A, 4); the
    `proposals` (N, P, 4) that are left of them, the boxes that these become `region_boxes`
    (N, P, 4) and the probabilities of their classes, the background's last, `region_classes`
    (N, P, C + 1); and what is found: `found_boxes` (N, K, 4), `found_classes` (N, K), -1 for none,
    `found_scores` (N, K) and `found_masks`, logits (N, K, 64, 64) in float16."""
    found = tf.cast(outputs["found"], tf.float32)
    boxes, scores = found[..., :4], found[..., 5]
    there = scores >= LEAST
    logits = tf.cast(outputs["mask_logits"], tf.float32)[..., 0]
    return {
        "objects": tf.sigmoid(tf.cast(outputs["rpn_logits"], tf.float32)[..., 0]),
        "candidates": tf.cast(outputs["rpn_boxes"], tf.float32),
        "proposals": tf.cast(outputs["proposals"], tf.float32),
        "region_boxes": tf.cast(outputs["roi_boxes"], tf.float32),
        "region_classes": tf.nn.softmax(tf.cast(outputs["roi_logits"], tf.float32)),
        "found_boxes": boxes,
        "found_classes": tf.where(there, tf.cast(found[..., 4], tf.int32), -1),
        "found_scores": tf.where(there, scores, 0.0),
        "found_masks": tf.cast(pasted(logits, boxes), tf.float16),
    }
