"""Activation maps, their gradients and kernels of one image; which filters are dead; which filter
of one network is which of another."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.optimize import linear_sum_assignment

from losses.gradient import gradient_of
from playground.analysis.network import SAMPLED, Network
from playground.errors import WorkerError
from playground.layers import ACTIVATIONS, Planned
from playground.tasks import Sight

EXEMPLARS = 12
CONVOLUTIONS = ("Conv2D", "Conv2DTranspose")


def maps(
    network: Network,
    image: Mapping[str, Any],
    gradients: bool = False,
    layer: str = "",
    unit: int = -1,
) -> dict[str, Any]:
    """The activation maps of a test row, or the gradients of the run's loss by them.

    Every layer's, or those of one `layer`, or one `unit` (filter) of it. Each entry of `layers`
    has name, kind, shape, `data` uint8 (N, H, W) with each map's `low` and `high` (N,) as 0 and
    255; a layer without height and width has one map, of one row or of its rows. Maps of several
    boxes lie side by side; of layers that see one box at a time the surest box is shown. `side` is
    the input whose image it is of, where there are several, `of` the layer that it calls once
    more, for another image, and `filters` the convolution whose filters made it; "" where there is
    none.

    `images` are those of the row: the input's `name`, `pixels`, `label` (None of the visitor's own)
    and, where the network tells classes apart, `probabilities`. Of two, `pair` says how far they
    are apart and the probability that they are of one class, where a head says it. The loss is that
    of the true class, or of the predicted one where an image has no label.
    """
    row = network.row(image)
    if gradients:
        tape, outputs, loss = _taped(network, row, "pixels" in image)
    else:
        outputs = network.outputs(network.batch(row))
    shown = [network.layer(layer)] if layer else _arranged(network)
    if gradients:
        names = [each.name for each in shown]
        found = gradient_of(tape, loss, [outputs[name] for name in names])
        values = dict(zip(names, found, strict=True))
    else:
        values = outputs
    layers = [_maps_of(network, each, values[each.name], unit) for each in shown]
    images = [
        _image(network, sight, row, outputs, own="pixels" in image and place == 0)
        for place, sight in enumerate(network.sights)
    ]
    return {"layers": layers, "images": images, **_pair(network, outputs)}


def _arranged(network: Network) -> list[Planned]:
    """The layers in order, each followed by those that call it once more; rows of boxes and the
    like are neither maps nor an embedding."""
    again: dict[str, list[Planned]] = {"": []}
    for each in (layer for layer in network.plan if len(layer.shape) != 2):
        again.setdefault(each.layer.of, []).append(each)
    return [one for each in again[""] for one in (each, *again.get(each.name, ()))]


def _maps_of(network: Network, layer: Planned, output: Any, unit: int) -> dict[str, Any]:
    channels = _channels(np.asarray(tf.cast(output, tf.float32))[0])
    if unit >= 0 and len(layer.shape) >= 3:
        channels = channels[unit : unit + 1]
    data, low, high = quantised(channels)
    return {
        "name": layer.name,
        "kind": layer.kind,
        "shape": list(layer.shape),
        "data": data,
        "low": low,
        "high": high,
        "field": network.full_plan.receptive_field(layer.name),
        "side": network.side(layer.name),
        "of": layer.layer.of,
        "filters": _filters(network, layer),
    }


def _channels(array: np.ndarray) -> np.ndarray:
    """A layer's output of one row as maps (N, H, W): each channel's; those of several boxes
    (R, H, W, N) side by side in a square; rows of numbers as one map."""
    if array.ndim == 4:
        across = math.ceil(math.sqrt(len(array)))
        square = np.zeros((across * across, *array.shape[1:]), array.dtype)
        square[: len(array)] = array
        lines = [
            np.concatenate(square[at : at + across], axis=1) for at in range(0, len(square), across)
        ]
        array = np.concatenate(lines, axis=0)
    if array.ndim == 3:
        return np.moveaxis(array, -1, 0)
    return array[None] if array.ndim == 2 else array[None, None]


def _image(
    network: Network,
    sight: Sight,
    row: Mapping[str, np.ndarray],
    outputs: Mapping[str, Any],
    own: bool,
) -> dict[str, Any]:
    labels = row[sight.label]
    label = None if own or labels.ndim > 1 else int(labels[0])
    found: dict[str, Any] = {"name": sight.input, "pixels": row[sight.image][0], "label": label}
    if sight.logits:
        logits = network.among(outputs[sight.logits])
        found["probabilities"] = np.asarray(tf.nn.softmax(logits), np.float32)[0]
    return found


def _pair(network: Network, outputs: Mapping[str, Any]) -> dict[str, Any]:
    if "distance" not in outputs:
        return {}
    same = float(outputs["p_same"][0, -1]) if "p_same" in outputs else None
    return {"pair": {"distance": float(outputs["distance"][0, 0]), "same": same}}


def quantised(channels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Maps (N, H, W) as uint8, and what 0 and 255 stand for in each, float32 (N,). What is not
    finite counts as 0."""
    channels = np.nan_to_num(channels, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = channels.min(axis=(1, 2)), channels.max(axis=(1, 2))
    span = np.where(high > low, high - low, 1)[:, None, None]
    data = np.rint((channels - low[:, None, None]) / span * 255).astype(np.uint8)
    return data, low.astype(np.float32), high.astype(np.float32)


def kernel(network: Network, image: Mapping[str, Any], layer: str, unit: int) -> dict[str, Any]:
    """A filter's kernel and the gradient of the run's loss on this image by it, float32
    (3, 3, channels in) each, and its bias or None. Of a layer that follows a convolution, those of
    that convolution, which `layer` in the answer names."""
    source = convolution_of(network, layer)
    made = network.weighted(source)
    turned = network.full_plan[source].kind == "Conv2DTranspose"  # its filters come before the last
    weights = np.moveaxis(np.asarray(made.kernel), -2, -1) if turned else np.asarray(made.kernel)
    if not 0 <= unit < weights.shape[-1]:
        raise WorkerError("This layer has no such filter.", "Choose one of those that are drawn.")
    tape, _, loss = _taped(network, network.row(image), "pixels" in image)
    gradient = np.asarray(gradient_of(tape, loss, made.kernel.value), np.float32)
    gradient = np.moveaxis(gradient, -2, -1) if turned else gradient
    return {
        "layer": source,
        "kernel": weights[..., unit],
        "gradient": gradient[..., unit],
        "bias": None if made.bias is None else float(np.asarray(made.bias)[unit]),
    }


def _taped(
    network: Network, row: Mapping[str, np.ndarray], own: bool
) -> tuple[tf.GradientTape, dict[str, Any], Any]:
    """Every layer's output for a test row, the run's loss of it, and the tape that saw both. The
    visitor's `own` first image is what the network takes it for."""
    first, batch = network.sights[0], network.batch(row)
    with tf.GradientTape() as tape:
        tape.watch(list(batch.inputs.values()))  # else what no weight is in has no gradient
        outputs = network.outputs(batch)
        if own and first.logits:
            taken = network.among(outputs[first.logits]).argmax(axis=1)
            batch = network.batch({**row, first.label: taken})
        loss = network.loss_of(outputs, batch)
    return tape, outputs, loss


def convolution_of(network: Network, layer: str) -> str:
    """The convolution whose filters a layer's maps are. Raises WorkerError if there is none."""
    found = _filters(network, network.layer(layer))
    if not found:
        raise WorkerError("This layer has no filters.", "Choose a convolution or what follows one.")
    return found


def _filters(network: Network, layer: Planned) -> str:
    while len(layer.shape) == 3:
        if layer.kind in CONVOLUTIONS:
            return layer.layer.of or layer.name
        if layer.inputs[0] in network.full_plan.inputs:
            break
        layer = network.full_plan[layer.inputs[0]]
    return ""


def browse(network: Network) -> dict[str, Any]:
    """Labels of the first test images, uint8 (N,), of a row's first; and, where the network tells
    classes apart, which rows it gets `wrong`, uint8 (N,) of 0 and 1: a class of an image, or
    whether both are of one."""
    rows = network.work.rows_of("test", np.arange(len(network.seen("test")[0])))
    labels = network.seen("test")[1].astype(np.uint8)
    told = {sight.logits: sight for sight in network.sights if sight.logits}
    judged = [each.name for each in network.plan if each.name == "p_same"]
    if not told:
        return {"labels": labels}
    found = network.forward([*told, *judged], rows)
    wrong = np.zeros(len(labels), bool)
    for name, sight in told.items():
        wrong |= network.among(found[name]).argmax(axis=1) != rows[sight.label]
    if judged:
        first, second = (rows[sight.label] for sight in network.sights)
        wrong |= (found["p_same"][:, -1] >= 0.5) != (first == second)
    return {"labels": labels, "wrong": wrong.astype(np.uint8)}


def exemplars(network: Network, layer: str, unit: int) -> dict[str, Any]:
    """The test images that excite a filter most, and where: `images` uint8 (N, H, W, C), `values`
    float32 (N,), `regions` int32 (N, 4): top, left, bottom, right of what that place sees."""
    convolution_of(network, layer)
    needed = network.full_plan.needed((layer,))
    if any(each.kind == "Folded" and each.name in needed for each in network.full_plan):
        raise WorkerError(
            "This layer looks at boxes that were found, not at a whole image.",
            "Choose a layer before them.",
        )
    images, labels = network.seen("test")
    best, places = [], []
    for outputs in network.over((layer,), network.together(images, labels)):
        channel = outputs[layer][..., unit]
        flat = channel.reshape(len(channel), -1)
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
        "labels": labels[chosen].astype(np.uint8),
        "indices": chosen.astype(np.int32),
        "values": values[chosen],
        "regions": np.stack(regions, axis=1).astype(np.int32),
    }


