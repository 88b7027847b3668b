"""The CNNs: blocks of convolution and pooling, one hidden layer (the features), the logits.

`plan` describes a network without building it, in plain Python, so that the page can show sizes
at once; `build` makes that plan a Keras model. Layers have names that views read by: `block1_conv`,
`block1_norm`, `block1_activation`, `block1_pool`, ..., `features`, `logits`, `probabilities`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.datasets import facts
from playground.spec import RunSpec

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class LayerPlan:
    """One layer: `shape` is that of its output without the batch, `parameters` the trainable."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int = 0


def plan(spec: RunSpec) -> list[LayerPlan]:
    """The layers of the spec's network in order. Imports no Keras."""
    known = facts(spec.dataset)
    height, width, channels = known.shape
    layers = [LayerPlan("normalise", "Normalization", (height, width, channels))]
    for block in range(1, spec.depth + 1):
        filters = spec.width * 2 ** (block - 1)
        suffixes = ("",) if spec.model == "simple" else ("a", "b")
        for suffix in suffixes:
            shape = (height, width, filters)
            weights = kernel_side(spec) ** 2 * channels * filters
            weights += 0 if spec.batch_norm else filters
            layers.append(LayerPlan(f"block{block}_conv{suffix}", "Conv2D", shape, weights))
            if spec.batch_norm:
                layers.append(
                    LayerPlan(
                        f"block{block}_norm{suffix}", "BatchNormalization", shape, 2 * filters
                    )
                )
            slopes = filters if spec.activation == "prelu" else 0
            name = f"block{block}_activation{suffix}"
            layers.append(LayerPlan(name, "Activation", shape, slopes))
            channels = filters
        height, width = -(-height // 2), -(-width // 2)
        layers.append(LayerPlan(f"block{block}_pool", "MaxPooling2D", (height, width, filters)))
    flat = height * width * channels
    classes = len(known.class_names)
    layers.append(LayerPlan("flatten", "Flatten", (flat,)))
    if spec.dropout:
        layers.append(LayerPlan("dropout", "Dropout", (flat,)))
    hidden = (flat + 1) * spec.embedding
    layers.append(LayerPlan("features", "Dense", (spec.embedding,), hidden))
    last = (spec.embedding + spec.logits_bias) * classes
    layers.append(LayerPlan("logits", "Dense", (classes,), last))
    layers.append(LayerPlan("probabilities", "Softmax", (classes,)))
    return layers


def kernel_side(spec: RunSpec) -> int:
    """Pixels along one side of a convolution's kernel. LeNet++ (Wen et al., ECCV 2016, table 1)
    has 5; with width 32, depth 3, PReLU and an embedding of 2 it is the paper's."""
    return 5 if spec.model == "lenet" else 3


def features_activation(spec: RunSpec) -> str | None:
    """PReLU is for convolutions: features are linear beside it, as in the paper."""
    linear = spec.linear_embedding or spec.activation == "prelu"
    return None if linear else spec.activation


def describe(spec: RunSpec) -> list[dict[str, Any]]:
    """`plan` as plain dictionaries, for events and JSON."""
    return [{**asdict(layer), "shape": list(layer.shape)} for layer in plan(spec)]


def parameter_count(spec: RunSpec) -> int:
    """Trainable parameters of the spec's network."""
    return sum(layer.parameters for layer in plan(spec))


def receptive_field(spec: RunSpec, name: str) -> tuple[int, int, int]:
    """What part of the image one place of a layer's map sees: the side of the square, the pixels
    between two neighbouring places, and where the first begins (negative: outside the image);
    Araujo et al., "Computing receptive fields", Distill 2019. Square images and kernels."""
    size, jump, first = 1, 1, 0
    for layer in plan(spec):
        if layer.kind == "Conv2D":
            reach = kernel_side(spec) // 2
            size, first = size + 2 * reach * jump, first - reach * jump
        elif layer.kind == "MaxPooling2D":
            size, jump = size + jump, 2 * jump
        elif len(layer.shape) == 1:
            size, jump, first = facts(spec.dataset).shape[0], 0, 0
        if layer.name == name:
            return size, jump, first
    raise KeyError(name)


@dataclass(frozen=True)
class PixelStatistics:
    """What is subtracted from each pixel and the variance it is divided by the root of; both
    float32 (H, W, C) for pixels of 0 to 255."""

    mean: np.ndarray
    variance: np.ndarray

    def as_arrays(self) -> dict[str, np.ndarray]:
        """Both by the names that a snapshot keeps them under."""
        return {"normalise/mean": self.mean, "normalise/variance": self.variance}


def pixel_statistics(images: np.ndarray, normalise: str) -> PixelStatistics:
    """The statistics of uint8 images (N, H, W, C) for a spec's `normalise`.

    "pixel" subtracts each pixel's own mean (He et al., CVPR 2016, section 4.2) and divides by the
    spread of the whole: a pixel that is always black has no spread of its own to divide by.
    """
    shape = images.shape[1:]
    if normalise == "unit":
        return PixelStatistics(np.zeros(shape, np.float32), np.full(shape, 255.0**2, np.float32))
    # Sums over uint8 in float64: exact, so the statistics do not depend on the order of images.
    mean = images.mean(axis=0, dtype=np.float64)
    square = np.einsum("nhwc,nhwc->hwc", images, images, dtype=np.float64) / len(images)
    if normalise == "channel":
        mean = np.broadcast_to(mean.mean(axis=(0, 1)), shape)
        variance = square.mean(axis=(0, 1)) - mean[0, 0] ** 2
    else:
        variance = (square - mean**2).mean()
    variance = np.maximum(np.broadcast_to(variance, shape), 1.0)
    return PixelStatistics(mean.astype(np.float32), variance.astype(np.float32))


def build(spec: RunSpec, statistics: PixelStatistics | None = None) -> "keras.Model":
    """The spec's network: pixels (B, H, W, C) of 0 to 255 in, probabilities (B, classes) out.

    Weights are drawn from the spec's seed, so two specs that differ only in their loss start from
    the same ones. Without statistics, pixels are scaled to 0...1.
    """
    import keras

    known = facts(spec.dataset)
    if statistics is None:
        statistics = pixel_statistics(np.zeros((1, *known.shape), np.uint8), "unit")
    policy = keras.DTypePolicy(spec.precision)
    regularizer = keras.regularizers.L2(spec.l2) if spec.l2 else None
    layers = keras.layers

    def weights(name: str) -> dict[str, Any]:
        return {
            "name": name,
            "kernel_initializer": keras.initializers.GlorotUniform(_layer_seed(spec.seed, name)),
            "kernel_regularizer": regularizer,
        }

    images = keras.Input(known.shape, name="images")
    x = images
    for layer in plan(spec):
        name, size = layer.name, layer.shape[-1]
        if layer.kind == "Normalization":
            x = layers.Normalization(
                axis=(1, 2, 3),
                mean=statistics.mean,
                variance=statistics.variance,
                name=name,
                dtype="float32",
            )(x)
        elif layer.kind == "Conv2D":
            x = layers.Conv2D(
                size,
                kernel_side(spec),
                padding="same",
                use_bias=not spec.batch_norm,
                dtype=policy,
                **weights(name),
            )(x)
        elif layer.kind == "BatchNormalization":
            x = layers.BatchNormalization(momentum=0.9, name=name, dtype=policy)(x)
        elif layer.kind == "MaxPooling2D":
            x = layers.MaxPooling2D(2, padding="same", name=name, dtype=policy)(x)
        elif layer.kind == "Activation" and spec.activation == "prelu":
            x = layers.PReLU(
                alpha_initializer=keras.initializers.Constant(0.25),  # as He et al., ICCV 2015
                shared_axes=(1, 2),
                name=name,
                dtype=policy,
            )(x)
        elif layer.kind == "Activation":
            x = layers.Activation(spec.activation, name=name, dtype=policy)(x)
        elif layer.kind == "Flatten":
            x = layers.Flatten(name=name, dtype=policy)(x)
        elif layer.kind == "Dropout":
            x = layers.Dropout(
                spec.dropout, seed=_layer_seed(spec.seed, name), name=name, dtype=policy
            )(x)
        elif name == "features":
            activation = features_activation(spec)
            x = layers.Dense(size, activation=activation, dtype=policy, **weights(name))(x)
        elif name == "logits":
            x = layers.Dense(size, use_bias=spec.logits_bias, dtype="float32", **weights(name))(x)
        else:
            x = layers.Softmax(name=name, dtype="float32")(x)
    return keras.Model(images, x, name=spec.dataset)


def restore(spec: RunSpec, weights: Mapping[str, np.ndarray]) -> "keras.Model":
    """The spec's network with the weights of a snapshot. Raises KeyError where one is missing."""
    statistics = PixelStatistics(weights["normalise/mean"], weights["normalise/variance"])
    model = build(spec, statistics)
    for weight in model.weights:
        weight.assign(weights[weight.path])
    return model


def _layer_seed(seed: int, name: str) -> int:
    """A seed of its own for each layer, so that widening one leaves the others' draws alone."""
    return int(np.random.default_rng([seed, *name.encode()]).integers(2**31 - 1))
