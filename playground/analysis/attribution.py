"""Why the network says so: which pixels of an image a class' score rests on."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from playground.analysis.maps import activated
from playground.analysis.network import Network
from playground.errors import WorkerError
from playground.tasks import Sight

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
    sight = network.classifier()
    row = network.row(image)
    pixels = row[sight.image][0]
    inputs = network.batch(row).inputs
    count = len(network.dataset.class_names)
    if target >= count:
        raise WorkerError(f"There is no class {target:,}.", f"Choose one of 0 to {count - 1}.")
    if target < 0:
        logits = network.called((sight.logits,), inputs)[sight.logits]
        target = int(network.among(logits)[0].argmax())
    # The same noise each time, so that two looks at one image give one picture.
    draw = np.random.default_rng(0)
    noise = draw.normal(0, NOISE * 255, (NOISES, *pixels.shape)).astype(np.float32)
    found = Reasons(network, sight, inputs, target)
    return {
        "target": target,
        "grad_cam": found.grad_cam(pixels.shape[:2]),
        "saliency": found.saliency(pixels[None].astype(np.float32)),
        "smooth_grad": found.saliency(pixels + noise),
        "occlusion": found.occlusion(pixels),
    }


class Reasons:
    """What speaks for a class in one image of a row, whose `inputs` to the network are given."""

    def __init__(
        self, network: Network, sight: Sight, inputs: Mapping[str, Any], target: int
    ) -> None:
        self._network, self._sight = network, sight
        self._inputs, self._target = inputs, target

    def _called(self, names: Sequence[str], images: Any) -> dict[str, Any]:
        """The outputs of layers with these images (N, H, W, C) in the image's place, and what else
        the network takes, as it is, for each."""
        count = len(images)
        beside = {name: tf.repeat(each, count, axis=0) for name, each in self._inputs.items()}
        return self._network.called(names, {**beside, self._sight.input: images})

    def grad_cam(self, size: tuple[int, ...]) -> np.ndarray:
        """At the last convolution's activation, enlarged to (H, W)."""
        logits = self._sight.logits
        before = self._network.full_plan.needed((logits,))
        name = [each.name for each in activated(self._network) if each.name in before][-1]
        with tf.GradientTape() as tape:
            outputs = self._network.called((name, logits), self._inputs)
            score = outputs[logits][0, self._target]
        maps = outputs[name]
        weights = tf.reduce_mean(tape.gradient(score, maps), axis=(1, 2))
        weighted = tf.cast(maps, tf.float32) * tf.cast(weights, tf.float32)[:, None, None]
        cam = tf.nn.relu(tf.reduce_sum(weighted, axis=-1))
        return np.asarray(tf.image.resize(cam[..., None], size))[0, ..., 0]

    def saliency(self, images: np.ndarray) -> np.ndarray:
        """The largest |d logit / d pixel| over the channels, (H, W), averaged over images."""
        inputs = tf.convert_to_tensor(images.astype(np.float32))
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            logits = self._called((self._sight.logits,), inputs)[self._sight.logits]
            score = tf.reduce_sum(logits[:, self._target])
        gradient = tf.abs(tape.gradient(score, inputs))
        return np.asarray(tf.reduce_mean(tf.reduce_max(gradient, axis=-1), axis=0))

    def occlusion(self, pixels: np.ndarray) -> np.ndarray:
        """How far the probability falls when a grey square hides the place, (H, W)."""
        hidden, covered = _hidden(pixels)
        logits = self._called((self._sight.logits,), tf.constant(hidden))[self._sight.logits]
        scores = np.asarray(tf.nn.softmax(self._network.among(logits)))[:, self._target]
        drop = scores[-1] - scores[:-1]
        # Each pixel: the mean drop over the squares that hide it.
        total = np.einsum("n,nhw->hw", drop, covered)
        found: np.ndarray = (total / np.maximum(covered.sum(axis=0), 1)).astype(np.float32)
        return found


def _hidden(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The image (N + 1, H, W, C), each time with a grey square in another place, the last without;
    and where each of the N squares is, (N, H, W) of 0 and 1."""
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
    return hidden, covered
