"""Keras' layers with faster kernels of TensorFlow, for a network that is trained here.

Each has the weights, the options and the formula of the layer of Keras that it stands for, whose
place it takes in `layers.build(..., training=True)`. A network that is looked into, saved or
exported has Keras' own.
"""

from typing import Any

import keras
import tensorflow as tf

KERNEL_TYPES = ("bfloat16", "float16", "float32")


class Normalization(keras.layers.Normalization):
    """The same with its statistics in variables, which Keras puts into the graph as numbers: runs
    on other images share the graph. It takes the root once."""

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        spread = keras.ops.maximum(keras.ops.sqrt(self.variance), keras.backend.epsilon())
        self.constants = [tf.Variable(each, trainable=False) for each in (self.mean, spread)]

    def call(self, inputs: Any) -> Any:
        mean, spread = self.constants
        return (keras.ops.cast(inputs, self.compute_dtype) - mean) / spread


class L2(keras.regularizers.Regularizer):
    """Keras' L2 with its strength in a variable, for the same reason."""

    def __init__(self, strength: float) -> None:
        self.strength = tf.Variable(strength, dtype=tf.float32, trainable=False)

    def __call__(self, x: Any) -> Any:
        return self.strength * keras.ops.sum(keras.ops.square(x))


class BatchNormalization(keras.layers.BatchNormalization):
    """Batch norm (Ioffe & Szegedy, ICML 2015) of maps (B, H, W, C) whose training is one kernel
    forward and one backward, where Keras takes the moments and scales in several passes over
    memory. Anything else, such as a mask, other sizes, float64 or inference, is Keras' own."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if not training or mask is not None or not self._has_kernel(inputs):
            return super().call(inputs, training=training, mask=mask)
        # Read as Keras reads them: under mixed precision rounded to the activations' type.
        scale, offset = (keras.ops.cast(each, "float32") for each in (self.gamma, self.beta))
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=scale,
            offset=offset,
            mean=tf.zeros(0),
            variance=tf.zeros(0),
            epsilon=self.epsilon,
            exponential_avg_factor=1.0,
            is_training=True,
        )
        # The kernel gives the variance over n - 1; Keras keeps, and scales by, the one over n.
        count = tf.cast(tf.size(inputs) // inputs.shape[-1], tf.float32)
        variance *= tf.maximum(count - 1.0, 1.0) / count
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + now * (1.0 - self.momentum))
        return outputs

    def _has_kernel(self, inputs: Any) -> bool:
        return bool(
            len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and self.trainable
            and self.scale
            and self.center
            and not self.renorm
            and not self.synchronized
            and inputs.dtype.name == self.compute_dtype
            and inputs.dtype.name in KERNEL_TYPES
        )
