"""Layers that Keras has not: distances of two embeddings, the draw of a variational code, boxes.

A file of its own that needs Keras alone, because it goes with an exported script.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

PACKAGE = "playground"
LARGEST = math.log(1000 / 16)  # a box grows by no more than e to this at once, as in torchvision
FIRST = 128  # boxes that suppression begins with, the surest
GONE = -1e9  # the score of a box that is taken or suppressed
LEAST = 1e-3  # of a side, where something is divided by it: a proposal may have none
ANCHOR_WEIGHTS = (1.0, 1.0, 1.0, 1.0)  # of deltas of anchors
ROI_WEIGHTS = (10.0, 10.0, 5.0, 5.0)  # of deltas of proposals: these have a spread near 1


@keras.saving.register_keras_serializable(package=PACKAGE)
class Distance(keras.layers.Layer):
    """The distance (B, 1) of two embeddings (B, D): "euclidean", "squared", "l1" or "cosine" (one
    minus the cosine of their angle)."""

    def __init__(self, metric: str = "euclidean", **options: Any) -> None:
        super().__init__(**options)
        if metric not in ("euclidean", "squared", "l1", "cosine"):
            raise ValueError(f"expected euclidean, squared, l1 or cosine; got {metric!r}")
        self.metric = metric

    def call(self, inputs: Any) -> Any:
        one, two = (ops.cast(each, "float32") for each in inputs)
        if self.metric == "cosine":
            one, two = (ops.normalize(each, axis=-1) for each in (one, two))
            return 1 - ops.sum(one * two, axis=-1, keepdims=True)
        if self.metric == "l1":
            return ops.sum(ops.abs(one - two), axis=-1, keepdims=True)
        square = ops.sum(ops.square(one - two), axis=-1, keepdims=True)
        if self.metric == "squared":
            return square
        return ops.sqrt(ops.maximum(square, 1e-12))  # the root's slope at 0 is infinite

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[0][:-1], 1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "metric": self.metric}


@keras.saving.register_keras_serializable(package=PACKAGE)
class Difference(keras.layers.Layer):
    """The difference (B, D) of two embeddings element by element, "absolute" or "squared"."""

    def __init__(self, kind: str = "absolute", **options: Any) -> None:
        super().__init__(**options)
        if kind not in ("absolute", "squared"):
            raise ValueError(f"expected absolute or squared; got {kind!r}")
        self.kind = kind

    def call(self, inputs: Any) -> Any:
        difference = inputs[0] - inputs[1]
        return ops.abs(difference) if self.kind == "absolute" else ops.square(difference)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape[0]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "kind": self.kind}


@keras.saving.register_keras_serializable(package=PACKAGE)
class Sampling(keras.layers.Layer):
    """A draw z = mu + exp(log_var / 2) * eps of a normal code, both (B, L) (Kingma & Welling,
    "Auto-encoding variational Bayes", ICLR 2014); outside training its mean."""

    def __init__(self, seed: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.seed = seed
        self._draws = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        mean, log_variance = inputs
        if not training:
            return mean
        drawn = keras.random.normal(ops.shape(mean), dtype=mean.dtype, seed=self._draws)
        return mean + ops.exp(log_variance / 2) * drawn

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape[0]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable(package=PACKAGE)
class CellBoxes(keras.layers.Layer):
    """The box of each cell of a map (B, H, W, 4): (B, H * W, 4), x1, y1, x2, y2 of 0 to 1. The four
    numbers are the logarithms of how far, in cells, left, top, right and bottom are from the cell's
    centre (Tian et al., "FCOS", ICCV 2019)."""

    def call(self, inputs: Any) -> Any:
        _, height, width, _ = inputs.shape
        # Beyond e^3 cells a box is larger than any picture here: its slope would be, too.
        far = ops.exp(ops.clip(ops.cast(inputs, "float32"), -4.0, 3.0))
        x = (ops.arange(width, dtype="float32") + 0.5)[None, None, :]
        y = (ops.arange(height, dtype="float32") + 0.5)[None, :, None]
        sides = [
            (x - far[..., 0]) / width,
            (y - far[..., 1]) / height,
            (x + far[..., 2]) / width,
            (y + far[..., 3]) / height,
        ]
        return ops.reshape(ops.stack(sides, axis=-1), (-1, height * width, 4))

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, height, width, _ = input_shape
        return (batch, height * width, 4)


# Two stages (Ren et al., "Faster R-CNN", NIPS 2015; He et al., "Mask R-CNN", ICCV 2017) --------


def anchors(grids: Sequence[int], sizes: Sequence[float], ratios: Sequence[float]) -> np.ndarray:
    """Boxes float32 (A, 4), x1, y1, x2, y2 of 1: of each map of `grids` cells a side, row by row,
    about each cell's centre one of each ratio, height over width, of the area `sizes`**2."""
    found = []
    for grid, size in zip(grids, sizes, strict=True):
        at = (np.arange(grid) + 0.5) / grid
        y, x = np.meshgrid(at, at, indexing="ij")
        sides = np.array([(size / ratio**0.5, size * ratio**0.5) for ratio in ratios])
        middle = np.stack([x, y], axis=-1)[:, :, None]
        found.append(np.concatenate([middle - sides / 2, middle + sides / 2], axis=-1))
    return np.concatenate([each.reshape(-1, 4) for each in found]).astype(np.float32)


