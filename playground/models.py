"""The network of a run: its task's plan, sized without Keras (`plan`) and built with it
(`connect`), and the statistics that its pixels are normalised by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from playground import layers
from playground.layers import Built, Plan
from playground.spec import RunSpec
from playground.tasks import TASKS

if TYPE_CHECKING:
    import keras


def plan(spec: RunSpec) -> Plan:
    """The spec's network. Imports no Keras."""
    found: Plan = TASKS[spec.task].plan(spec)
    return found


def describe(spec: RunSpec) -> list[dict[str, Any]]:
    """`plan` as plain dictionaries, for events and JSON."""
    return [layer.as_dict() for layer in plan(spec)]


def parameter_count(spec: RunSpec) -> int:
    """Trainable parameters of the spec's network."""
    return plan(spec).parameters


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
    spread of the whole: a pixel that is always black has no spread of its own to divide by. "unit"
    scales to 0...1; "raw" leaves 0...255.
    """
    shape = images.shape[1:]
    if normalise in ("unit", "raw"):
        scale = 255.0**2 if normalise == "unit" else 1.0
        return PixelStatistics(np.zeros(shape, np.float32), np.full(shape, scale, np.float32))
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


def connect(
    spec: RunSpec, statistics: PixelStatistics | None = None, training: bool = False
) -> Built:
    """The spec's network: pixels (B, H, W, C) of 0 to 255 in, probabilities (B, classes) out.

    Weights are drawn from the spec's seed, so two specs that differ only in their loss start from
    the same ones. Without statistics, pixels are scaled to 0...1. `training`: see `layers.build`.
    """
    if statistics is None:
        shape = next(iter(plan(spec).inputs.values()))
        blank = np.zeros((1, *shape), np.uint8)
        statistics = pixel_statistics(blank, "unit")
    given = {"mean": statistics.mean, "variance": statistics.variance}
    return layers.build(plan(spec), given, training)


def build(spec: RunSpec, statistics: PixelStatistics | None = None) -> "keras.Model":
    """`connect` as a model that gives the probabilities."""
    return connect(spec, statistics).model


def reconnect(spec: RunSpec, weights: Mapping[str, np.ndarray]) -> Built:
    """The spec's network with the weights of a snapshot. Raises KeyError where one is missing."""
    statistics = PixelStatistics(weights["normalise/mean"], weights["normalise/variance"])
    built = connect(spec, statistics)
    built.load(weights)
    return built


def restore(spec: RunSpec, weights: Mapping[str, np.ndarray]) -> "keras.Model":
    """`reconnect` as a model that gives the probabilities."""
    return reconnect(spec, weights).model
