"""The two compiled functions of a run: train an interval of steps, evaluate some images.

The data sits on the device as uint8; a step gathers its batch by index. A whole interval of steps
is one loop inside one graph, so Python and the reports cost something once an interval and not
once a step; the numbers of a step do not depend on where the intervals are cut.
"""

import functools
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from playground.training import objective, optimizers
from playground.training.augmentation import Augmentation
from playground.training.centers import Centers

_log = logging.getLogger(__name__)
FORWARD = 512  # images of one forward pass of an evaluation
SHARES = 2  # parts of a training batch that are computed side by side
LEAST_SHARED = 32  # a smaller batch stays whole


def _arrange_threads() -> None:
    """Gives each share of a batch its own cores. Kernels that run side by side in few threads beat
    kernels that one after the other wait for all threads: 1.25 times and more on two cores."""
    cores = os.cpu_count() or 1
    try:
        tf.config.threading.set_intra_op_parallelism_threads(max(1, cores // SHARES))
        tf.config.threading.set_inter_op_parallelism_threads(max(SHARES, cores))
    except RuntimeError:
        _log.info("TensorFlow was in use before: its threads stay as they are.")


_arrange_threads()


class _Compiled:
    """A function traced once, at its first call, for arguments of these kinds. Calling the traced
    graph itself costs a third of what `tf.function` spends on finding out that it is the one."""

    def __init__(self, function: Callable[..., Any], *signature: tf.TensorSpec) -> None:
        self._function = tf.function(function, input_signature=signature, autograph=False)
        self._kinds = [kind.dtype for kind in signature]

    @cached_property
    def _graph(self) -> Callable[..., Any]:
        return self._function.get_concrete_function()

    def __call__(self, *arguments: Any) -> Any:
        return self._graph(*map(tf.convert_to_tensor, arguments, self._kinds))


def _sum(values: Iterable[Any]) -> Any:
    return functools.reduce(lambda one, other: one + other, values)


@dataclass(frozen=True)
class Measured:
    """A model on some images: the mean loss, features (N, D), probabilities (N, classes) and the
    metrics' values."""

    loss: float
    features: np.ndarray
    probabilities: np.ndarray
    metrics: dict[str, float]


class Graph:
    """A model, its loss, its metrics and its optimiser over data that stays on the device."""

    def __init__(
        self,
        model: keras.Model,
        loss: Any,
        metrics: Mapping[str, Any],
        optimizer: keras.optimizers.Optimizer,
        images: np.ndarray,
        labels: np.ndarray,
        batch_size: int,
        steps: int,
        steps_per_epoch: int,
        augmentation: Augmentation,
        centers: Centers | None = None,
        class_weights: np.ndarray | None = None,
    ) -> None:
        self.model = model
        self.metrics = metrics
        self.classes = int(model.output.shape[-1])
        self._network = keras.Model(
            model.input, [model.get_layer("features").output, model.get_layer("logits").output]
        )
        self._kernel = model.get_layer("logits").kernel
        self._augmentation = augmentation
        self._centers = centers
        self._class_weights = class_weights
        self._optimizer = optimizer
        optimizer.build(model.trainable_variables)
        # Each of its variables begins with one number throughout.
        self._fresh = [float(np.ravel(each.numpy())[0]) for each in optimizer.variables]
        self._images = tf.constant(images)
        self._labels = tf.constant(labels.astype(np.int32))
        self._batch_size = batch_size
        self._steps = steps
        self._steps_per_epoch = steps_per_epoch
        self.adopt(loss)

        width = self._network.output[0].shape[-1]
        self._measure_graph = _Compiled(
            self._measure,
            tf.TensorSpec((None, width), tf.float32),
            tf.TensorSpec((None, self.classes), tf.float32),
            tf.TensorSpec((None,), tf.int32),
            tf.TensorSpec((), tf.int32),
        )

    def forget(self) -> None:
        """Lets the optimiser begin anew: what it has gathered of earlier gradients is gone."""
        for variable, value in zip(self._optimizer.variables, self._fresh, strict=True):
            variable.assign(tf.fill(variable.shape, tf.cast(value, variable.dtype)))

    def adopt(self, loss: Any) -> None:
        """Takes this loss from now on: the graphs that have a loss in them are traced anew."""
        self.loss = loss
        images, labels, batch_size = self._images, self._labels, self._batch_size
        # The data goes in as arguments: TensorFlow never lets go of a tensor that a function with
        # a loop in it has captured.
        self._train_graph = _Compiled(
            self._train,
            tf.TensorSpec(images.shape, tf.uint8),
            tf.TensorSpec(labels.shape, tf.int32),
            tf.TensorSpec((None, batch_size), tf.int32),
            tf.TensorSpec((None,), tf.float32),
            tf.TensorSpec((), tf.int32),
        )
        self._evaluate_graph = _Compiled(
            self._evaluate,
            tf.TensorSpec((None, *images.shape[1:]), tf.uint8),
            tf.TensorSpec((None,), tf.int32),
            tf.TensorSpec((), tf.int32),
            tf.TensorSpec((), tf.int32),
        )

    def features_of(self, images: Any) -> Any:
        """The features (N, D) of images (N, H, W, C) float32, dropout off."""
        return self._network(images, training=False)[0]

    def logits_of(self, features: Any) -> Any:
        """The logits (N, C) that follow from features (N, D)."""
        return self.model.get_layer("logits")(features)

    def facts(self, features: Any, logits: Any, labels: Any, step: Any) -> dict[str, Any]:
        """What a loss may ask for (`objective.facts`); `step` counts from 1."""
        done = tf.cast(step - 1, tf.float32)
        progress = done / max(1, self._steps)
        time = (tf.cast(step, tf.float32), done / self._steps_per_epoch, progress)
        centers = self._centers.values if self._centers is not None else None
        weights = self._class_weights
        return objective.facts(features, logits, labels, self._kernel, *time, centers, weights)

    def _trained_loss(self, features: Any, logits: Any, labels: Any, step: Any) -> Any:
        known = self.facts(features, logits, labels, step)
        return tf.cast(objective.trained(self.loss, known), tf.float32)

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
        """Traces and optimises the graphs by using them on nothing: no number changes."""
        self.train(np.zeros((0, self._batch_size), np.int32), np.zeros(0, np.float32), 1)
        _, *outputs = self._evaluate_graph(self._images[:2], self._labels[:2], 1, 0)
        self._measure_graph(*outputs, self._labels[:2], 0)

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
        images = self._augmentation.moved(tf.cast(images, tf.float32), step)
        parts = [(1.0, labels)]  # the labels to learn, and how much each counts
        if self._augmentation.mixes:
            share = self._augmentation.share(step)
            images = share * images + (1 - share) * images[::-1]
            parts = [(share, labels), (1 - share, labels[::-1])]
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            features, logits = self._forward(images)
            loss = _sum(
                part * self._trained_loss(features, logits, told, step) for part, told in parts
            )
            # The penalty steers the weights but is left out of the curve: the validation loss
            # beside it has none, and the gap between the two should mean something.
            total = tf.add_n([loss, *self._network.losses])
        # TensorFlow's own variables: it knows no zeros for one of Keras that the loss leaves out.
        sources = [variable.value for variable in variables]
        gradients = tape.gradient(
            total, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        norm = tf.linalg.global_norm(gradients)
        finite = tf.math.is_finite(total) & tf.math.is_finite(norm)

        def apply() -> Any:
            optimizers.apply(self._optimizer, gradients, variables, rate)
            if self._centers is not None:
                self._centers.move(features, labels)
            return True

        tf.cond(finite, apply, lambda: False)
        said = tf.argmax(logits, axis=-1, output_type=tf.int32)
        accuracy = _sum(
            part * tf.reduce_mean(tf.cast(said == told, tf.float32)) for part, told in parts
        )
        report = tf.stack([loss, accuracy, norm])
        return finite, report, tf.cast(features, tf.float32), tf.cast(logits, tf.float32)

    def _forward(self, images: Any) -> tuple[Any, Any]:
        """Features and logits of a training batch, its shares computed side by side. The loss sees
        the whole batch; batch norm sees a share ("ghost batch normalisation", Hoffer et al. 2017),
        whatever the number of cores."""
        count = images.shape[0]
        split = count >= LEAST_SHARED and count % SHARES == 0
        shares = tf.split(images, SHARES) if split else [images]
        return self._side_by_side(shares, training=True)

    def _side_by_side(self, shares: list[Any], training: bool) -> tuple[Any, Any]:
        outputs = [self._network(share, training=training) for share in shares]
        features, logits = zip(*outputs, strict=True)
        return tf.concat(features, axis=0), tf.concat(logits, axis=0)

    def _evaluate(self, images: Any, labels: Any, size: Any, step: Any) -> Any:
        """The loss of each batch of `size` images, whose number N is a multiple of it, and all
        features (N, D) and logits (N, classes)."""
        half = (tf.shape(images)[0] + 1) // 2
        shares = [tf.cast(share, tf.float32) for share in (images[:half], images[half:])]
        features, logits = self._side_by_side(shares, training=False)

        def loss(start: Any) -> Any:
            batch = slice(start, start + size)
            return self._loss(features[batch], logits[batch], labels[batch], step)

        starts = tf.range(0, tf.shape(images)[0], size)
        losses = tf.map_fn(loss, starts, fn_output_signature=tf.float32)
        return losses, tf.cast(features, tf.float32), tf.cast(logits, tf.float32)

    def _measure(self, features: Any, logits: Any, labels: Any, step: Any) -> Any:
        """The probabilities of all images of an evaluation and each metric of all of them."""
        known = self.facts(features, logits, labels, step)
        return known["probabilities"], objective.measure(self.metrics, known)

    def evaluate(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        step: int,
        pressing: Callable[[], bool] = lambda: False,
    ) -> Measured | None:
        """The model on these images, dropout off; None if something was `pressing` in between.

        The loss is taken over batches of the training size, because it may depend on its batch;
        each metric over all images together.
        """
        size = min(self._batch_size, len(images))
        whole = len(images) // size * size
        pass_ = max(1, FORWARD // size) * size
        parts = [slice(at, min(at + pass_, whole)) for at in range(0, whole, pass_)]
        if whole < len(images):
            parts.append(slice(whole, len(images)))
        labels = labels.astype(np.int32)
        total, features, logits = 0.0, [], []
        for part in parts:
            if pressing():
                return None
            count = len(images[part])
            # A single image goes twice, because each half of the graph wants one.
            seen = np.resize(np.arange(part.start, part.stop), max(count, 2))
            losses, *outputs = self._evaluate_graph(
                images[seen], labels[seen], min(size, len(seen)), step
            )
            total += float(np.mean(losses)) * count
            features.append(outputs[0][:count])
            logits.append(outputs[1][:count])
        joined = tf.concat(features, axis=0)
        probabilities, values = self._measure_graph(joined, tf.concat(logits, axis=0), labels, step)
        return Measured(
            total / len(images),
            joined.numpy(),
            probabilities.numpy(),
            {name: float(value) for name, value in values.items()},
        )