def dead(network: Network) -> dict[str, Any]:
    """Of each activation with maps: how many filters answer none of a sample of test images, how
    many there are, and the mean share of zeros. Weights that are used twice count once."""
    shown = [each for each in activated(network) if not each.layer.of]
    found = []
    outputs = network.forward([each.name for each in shown], _sample(network)) if shown else {}
    for layer in shown:
        zero = outputs[layer.name] <= 0
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


def activated(network: Network) -> list[Planned]:
    """The layers with maps that an activation has gone over, but for what the network gives out."""
    return [
        layer
        for layer in network.plan
        if len(layer.shape) == 3
        and layer.name not in network.full_plan.outputs
        and (layer.kind in ACTIVATIONS or "activation" in layer.layer.options)
    ]


def match(network: Network, other: Network, layer: str) -> dict[str, Any]:
    """Which filter of `other` is most like each filter of `network` in a layer: `partner` int32
    (N,) and their `correlation` float32 (N,) over a sample of test images, matched one to one so
    that the sum of correlations is largest (Li et al., "Convergent learning", ICLR 2016)."""
    if network.spec.dataset != other.spec.dataset:
        raise WorkerError("The two runs saw different data.", "Compare runs on one data set.")
    mine, theirs = (
        each.forward((layer,), _sample(each))[layer].reshape(-1, each.layer(layer).shape[-1])
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


def _sample(network: Network) -> dict[str, np.ndarray]:
    images, labels = network.seen("test")
    return network.together(images[:SAMPLED], labels[:SAMPLED])


def _standardised(columns: np.ndarray) -> np.ndarray:
    """Mean 0 and spread 1 down each column; a constant column becomes 0."""
    centred = columns - columns.mean(axis=0)
    spread = centred.std(axis=0)
    result: np.ndarray = centred / np.where(spread > 0, spread, 1)
    return result
