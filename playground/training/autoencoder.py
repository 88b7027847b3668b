"""Autoencoder in the worker: an image as input and target, the code's divergence."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import tensorflow as tf

from playground import datasets, models
from playground.errors import SpecError
from playground.spec import RunSpec
from playground.streams import number
from playground.tasks.autoencoder import AutoencoderSpec
from playground.training.work import Batch, Judged, Phase, Seen, Tensors, Work

ACTIVE = 0.01  # variance of a dimension's mean over images from which it says something


class AutoencoderWork(Work):
    """A run of Autoencoder."""

    trunk = ("mu",)
    reports = ("reconstruction", "divergence")

    def __init__(self, spec: RunSpec, dataset: datasets.Dataset) -> None:
        super().__init__(spec, dataset)
        self.own = own = cast(AutoencoderSpec, spec)
        self._classes = len(dataset.class_names)
        drawn = ("log_var", "z") if own.kind == "variational" else ("z",)
        head = ("class_logits",) if own.class_head else ()
        for each in (self.loss, *self.metrics.values()):
            if why := self.can_take(each):
                raise SpecError("class_head", why, "Turn the class head on, or leave p_class out.")
        self.outputs = ("mu", *drawn, "x_logits", *head)
        if own.with_test_images:
            parts = (self.rows["train"], self.rows["validation"], self.rows["test"])
            joined = {
                name: np.concatenate([part[name] for part in parts]) for name in self.rows["train"]
            }
            self.rows["train"] = joined
            self.phases = [Phase("", np.arange(len(joined["images"])), spec.epochs)]
            self.statistics = models.pixel_statistics(joined["images"], spec.normalise)
            self.built = models.connect(spec, self.statistics, training=True)
        self._seed = number(own.seed, "noise on the input")

    def can_take(self, loss: Any) -> str:
        if "p_class" in loss.inputs and not self.own.class_head:
            return "p_class comes from the class head, which this run has not"
        return ""

    # Traced ---------------------------------------------------------------------------------

    def batch(self, rows: Tensors, step: Any | None) -> Batch:
        images, labels = tf.cast(rows["images"], tf.float32), rows["labels"]
        given = images
        if self.own.noise and step is not None:
            seed = tf.stack([tf.constant(self._seed), step])
            drawn = tf.random.stateless_normal(tf.shape(images), seed)
            given = tf.clip_by_value(images + 255 * self.own.noise * drawn, 0.0, 255.0)
        inputs = {"images": given}
        if self.own.conditional:
            inputs["condition"] = tf.one_hot(labels, self._classes)
        return Batch(inputs, [(1.0, {"x": images / 255, "labels": labels})])

    def provided(
        self, outputs: Tensors, targets: Tensors, clock: Sequence[Any]
    ) -> Mapping[str, Any]:
        step, epoch, progress = clock
        mean = tf.cast(outputs["mu"], tf.float32)
        found = {
            "x": targets["x"],
            "x_hat": tf.sigmoid(tf.cast(outputs["x_logits"], tf.float32)),
            "mu": mean,
            "log_var": _log_variance(outputs),
            "z": tf.cast(outputs["z"], tf.float32),
            "labels": targets["labels"],
            "num_classes": tf.constant(float(self._classes)),
            "step": step,
            "epoch": epoch,
            "progress": progress,
        }
        if self.own.class_head:
            found["p_class"] = tf.nn.softmax(tf.cast(outputs["class_logits"], tf.float32))
        return found

    def report(self, outputs: Tensors, targets: Tensors) -> Tensors:
        return {
            "reconstruction": tf.reduce_mean(_reconstruction(outputs, targets["x"])),
            "divergence": tf.reduce_mean(tf.reduce_sum(_divergence(outputs), axis=-1)),
        }

    def answers(self, provided: Mapping[str, Any]) -> Tensors:
        x, x_hat = provided["x"], provided["x_hat"]
        clipped = tf.clip_by_value(x_hat, 1e-7, 1 - 1e-7)
        entropy = -(x * tf.math.log(clipped) + (1 - x) * tf.math.log(1 - clipped))
        mean, log_variance = provided["mu"], provided["log_var"]
        divergence = 0.5 * (tf.square(mean) + tf.exp(log_variance) - 1 - log_variance)
        return {
            "mu": mean,
            "x_hat": tf.cast(tf.round(x_hat * 255), tf.uint8),
            "reconstruction": tf.reduce_sum(entropy, axis=(1, 2, 3)),
            "divergence": divergence,
            "squared_error": tf.reduce_mean(tf.square(x - x_hat), axis=(1, 2, 3)),
        }

    # Between intervals, NumPy ---------------------------------------------------------------

    def judge(self, seen: Seen, rows: Mapping[str, np.ndarray], split: str) -> Judged:
        """The parts of the evidence lower bound in nats an image, at the mean of the code; which
        dimensions are used: their mean moves from image to image (Burda et al. 2016)."""
        says = seen.answers
        divergence = says["divergence"].sum(axis=1)
        metrics = {
            "reconstruction": float(says["reconstruction"].mean()),
            "divergence": float(divergence.mean()),
            "elbo": float((says["reconstruction"] + divergence).mean()),
            "squared_error": float(says["squared_error"].mean()),
            "active": float(np.count_nonzero(says["mu"].var(axis=0) > ACTIVE)),
            **seen.metrics,
        }
        arrays = {"divergences": says["divergence"].mean(axis=0).astype(np.float32)}
        return Judged(metrics, arrays)

    def show(self, seen: Seen) -> dict[str, np.ndarray]:
        return {"strip_reconstructions": seen.answers["x_hat"]}


def _log_variance(outputs: Tensors) -> Any:
    if "log_var" in outputs:
        return tf.cast(outputs["log_var"], tf.float32)
    return tf.zeros_like(tf.cast(outputs["mu"], tf.float32))


def _divergence(outputs: Tensors) -> Any:
    """Of each dimension of each code from the standard normal distribution, (B, L) nats."""
    mean, log_variance = tf.cast(outputs["mu"], tf.float32), _log_variance(outputs)
    return 0.5 * (tf.square(mean) + tf.exp(log_variance) - 1 - log_variance)


def _reconstruction(outputs: Tensors, x: Any) -> Any:
    """The binary cross-entropy of each image, its pixels added up, (B,) nats."""
    logits = tf.cast(outputs["x_logits"], tf.float32)
    each = tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits)
    return tf.reduce_sum(each, axis=(1, 2, 3))
