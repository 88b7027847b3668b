"""Random changes to training images, inside the graph. What is drawn depends on the seed and the
step alone, so that a run gives the same numbers however its intervals fall."""

import functools
from typing import Any

import numpy as np
import tensorflow as tf

from playground.cnn import CnnSpec
from playground.streams import stream
from playground.training import moving

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
        """Float images (B, H, W, C), each moved by draws of its own (`moving.moved`)."""
        if not self.moves:
            return images
        spec, count = self._spec, tf.shape(images)[0]
        draw = functools.partial(self._uniform, step=step, count=count)
        return moving.moved(images, draw, spec.flip, spec.shift, spec.crop)

    def share(self, step: Any) -> Any:
        """λ of mixup for a whole batch, a scalar of Beta(α, α) (Zhang et al., ICLR 2018). The batch
        is blended with itself back to front, and so are its losses, whatever the loss."""
        return tf.gather(self._shares, step % SHARES_DRAWN)

    def _uniform(self, stream: int, step: Any, count: Any) -> Any:
        return tf.random.stateless_uniform([count], self._seed(stream, step))

    def _seed(self, stream: int, step: Any) -> Any:
        return tf.stack([self._spec.seed, 8 * step + stream])
