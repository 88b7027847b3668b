"""The two compiled functions of a run: train an interval of steps, evaluate some images.

The data sits on the device as uint8; a step gathers its batch by index. A whole interval of steps
is one loop inside one graph, so Python and the reports cost something once an interval and not
once a step; the numbers of a step do not depend on where the intervals are cut.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from playground.training import objective, optimizers


class Graph:
    """A model, its loss and its optimiser over data that stays on the device."""

    def __init__(
        self,
        model: keras.Model,
        loss: Any,
        optimizer: keras.optimizers.Optimizer,
        images: np.ndarray,
        labels: np.ndarray,
        batch_size: int,
        steps: int,
        steps_per_epoch: int,
    ) -> None:
        self.model = model
        self.loss = loss
        self.classes = int(model.output.shape[-1])
        self._network = keras.Model(
            model.input, [model.get_layer("features").output, model.get_layer("logits").output]
        )
        self._kernel = model.get_layer("logits").kernel
        self._optimizer = optimizer
        optimizer.build(model.trainable_variables)
        self._images = tf.constant(images)
        self._labels = tf.constant(labels.astype(np.int32))
        self._batch_size = batch_size
        self._steps = steps
        self._steps_per_epoch = steps_per_epoch
        # The data goes in as arguments: TensorFlow never lets go of a tensor that a function with
        # a loop in it has captured.
        self._train_graph: Callable[..., Any] = tf.function(
            self._train,
            input_signature=[
                tf.TensorSpec(images.shape, tf.uint8),
                tf.TensorSpec(labels.shape, tf.int32),
                tf.TensorSpec((None, batch_size), tf.int32),
                tf.TensorSpec((None,), tf.float32),
                tf.TensorSpec((), tf.int32),
            ],
            autograph=False,
        )
        self._evaluate_graph: Callable[..., Any] = tf.function(
            self._evaluate,
            input_signature=[
                tf.TensorSpec((None, *images.shape[1:]), tf.uint8),
                tf.TensorSpec((None,), tf.int32),
                tf.TensorSpec((), tf.int32),
            ],
            autograph=False,
        )

    def facts(self, features: Any, logits: Any, labels: Any, step: Any) -> dict[str, Any]:
        """What a loss may ask for (`objective.PROVIDED`), in float32; `step` counts from 1."""
        logits = tf.cast(logits, tf.float32)
        done = tf.cast(step - 1, tf.float32)
        return {
            "features": tf.cast(features, tf.float32),
            "logits": logits,
            "probabilities": tf.nn.softmax(logits),
            "labels": labels,
            "one_hot": tf.one_hot(labels, self.classes),
            "class_weights": tf.convert_to_tensor(self._kernel),
            "num_classes": tf.constant(float(self.classes)),
            "step": tf.cast(step, tf.float32),
            "epoch": done / self._steps_per_epoch,
            "progress": done / max(1, self._steps),
        }

    def _loss(self, features: Any, logits: Any, labels: Any, step: Any) -> Any:
        known = self.facts(features, logits, labels, step)
        return tf.cast(self.loss.on(objective.tensors(self.loss, known)), tf.float32)

    def train(self, indices: np.ndarray, rates: np.ndarray, first_step: int) -> Any:
        """One interval: `indices` (k, B) of the batches, `rates` (k,), the number of the first
        step. Returns how many steps were taken, whether all were finite, (k, 3) of loss, accuracy
        and gradient norm, and the last step's features and logits. A step whose loss or gradient
        is not finite changes no weight and ends the interval."""
        return self._train_graph(self._images, self._labels, indices, rates, first_step)

    def warm(self) -> None:
        """Traces and optimises both graphs by using them on nothing: no number changes."""
        self.train(np.zeros((0, self._batch_size), np.int32), np.zeros(0, np.float32), 1)
        self._evaluate_graph(self._images[:1], self._labels[:1], 0)

    def _train(self, images: Any, labels: Any, indices: Any, rates: Any, first_step: Any) -> Any:
        steps = tf.shape(indices)[0]
        batch = indices.shape[1]
        width = self._network.output[0].shape[-1]

        def more(i: Any, finite: Any, *_: Any) -> Any:
            return finite & (i < steps)

        def body(i: Any, _finite: Any, reports: Any, _features: Any, _logits: Any) -> Any:
            finite, report, features, logits = self._step(
                tf.gather(images, indices[i]),
                tf.gather(labels, indices[i]),
                rates[i],
                first_step + i,
            )
            return i + 1, finite, reports.write(i, report), features, logits

        taken, finite, reports, features, logits = tf.while_loop(
            more,
            body,
            (
                0,
                True,
                tf.TensorArray(tf.float32, steps, element_shape=(3,)),
                tf.zeros((batch, width)),
                tf.zeros((batch, self.classes)),
            ),
            parallel_iterations=1,
        )
        return taken, finite, reports.stack(), features, logits

    def _step(self, images: Any, labels: Any, rate: Any, step: Any) -> Any:
        images = tf.cast(images, tf.float32)
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            features, logits = self._network(images, training=True)
            loss = self._loss(features, logits, labels, step)
            # The penalty steers the weights but is left out of the curve: the validation loss
            # beside it has none, and the gap between the two should mean something.
            total = tf.add_n([loss, *self._network.losses])
        gradients = tape.gradient(
            total, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        norm = tf.linalg.global_norm(gradients)
        finite = tf.math.is_finite(total) & tf.math.is_finite(norm)

        def apply() -> Any:
            optimizers.apply(self._optimizer, gradients, variables, rate)
            return True

        tf.cond(finite, apply, lambda: False)
        right = tf.argmax(logits, axis=-1, output_type=tf.int32) == labels
        accuracy = tf.reduce_mean(tf.cast(right, tf.float32))
        report = tf.stack([loss, accuracy, norm])
        return finite, report, tf.cast(features, tf.float32), tf.cast(logits, tf.float32)

    def _evaluate(self, images: Any, labels: Any, step: Any) -> Any:
        features, logits = self._network(tf.cast(images, tf.float32), training=False)
        return self._loss(features, logits, labels, step), tf.nn.softmax(logits)

    def evaluate(
        self, images: np.ndarray, labels: np.ndarray, batch_size: int, step: int
    ) -> tuple[float, np.ndarray]:
        """The mean loss and the probabilities (N, classes) of these images, dropout off.

        In batches of the training size, because a loss may depend on its batch.
        """
        total, probabilities = 0.0, []
        for start in range(0, len(images), batch_size):
            part = slice(start, start + batch_size)
            mean, predicted = self._evaluate_graph(
                images[part], labels[part].astype(np.int32), step
            )
            total += float(mean) * len(predicted)
            probabilities.append(predicted.numpy())
        return total / len(images), np.concatenate(probabilities)