def middles(boxes: Any) -> tuple[Any, Any]:
    """The centres and the sides (..., 2) of boxes (..., 4); a side is at least `LEAST`."""
    sides = ops.maximum(boxes[..., 2:4] - boxes[..., :2], LEAST)
    return (boxes[..., :2] + boxes[..., 2:4]) / 2, sides


def decoded(deltas: Any, boxes: Any, weights: Sequence[float]) -> Any:
    """Boxes (..., 4) moved by deltas (..., 4), each times its weight: how far the centre goes, of a
    side, and the logarithms of how much the sides grow (Girshick et al., R-CNN, CVPR 2014)."""
    middle, sides = middles(boxes)
    scaled = deltas / ops.convert_to_tensor(weights, deltas.dtype)
    middle = middle + scaled[..., :2] * sides
    half = sides * ops.exp(ops.minimum(scaled[..., 2:], LARGEST)) / 2
    return ops.concatenate([middle - half, middle + half], axis=-1)


def encoded(boxes: Any, others: Any, weights: Sequence[float]) -> Any:
    """The deltas that `decoded` makes these boxes of the others of."""
    (middle, sides), (from_, those) = middles(boxes), middles(others)
    deltas = ops.concatenate([(middle - from_) / those, ops.log(sides / those)], axis=-1)
    return deltas * ops.convert_to_tensor(weights, deltas.dtype)


def spans(low: Any, high: Any, count: int, samples: int, length: int) -> Any:
    """What each of `count` bins from `low` to `high` (..., ), of 1, takes of a line of `length`
    pixels: (..., count, length), the mean of `samples` places a bin, between pixels' centres linear
    and beyond the first and last theirs. RoIAlign is this down and across (He et al. 2017)."""
    steps = (ops.arange(count * samples, dtype="float32") + 0.5) / (count * samples)
    at = low[..., None] + steps * (high - low)[..., None]
    at = ops.clip(at * length - 0.5, 0.0, length - 1.0)
    near = ops.relu(1 - ops.abs(at[..., None] - ops.arange(length, dtype="float32")))
    shape = (-1, *low.shape[1:], count, samples, length)
    return ops.mean(ops.reshape(near, shape), axis=-2)


