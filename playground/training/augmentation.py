"""Random changes to training images, inside the graph. What is drawn depends on the seed and the
step alone, so that a run gives the same numbers however its intervals fall."""

from typing import Any

import numpy as np
import tensorflow as tf

from playground.cnn import CnnSpec
from playground.streams import stream

SHARES_DRAWN = 8192  # the shares of mixup come again after so many steps


class Augmentation:
    """What a spec does to a batch before a step: flip, shift, crop, and mixup."""

    def __init__(self, spec: CnnSpec) -> None:
        self._spec = spec
        self.moves = spec.flip or spec.shift > 0 or spec.crop > 0
        mixup = getattr(spec, "mixup", 0.0)
        self.mixes = mixup > 0
        if self.mixes:
            # Drawn beforehand: TensorFlow's own gamma is not the same to the last bit twice.
            draw = stream(spec.seed, "mixup")
            self._shares = draw.beta(mixup, mixup, SHARES_DRAWN).astype(np.float32)

    def moved(self, images: Any, step: Any) -> Any:
        """Float images (B, H, W, C), each cropped, shifted and flipped by draws of its own.

        One affine map an image, from places of the result to places of the source: a square of
        1 - `crop` to 1 of the sides, somewhere inside ("random resized crop", Szegedy et al.,
        CVPR 2015), moved by whole pixels up to `shift` (He et al., CVPR 2016), mirrored or not.
        Between pixels it is bilinear; outside the image is black.
        """
        if not self.moves:
            return images
        spec = self._spec
        count, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
        zoom = 1 - spec.crop * self._uniform(0, step, count)
        x = (1 - zoom) * self._uniform(1, step, count) * (width - 1)
        y = (1 - zoom) * self._uniform(2, step, count) * (height - 1)
        if spec.shift:
            reach = 2 * spec.shift + 1
            x += tf.floor(self._uniform(3, step, count) * reach) - spec.shift
            y += tf.floor(self._uniform(4, step, count) * reach) - spec.shift
        flipped = (self._uniform(5, step, count) < 0.5) & spec.flip
        none = tf.zeros(count)
        rows = [
            tf.where(flipped, -zoom, zoom),
            none,
            tf.where(flipped, width - 1 - x, x),
            none,
            zoom,
            y,
            none,
            none,
        ]
        return tf.raw_ops.ImageProjectiveTransformV3(
            images=images,
            transforms=tf.stack(rows, axis=1),
            output_shape=tf.constant([height, width]),
            fill_value=0.0,
            interpolation="BILINEAR",
            fill_mode="CONSTANT",
        )

    def share(self, step: Any) -> Any:
        """λ of mixup for a whole batch, a scalar of Beta(α, α) (Zhang et al., ICLR 2018). The batch
        is blended with itself back to front, and so are its losses, whatever the loss."""
        return tf.gather(self._shares, step % SHARES_DRAWN)

    def _uniform(self, stream: int, step: Any, count: Any) -> Any:
        return tf.random.stateless_uniform([count], self._seed(stream, step))

    def _seed(self, stream: int, step: Any) -> Any:
        return tf.stack([self._spec.seed, 8 * step + stream])
