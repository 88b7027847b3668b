"""Layers that Keras has not: distances of two embeddings, the draw of a variational code, boxes.

A file of its own that needs Keras alone, because it goes with an exported script.
"""

from typing import Any

import keras
from keras import ops

PACKAGE = "playground"


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