def suppressed(boxes: Any, scores: Any, count: int, overlap: float) -> tuple[Any, Any]:
    """Non-maximum suppression with fixed sizes: of boxes (B, N, 4) of these scores (B, N) the
    surest, then the surest of those that overlap it by an IoU of at most `overlap`, and so on:
    `count` one-hot rows (B, K, N), and whether there was one left, (B, K) of 0 and 1."""
    chosen, there = [], []
    low, high = boxes[..., :2], boxes[..., 2:]
    area = ops.prod(ops.relu(high - low), axis=-1)
    for _ in range(count):
        row = ops.one_hot(_largest(scores), boxes.shape[1])
        there.append(ops.cast(ops.max(scores, axis=-1) > GONE / 2, "float32"))
        chosen.append(row)
        first = ops.matmul(row[:, None], boxes)
        sides = ops.minimum(high, first[..., 2:]) - ops.maximum(low, first[..., :2])
        shared = ops.prod(ops.relu(sides), axis=-1)
        own = ops.prod(ops.relu(first[..., 2:] - first[..., :2]), axis=-1)
        over = shared > overlap * (area + own - shared)
        scores = ops.where(over, GONE, scores)
        scores = scores + row * GONE
    return ops.stack(chosen, axis=1), ops.stack(there, axis=1)


def _largest(values: Any) -> Any:
    """Where the largest is along the last axis, the first of equal ones. Keras' argmax looks at the
    sign's bit of zeros, for which ONNX has no operation."""
    return ops.top_k(values, 1)[1][..., 0]


@keras.saving.register_keras_serializable(package=PACKAGE)
class Rows(keras.layers.Layer):
    """Maps (B, H, W, a * `width`) of one or more levels as rows (B, N, `width`), N = sum H W a."""

    def __init__(self, width: int, **options: Any) -> None:
        super().__init__(**options)
        self.width = width

    def call(self, inputs: Any) -> Any:
        levels = inputs if isinstance(inputs, list | tuple) else [inputs]
        rows = [
            ops.reshape(each, (-1, math.prod(each.shape[1:]) // self.width, self.width))
            for each in levels
        ]
        return ops.concatenate(rows, axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        levels = input_shape if isinstance(input_shape[0], list | tuple) else [input_shape]
        count = sum(math.prod(each[1:]) // self.width for each in levels)
        return (levels[0][0], count, self.width)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width}


@keras.saving.register_keras_serializable(package=PACKAGE)
class AnchorBoxes(keras.layers.Layer):
    """The boxes (B, A, 4) that deltas (B, A, 4) make of `anchors` of these grids, sizes, ratios."""

    def __init__(
        self, grids: Sequence[int], sizes: Sequence[float], ratios: Sequence[float], **options: Any
    ) -> None:
        super().__init__(**options)
        self.given = {"grids": list(grids), "sizes": list(sizes), "ratios": list(ratios)}

    def call(self, inputs: Any) -> Any:
        boxes = ops.convert_to_tensor(anchors(**self.given))[None]  # type: ignore[arg-type]
        return decoded(ops.cast(inputs, "float32"), boxes, ANCHOR_WEIGHTS)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.given}


@keras.saving.register_keras_serializable(package=PACKAGE)
class Proposals(keras.layers.Layer):
    """Of logits (B, A, 1) and boxes (B, A, 4) the `count` boxes (B, P, 4) of the highest scores,
    among the `FIRST` first, that overlap none surer by an IoU of more than `overlap`, within the
    picture; boxes of no size where there are fewer. No gradient goes through them."""

    def __init__(self, count: int, overlap: float, **options: Any) -> None:
        super().__init__(**options)
        self.count, self.overlap = count, overlap

    def call(self, inputs: Any) -> Any:
        logits, boxes = (ops.stop_gradient(ops.cast(each, "float32")) for each in inputs)
        scores = logits[..., 0]
        if scores.shape[1] > FIRST:
            scores, places = ops.top_k(scores, FIRST)
            boxes = ops.take_along_axis(boxes, places[..., None], axis=1)
        chosen, there = suppressed(boxes, scores, self.count, self.overlap)
        return ops.clip(ops.matmul(chosen, boxes), 0.0, 1.0) * there[..., None]

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0][0], self.count, 4)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "count": self.count, "overlap": self.overlap}


