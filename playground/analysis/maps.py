"""Activation maps, their gradients and kernels of one image; which filters are dead; which filter
of one network is which of another."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.optimize import linear_sum_assignment

from losses.gradient import gradient_of
from playground.analysis.network import BROWSED, SAMPLED, Network
from playground.errors import WorkerError
from playground.layers import ACTIVATIONS

EXEMPLARS = 12


def maps(
    network: Network,
    image: Mapping[str, Any],
    step: int,
    gradients: bool = False,
    layer: str = "",
    unit: int = -1,
) -> dict[str, Any]:
    """The activation maps of one image, or the gradients of the run's loss by them.

    Every layer's, or those of one `layer`, or one `unit` (filter) of it. Each entry of `layers`
    has name, kind, shape, `data` uint8 (N, H, W) with each map's `low` and `high` (N,) as 0 and
    255; a layer without height and width has one map of one row. `probabilities` are there where
    the network says any. The loss is that of the true
    class, or of the predicted one where an image has no label.
    """
    pixels, label = network.image(image)
    if gradients:
        tape, outputs, loss = _taped(network, pixels, label, step)
    else:
        outputs = network.outputs(pixels[None])
    shown = [network.layer(layer)] if layer else network.plan
    if gradients:
        names = [each.name for each in shown]
        found = gradient_of(tape, loss, [outputs[name] for name in names])
        values = dict(zip(names, found, strict=True))
    else:
        values = outputs
    layers = []
    for each in shown:
        array = np.asarray(tf.cast(values[each.name], tf.float32))[0]
        channels = np.moveaxis(array, -1, 0) if array.ndim == 3 else array[None, None]
        if unit >= 0 and array.ndim == 3:
            channels = channels[unit : unit + 1]
        data, low, high = quantised(channels)
        layers.append(
            {
                "name": each.name,
                "kind": each.kind,
                "shape": list(each.shape),
                "data": data,
                "low": low,
                "high": high,
                "field": network.full_plan.receptive_field(each.name),
            }
        )
    found = {"layers": layers, "pixels": pixels, "label": label}
    if "probabilities" in outputs:
        found["probabilities"] = np.asarray(outputs["probabilities"], np.float32)[0]
    return found


def quantised(channels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Maps (N, H, W) as uint8, and what 0 and 255 stand for in each, float32 (N,). What is not
    finite counts as 0."""
    channels = np.nan_to_num(channels, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = channels.min(axis=(1, 2)), channels.max(axis=(1, 2))
    span = np.where(high > low, high - low, 1)[:, None, None]
    data = np.rint((channels - low[:, None, None]) / span * 255).astype(np.uint8)
    return data, low.astype(np.float32), high.astype(np.float32)


def kernel(
    network: Network, image: Mapping[str, Any], step: int, layer: str, unit: int
) -> dict[str, Any]:
    """A filter's kernel and the gradient of the run's loss on this image by it, float32
    (3, 3, channels in) each, and its bias or None. Of a layer that follows a convolution, those of
    that convolution, which `layer` in the answer names."""
    source = convolution_of(network, layer)
    weights = network.model.get_layer(source).kernel
    if not 0 <= unit < weights.shape[-1]:
        raise WorkerError("This layer has no such filter.", "Choose one of those that are drawn.")
    pixels, label = network.image(image)
    tape, _, loss = _taped(network, pixels, label, step)
    gradient = gradient_of(tape, loss, weights.value)
    bias = network.model.get_layer(source).bias
    return {
        "layer": source,
        "kernel": np.asarray(weights)[..., unit],
        "gradient": np.asarray(gradient, np.float32)[..., unit],
        "bias": None if bias is None else float(np.asarray(bias)[unit]),
    }


def _taped(
    network: Network, pixels: np.ndarray, label: int | None, step: int
) -> tuple[tf.GradientTape, dict[str, Any], Any]:
    """Every layer's output for one image, the run's loss of it, and the tape that saw both."""
    network.check_classes()
    with tf.GradientTape() as tape:
        outputs = network.outputs(pixels[None])
        target = int(tf.argmax(outputs["logits"][0])) if label is None else label
        loss = network.loss_of(outputs, np.array([target]), step)
    return tape, outputs, loss


def convolution_of(network: Network, layer: str) -> str:
    """The convolution whose filters a layer's maps are. Raises WorkerError if there is none."""
    network.layer(layer)
    found = ""
    for each in network.plan:
        if each.kind == "Conv2D":
            found = each.name
        if each.name == layer:
            break
    if not found or len(network.layer(layer).shape) != 3:
        raise WorkerError("This layer has no filters.", "Choose a convolution or what follows one.")
    return found


def browse(network: Network) -> dict[str, Any]:
    """Labels and predicted classes of the first test images, uint8 (N,) each."""
    images = network.dataset.test_images[:BROWSED]
    heads = network.heads.predict(images.astype(np.float32), batch_size=128, verbose=0)
    predicted = heads["logits"]
    labels = network.dataset.test_labels[:BROWSED]
    return {"labels": labels.astype(np.uint8), "predicted": predicted.argmax(1).astype(np.uint8)}


def exemplars(network: Network, layer: str, unit: int) -> dict[str, Any]:
    """The test images that excite a filter most, and where: `images` uint8 (N, H, W, C), `values`
    float32 (N,), `regions` int32 (N, 4): top, left, bottom, right of what that place sees."""
    convolution_of(network, layer)
    images = network.dataset.test_images[:BROWSED]
    tap = network.tap(layer)
    best, places = [], []
    for start in range(0, len(images), SAMPLED):
        part = images[start : start + SAMPLED].astype(np.float32)
        channel = np.asarray(tap(part, training=False))[..., unit].astype(np.float32)
        flat = channel.reshape(len(part), -1)
        places.append(flat.argmax(axis=1))
        best.append(flat.max(axis=1))
    values, place = np.concatenate(best), np.concatenate(places)
    chosen = np.argsort(-values, kind="stable")[:EXEMPLARS]
    width = network.layer(layer).shape[1]
    size, jump, first = network.full_plan.receptive_field(layer)
    top = place[chosen] // width * jump + first
    left = place[chosen] % width * jump + first
    height, across = images.shape[1:3]
    bottom, right = (top + size).clip(0, height), (left + size).clip(0, across)
    regions = [top.clip(0), left.clip(0), bottom, right]
    return {
        "images": images[chosen],
        "labels": network.dataset.test_labels[chosen].astype(np.uint8),
        "indices": chosen.astype(np.int32),
        "values": values[chosen],
        "regions": np.stack(regions, axis=1).astype(np.int32),
    }


def dead(network: Network) -> dict[str, Any]:
    """Of each activation layer: how many filters answer none of a sample of test images, how many
    there are, and the mean share of zeros."""
    images = network.dataset.test_images[:SAMPLED]
    outputs = network.outputs(images)
    found = []
    for layer in network.plan:
        if layer.kind not in ACTIVATIONS:
            continue
        zero = np.asarray(outputs[layer.name]) <= 0
        share = zero.mean(axis=(0, 1, 2))
        found.append(
            {
                "name": layer.name,
                "dead": int((share == 1).sum()),
                "filters": len(share),
                "zeros": float(share.mean()),
            }
        )
    return {"layers": found}


def match(network: Network, other: Network, layer: str) -> dict[str, Any]:
    """Which filter of `other` is most like each filter of `network` in a layer: `partner` int32
    (N,) and their `correlation` float32 (N,) over a sample of test images, matched one to one so
    that the sum of correlations is largest (Li et al., "Convergent learning", ICLR 2016)."""
    if network.spec.dataset != other.spec.dataset:
        raise WorkerError("The two runs saw different data.", "Compare runs on one data set.")
    mine, theirs = (
        np.asarray(each.tap(layer)(_sample(each), training=False)).reshape(
            -1, each.layer(layer).shape[-1]
        )
        for each in (network, other)
    )
    if mine.shape != theirs.shape:
        raise WorkerError(
            "This layer has another size in the other run.", "Compare layers of one size."
        )
    mine, theirs = _standardised(mine), _standardised(theirs)
    correlation = mine.T @ theirs / len(mine)
    rows, columns = linear_sum_assignment(-correlation)
    return {
        "partner": columns.astype(np.int32),
        "correlation": correlation[rows, columns].astype(np.float32),
    }


def _sample(network: Network) -> np.ndarray:
    return network.dataset.test_images[:SAMPLED].astype(np.float32)


def _standardised(columns: np.ndarray) -> np.ndarray:
    """Mean 0 and spread 1 down each column; a constant column becomes 0."""
    centred = columns - columns.mean(axis=0)
    spread = centred.std(axis=0)
    result: np.ndarray = centred / np.where(spread > 0, spread, 1)
    return result
