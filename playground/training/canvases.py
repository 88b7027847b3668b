"""Canvases of a few items, drawn on the device: pictures with their boxes, classes and masks.

What is drawn depends on a seed of two numbers alone. An item is an image of a data set, scaled so
that the longer side of its ink has so many pixels. Where items lie on one another the brighter
shows; a mask has all of an item's ink, also what lies beneath another, and the box is the smallest
around the mask: both are exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

SIDE = 64  # pixels of a canvas
MOST = 4  # items of a canvas
INK = 0.4  # of an item's brightest pixel: what is ink
TRIES = 8  # places that are tried for an item, so that it lies on no other too much
CHUNK = 256  # canvases that are drawn at once


@dataclass(frozen=True)
class Drawing:
    """How canvases are drawn: up to `items` of them, `smallest` to `largest` pixels; of two boxes
    the smaller has at most a share of `overlap` in the other where one of `TRIES` places allows."""

    items: int
    smallest: float
    largest: float
    overlap: float

    def draw(self, rows: Mapping[str, Any], seed: Any, count: Any) -> dict[str, Any]:
        """`count` canvases of a seed (2,) out of rows of "images" uint8 (N, H, W, 1), "labels" (N,)
        and "ink" (`ink_of`): "images" uint8 (B, 64, 64, 1), "boxes" float32 (B, 4, 4) as x1, y1,
        x2, y2 of 0 to 1, "labels" int32 (B, 4), -1 where there is none, and "masks" uint8
        (B, 4, 64, 64)."""
        u = tf.random.stateless_uniform((count, MOST, 3 + 2 * TRIES), seed)
        number = 1 + _floor(u[:, :1, 0], self.items)
        present = tf.range(MOST)[None, :] < number
        chosen = _floor(u[..., 1], tf.shape(rows["labels"])[0])
        ink = tf.cast(tf.gather(rows["ink"], chosen), tf.float32)
        sides = ink[..., 2:] - ink[..., :2]
        size = self.smallest + u[..., 2] * (self.largest - self.smallest)
        scale = size / tf.reduce_max(sides, axis=-1)
        corners = self._placed(u[..., 3:], sides * scale[..., None], present)
        labels = tf.where(present, tf.gather(rows["labels"], chosen), -1)
        return composed(tf.gather(rows["images"], chosen), labels, ink, scale, corners)

    def _placed(self, u: Any, sides: Any, present: Any) -> Any:
        """The upper left corners (B, 4, 2) of items of these sides: of the places drawn the first
        that lies on none of those before by more than `overlap`, or the one that does least."""
        count = tf.shape(u)[0]
        low = tf.reshape(u, (count, MOST, TRIES, 2)) * (SIDE - sides)[:, :, None]
        tried = tf.concat([low, low + sides[:, :, None]], axis=-1)
        placed = tf.zeros((count, 0, 4))
        for item in range(MOST):
            here = tried[:, item]
            shared = _covered(here, placed) * tf.cast(present[:, None, :item], tf.float32)
            worst = tf.reduce_max(shared, axis=-1) if item else tf.zeros((count, TRIES))
            beyond = tf.where(worst <= self.overlap, 0.0, worst)
            best = tf.argmin(beyond, axis=-1, output_type=tf.int32)
            placed = tf.concat([placed, tf.gather(here, best[:, None], batch_dims=1)], axis=1)
        return placed[..., :2]

    def fixed(self, rows: Mapping[str, np.ndarray], seed: int, count: int) -> dict[str, np.ndarray]:
        """The same as NumPy arrays, for canvases that stay."""
        device = {
            name: tf.constant(each.astype(np.int32) if each.dtype == np.int64 else each)
            for name, each in rows.items()
        }
        parts = [
            self.draw(device, tf.constant([seed, at]), min(CHUNK, count - at))
            for at in range(0, count, CHUNK)
        ]
        return {name: np.concatenate([part[name].numpy() for part in parts]) for name in parts[0]}


def composed(images: Any, labels: Any, ink: Any, scale: Any, corners: Any) -> dict[str, Any]:
    """Canvases, as `Drawing.draw` has them, of images (B, 4, H, W, 1) of these labels (B, 4), -1
    for what is left out: each `scale` (B, 4) times as large, the upper left corner of its ink
    (B, 4, 4) at `corners` (B, 4, 2), in pixels."""
    items = _scaled(images, ink, scale, corners)
    items *= tf.cast(labels >= 0, tf.float32)[..., None, None]
    peak = tf.reduce_max(items, axis=(2, 3), keepdims=True)
    masks = items >= tf.maximum(INK * peak, 1.0)
    return {
        "images": tf.cast(tf.round(tf.reduce_max(items, axis=1)), tf.uint8)[..., None],
        "boxes": _around(masks),
        "labels": labels,
        "masks": tf.cast(masks, tf.uint8),
    }


def ink_of(images: np.ndarray) -> np.ndarray:
    """The smallest box around the ink of images uint8 (N, H, W, 1), int32 (N, 4), in pixels; of one
    without any, all of it."""
    inked = images[..., 0] >= np.maximum(INK * images.max(axis=(1, 2, 3)), 1)[:, None, None]
    found = []
    for axis in (1, 2):  # columns, then rows
        there = inked.any(axis=axis)
        first = there.argmax(axis=1)
        last = there.shape[1] - there[:, ::-1].argmax(axis=1)
        found.append((first, last))
    (left, right), (top, bottom) = found
    return np.stack([left, top, right, bottom], axis=-1).astype(np.int32)


def _covered(one: Any, other: Any) -> Any:
    """Of the smaller of two boxes the share in the other, (B, N, M)."""
    shared, first, second = _shared(one, other)
    return shared / tf.maximum(tf.minimum(first, second), 1e-9)


def _shared(one: Any, other: Any) -> tuple[Any, Any, Any]:
    """The area (B, N, M) that boxes have in common, and those of each, (B, N, 1) and (B, 1, M)."""
    low = tf.maximum(one[:, :, None, :2], other[:, None, :, :2])
    high = tf.minimum(one[:, :, None, 2:], other[:, None, :, 2:])
    shared = tf.reduce_prod(tf.maximum(high - low, 0.0), axis=-1)
    areas = [
        tf.reduce_prod(tf.maximum(b[..., 2:] - b[..., :2], 0.0), axis=-1) for b in (one, other)
    ]
    return shared, areas[0][:, :, None], areas[1][:, None, :]


def _scaled(images: Any, ink: Any, scale: Any, corners: Any) -> Any:
    """Each item on a canvas of its own, float32 (B, 4, 64, 64), bilinear: its ink's upper left
    corner at `corners`, `scale` times as large."""
    count, (height, width) = tf.shape(images)[0], images.shape[2:4]
    ends = tf.constant([0.5, SIDE - 0.5])  # the centres of the first and the last pixel
    at = (ends - corners[..., None]) / scale[..., None, None] + ink[..., :2, None] - 0.5
    x, y = at[..., 0, :] / (width - 1), at[..., 1, :] / (height - 1)
    crops = tf.stack([y[..., 0], x[..., 0], y[..., 1], x[..., 1]], axis=-1)
    flat = tf.reshape(images, (count * MOST, height, width, 1))
    places = tf.range(count * MOST)
    drawn = tf.image.crop_and_resize(flat, tf.reshape(crops, (-1, 4)), places, (SIDE, SIDE))
    return tf.reshape(drawn, (count, MOST, SIDE, SIDE))


def _around(masks: Any) -> Any:
    """The smallest boxes (B, 4, 4) around masks (B, 4, 64, 64), of 0 to 1; 0 of an empty one."""
    found = []
    for axis in (2, 3):
        there = tf.cast(tf.reduce_any(masks, axis=axis), tf.int32)
        some = tf.reduce_max(there, axis=-1)
        first = tf.argmax(there, axis=-1, output_type=tf.int32)
        last = SIDE - tf.argmax(there[..., ::-1], axis=-1, output_type=tf.int32)
        found.append((first * some, last * some))
    (left, right), (top, bottom) = found
    return tf.cast(tf.stack([left, top, right, bottom], axis=-1), tf.float32) / SIDE


def _floor(draw: Any, count: Any) -> Any:
    """A whole number from 0 to less than `count` of a draw from 0 to less than 1."""
    scaled = tf.cast(draw * tf.cast(count, tf.float32), tf.int32)
    return tf.minimum(scaled, tf.cast(count, tf.int32) - 1)
