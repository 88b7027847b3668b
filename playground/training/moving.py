"""How images to train on are moved. A file of its own that needs Keras and TensorFlow alone,
because it goes with an exported script."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

PACKAGE = "playground"


def moved(images: Any, uniform: Callable[[int], Any], flip: bool, shift: int, crop: float) -> Any:
    """Float images (B, H, W, C), each cropped, shifted and flipped by draws of its own;
    `uniform(stream)` draws (B,) of 0 to 1, another for each stream.

    One affine map an image, from places of the result to places of the source: a square of
    1 - `crop` to 1 of the sides, somewhere inside ("random resized crop", Szegedy et al., CVPR
    2015), moved by whole pixels up to `shift` (He et al., CVPR 2016), mirrored or not. Between
    pixels it is bilinear; outside the image is black.
    """
    count, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
    zoom = 1 - crop * uniform(0)
    x = (1 - zoom) * uniform(1) * (width - 1)
    y = (1 - zoom) * uniform(2) * (height - 1)
    if shift:
        reach = 2 * shift + 1
        x += tf.floor(uniform(3) * reach) - shift
        y += tf.floor(uniform(4) * reach) - shift
    flipped = (uniform(5) < 0.5) & flip
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


@keras.saving.register_keras_serializable(package=PACKAGE)
class Moved(keras.layers.Layer):
    """`moved` as a layer: images (B, H, W, C) as they are outside training."""

    def __init__(
        self,
        flip: bool = False,
        shift: int = 0,
        crop: float = 0.0,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.flip, self.shift, self.crop, self.seed = flip, shift, crop, seed
        self._draws = keras.random.SeedGenerator(seed)

    def call(self, images: Any, training: bool = False) -> Any:
        if not training:
            return images
        count = tf.shape(images)[0]

        def uniform(stream: int) -> Any:
            return keras.random.uniform((count,), seed=self._draws)

        return moved(images, uniform, self.flip, self.shift, self.crop)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        own = {"flip": self.flip, "shift": self.shift, "crop": self.crop, "seed": self.seed}
        return {**super().get_config(), **own}