@keras.saving.register_keras_serializable(package=PACKAGE)
class RoiAlign(keras.layers.Layer):
    """Of maps (B, H, W, C) and boxes (B, R, 4 or more) what each box has of the maps, in `side` by
    `side` bins of `samples` by `samples` places: (B, R, side, side, C). No gradient goes to the
    boxes."""

    def __init__(self, side: int, samples: int = 2, **options: Any) -> None:
        super().__init__(autocast=False, **options)  # boxes keep their 24 bits
        self.side, self.samples = side, samples

    def call(self, inputs: Any) -> Any:
        maps, boxes = inputs
        boxes = ops.stop_gradient(ops.cast(boxes, "float32"))
        down, across = (
            ops.cast(
                spans(boxes[..., at], boxes[..., at + 2], self.side, self.samples, length),
                maps.dtype,
            )
            for at, length in ((1, maps.shape[1]), (0, maps.shape[2]))
        )
        rows = ops.einsum("bryh,bhwc->brwyc", down, maps)
        return ops.einsum("brxw,brwyc->bryxc", across, rows)

    def compute_output_shape(self, input_shape: Any) -> Any:
        maps, boxes = input_shape
        return (boxes[0], boxes[1], self.side, self.side, maps[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "side": self.side, "samples": self.samples}


@keras.saving.register_keras_serializable(package=PACKAGE)
class Refined(keras.layers.Layer):
    """The boxes (B, P, 4) that deltas (B, P, 4) make of proposals (B, P, 4)."""

    def call(self, inputs: Any) -> Any:
        proposals, deltas = (ops.cast(each, "float32") for each in inputs)
        return decoded(deltas, proposals, ROI_WEIGHTS)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape[0]


@keras.saving.register_keras_serializable(package=PACKAGE)
class Detections(keras.layers.Layer):
    """Of boxes (B, P, 4) and class logits (B, P, C + 1), the last the background's, the `count`
    surest, each of its likeliest class, that overlap none surer by an IoU of more than `overlap`:
    (B, K, 6) of box, within the picture, class and probability, which is 0 where there are fewer.
    No gradient goes through them."""

    def __init__(self, count: int, overlap: float, **options: Any) -> None:
        super().__init__(**options)
        self.count, self.overlap = count, overlap

    def call(self, inputs: Any) -> Any:
        boxes, logits = (ops.stop_gradient(ops.cast(each, "float32")) for each in inputs)
        chances = ops.softmax(logits)[..., :-1]
        scores, classes = ops.max(chances, axis=-1), _largest(chances)
        chosen, there = suppressed(boxes, scores, self.count, self.overlap)
        named = ops.cast(classes, "float32")[..., None]
        found = ops.matmul(chosen, ops.concatenate([ops.clip(boxes, 0.0, 1.0), named], axis=-1))
        sure = ops.matmul(chosen, scores[..., None]) * there[..., None]
        return ops.concatenate([found, sure], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0][0], self.count, 6)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "count": self.count, "overlap": self.overlap}


@keras.saving.register_keras_serializable(package=PACKAGE)
class Folded(keras.layers.Layer):
    """Maps of several boxes a picture (B, K, H, W, C), one after the other (B * K, H, W, C)."""

    def call(self, inputs: Any) -> Any:
        return ops.reshape(inputs, (-1, *inputs.shape[2:]))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (None, *input_shape[2:])


@keras.saving.register_keras_serializable(package=PACKAGE)
class Unfolded(keras.layers.Layer):
    """The same the other way round, `count` a picture."""

    def __init__(self, count: int, **options: Any) -> None:
        super().__init__(**options)
        self.count = count

    def call(self, inputs: Any) -> Any:
        return ops.reshape(inputs, (-1, self.count, *inputs.shape[1:]))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (None, self.count, *input_shape[1:])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "count": self.count}
