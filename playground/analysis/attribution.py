"""Why the network says so: which pixels of an image a class' score rests on."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from playground.analysis.network import Network
from playground.errors import WorkerError
from playground.layers import ACTIVATIONS

NOISES = 24  # noisy copies that SmoothGrad averages over
NOISE = 0.15  # their standard deviation, as a share of the range of pixels
PATCH = 0.25  # side of the square that occlusion hides, as a share of the image's


def why(network: Network, image: Mapping[str, Any], target: int = -1) -> dict[str, Any]:
    """Four maps (H, W) float32 of what speaks for class `target` (the predicted one if below 0).

    `grad_cam`: Selvaraju et al., ICCV 2017, at the last convolution's activation, enlarged.
    `saliency`: largest |d logit / d pixel| over the channels (Simonyan et al., 2014).
    `smooth_grad`: the same averaged over noisy copies (Smilkov et al., 2017).
    `occlusion`: how far the probability falls when a grey square hides the place (Zeiler &
    Fergus, ECCV 2014). Raises WorkerError for a class that there is not.
    """
    network.check_classes()
    pixels, _ = network.image(image)
    count = len(network.dataset.class_names)
    if target >= count:
        raise WorkerError(f"There is no class {target:,}.", f"Choose one of 0 to {count - 1}.")
    if target < 0:
        target = int(tf.argmax(network.outputs(pixels[None])["logits"][0]))
    # The same noise each time, so that two looks at one image give one picture.
    draw = np.random.default_rng(0)
    noise = draw.normal(0, NOISE * 255, (NOISES, *pixels.shape)).astype(np.float32)
    return {
        "target": target,
        "grad_cam": _grad_cam(network, pixels, target),
        "saliency": _saliency(network, pixels[None].astype(np.float32), target),
        "smooth_grad": _saliency(network, pixels + noise, target),
        "occlusion": _occlusion(network, pixels, target),
    }


def _grad_cam(network: Network, pixels: np.ndarray, target: int) -> np.ndarray:
    name = [layer.name for layer in network.plan if layer.kind in ACTIVATIONS][-1]
    with tf.GradientTape() as tape:
        outputs = network.outputs(pixels[None])
        score = outputs["logits"][0, target]
    maps = outputs[name]
    weights = tf.reduce_mean(tape.gradient(score, maps), axis=(1, 2))
    weighted = tf.cast(maps, tf.float32) * tf.cast(weights, tf.float32)[:, None, None]
    cam = tf.nn.relu(tf.reduce_sum(weighted, axis=-1))
    enlarged = tf.image.resize(cam[..., None], pixels.shape[:2])
    return np.asarray(enlarged)[0, ..., 0]


def _saliency(network: Network, images: np.ndarray, target: int) -> np.ndarray:
    inputs = tf.convert_to_tensor(images.astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        score = tf.reduce_sum(network.tap("logits")(inputs, training=False)[:, target])
    gradient = tf.abs(tape.gradient(score, inputs))
    return np.asarray(tf.reduce_mean(tf.reduce_max(gradient, axis=-1), axis=0))


def _occlusion(network: Network, pixels: np.ndarray, target: int) -> np.ndarray:
    height, width = pixels.shape[:2]
    side = max(1, round(PATCH * height))
    stride = max(1, side // 3)
    grey = pixels.mean(axis=(0, 1)).astype(np.float32)
    starts = [
        (top, left)
        for top in range(-side // 2, height - side // 2, stride)
        for left in range(-side // 2, width - side // 2, stride)
    ]
    hidden = np.repeat(pixels[None].astype(np.float32), len(starts) + 1, axis=0)
    covered = np.zeros((len(starts), height, width), np.float32)
    for index, (top, left) in enumerate(starts):
        rows, columns = slice(max(top, 0), top + side), slice(max(left, 0), left + side)
        hidden[index, rows, columns] = grey
        covered[index, rows, columns] = 1
    scores = np.asarray(network.model(hidden, training=False))[:, target]
    drop = scores[-1] - scores[:-1]
    # Each pixel: the mean drop over the squares that hide it.
    total = np.einsum("n,nhw->hw", drop, covered)
    return (total / np.maximum(covered.sum(axis=0), 1)).astype(np.float32)
