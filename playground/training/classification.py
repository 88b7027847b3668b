"""Classification in the worker: images augmented and mixed, features and logits, class centres."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import tensorflow as tf

from playground import datasets
from playground.spec import RunSpec
from playground.tasks.classification import ClassificationSpec
from playground.training import clusters, fit_record, objective, signs
from playground.training.augmentation import Augmentation
from playground.training.centers import NAME as CENTERS
from playground.training.centers import Centers
from playground.training.events import Arrays
from playground.training.weights import class_weights
from playground.training.work import Batch, Judged, Seen, Tensors, Work

# What of a spec a graph does not hold: it is in the rows, the rates and the steps that a run hands
# over, or in a variable.
_HANDED_OVER = frozenset(
    {
        *("train_images", "validation_split", "validation_images", "imbalance"),
        *("label_noise", "noise_kind", "normalise", "seed", "learning_rate", "schedule", "epochs"),
        *("patience", "evaluations", "center_rate", "l2", "watch_fit", "metrics"),
    }
)
MISTAKES = 48  # test images with the highest loss among the wrong ones, kept at the end


class ClassificationWork(Work):
    """A run of classification."""

    outputs = ("features", "logits")
    trunk = ("features",)
    reports = ("accuracy", "nll")

    def __init__(self, spec: RunSpec, dataset: datasets.Dataset) -> None:
        super().__init__(spec, dataset)
        self.own = own = cast(ClassificationSpec, spec)
        self._augmentation = Augmentation(own)
        classes = len(dataset.class_names)
        self.centers = None
        if objective.has_centers(self.loss, *self.metrics.values()):
            self.centers = Centers(classes, own.embedding, own.center_rate, own.seed)
        self._weights = class_weights(own, self.split.train_labels, classes)
        self._kernel = self.built.model.get_layer("logits").kernel
        self._looked_at = fit_record.training_sample(self.split, own.seed)

    def traced_by(self) -> Hashable | None:
        """Moved and blended images are drawn by the seed, weights of classes are as such in the
        graph."""
        spec = self.spec
        kept = {k: v for k, v in spec.model_dump().items() if k not in _HANDED_OVER}
        drawn = spec.seed if self._augmentation.moves or self._augmentation.mixes else None
        weights = None if self._weights is None else self._weights.tobytes()
        return repr((kept, self.own.l2 > 0, spec.measured, drawn, weights))

    def variables(self) -> list[Any]:
        centers = [] if self.centers is None else [self.centers.values, self.centers.rate]
        return [*super().variables(), *centers]

    def can_take(self, loss: Any) -> str:
        lacking = objective.has_centers(loss) and self.centers is None
        return "this run has no class centres" if lacking else ""

    def set_rate(self, name: str, value: float) -> None:
        if name != "center_rate" or self.centers is None:
            raise ValueError("this run has nothing of that name")
        self.centers.rate.assign(value)

    def batch(self, rows: Tensors, step: Any | None) -> Batch:
        images, labels = tf.cast(rows["images"], tf.float32), rows["labels"]
        if step is None:
            return Batch({"images": images}, [(1.0, {"labels": labels})])
        images = self._augmentation.moved(images, step)
        if not self._augmentation.mixes:
            return Batch({"images": images}, [(1.0, {"labels": labels})])
        share = self._augmentation.share(step)
        images = share * images + (1 - share) * images[::-1]
        parts = [(share, {"labels": labels}), (1 - share, {"labels": labels[::-1]})]
        return Batch({"images": images}, parts)

    def provided(
        self, outputs: Tensors, targets: Tensors, clock: Sequence[Any]
    ) -> Mapping[str, Any]:
        features, logits = outputs["features"], outputs["logits"]
        step, epoch, progress = clock
        return objective.provided(
            features,
            logits,
            targets["labels"],
            self._kernel,
            step,
            epoch,
            progress,
            self.centers.values if self.centers is not None else None,
            self._weights,
        )

    def tensors(self, loss: Any, provided: Mapping[str, Any]) -> dict[str, Any]:
        return objective.tensors(loss, provided)

    def trained(self, loss: Any, provided: Mapping[str, Any]) -> Any:
        return objective.trained(loss, provided)

    def trained_terms(self, loss: Any, provided: Mapping[str, Any]) -> list[Any]:
        return objective.trained_terms(loss, provided)

    def report(self, outputs: Tensors, targets: Tensors) -> Tensors:
        said = tf.argmax(outputs["logits"], axis=-1, output_type=tf.int32)
        surprise = tf.nn.sparse_softmax_cross_entropy_with_logits(
            targets["labels"], tf.cast(outputs["logits"], tf.float32)
        )
        return {
            "accuracy": tf.reduce_mean(tf.cast(said == targets["labels"], tf.float32)),
            "nll": tf.reduce_mean(surprise),  # what the loss, which may be anything, cannot say
        }

    def moved(self, outputs: Tensors, rows: Tensors) -> None:
        if self.centers is not None:
            self.centers.move(outputs["features"], rows["labels"])

    def answers(self, provided: Mapping[str, Any]) -> Tensors:
        return {"features": provided["features"], "probabilities": provided["probabilities"]}

    def measured_rows(self, split: str) -> np.ndarray | None:
        watching = self.own.watch_fit or self.own.label_noise > 0
        return self._looked_at if split == "train" and watching else None

    def judge(self, seen: Seen, rows: Mapping[str, np.ndarray], split: str) -> Judged:
        """Accuracy, what parts the classes, what tells why a run does not train, the confusion
        matrix and the reliability diagram; of training images what is memorised, of the test
        images the worst mistakes."""
        probabilities, labels = seen.answers["probabilities"], rows["labels"]
        predicted, classes = probabilities.argmax(axis=1), probabilities.shape[1]
        confusion = np.bincount(labels * classes + predicted, minlength=classes**2)
        metrics = {
            "accuracy": float(np.mean(predicted == labels)),
            **seen.metrics,
            **clusters.measure(seen.answers["features"], labels, probabilities),
            **signs.signs(seen.answers["features"], probabilities, labels),
        }
        arrays = {
            "confusion": confusion.reshape(classes, classes).astype(np.int32),
            "reliability": fit_record.reliability(probabilities, predicted == labels),
        }
        if split == "train":
            true = self.split.true_labels[self._looked_at]
            if np.any(labels != true):
                metrics |= fit_record.memorised(probabilities, labels, true)
        if split == "test":
            arrays |= self._mistakes(probabilities, rows)
        return Judged(metrics, arrays)

    def _mistakes(
        self, probabilities: np.ndarray, rows: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        labels = rows["labels"]
        wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
        worst = wrong[np.argsort(probabilities[wrong, labels[wrong]], kind="stable")][:MISTAKES]
        return {
            "strip_probabilities": probabilities[self.strip],
            "mistake_images": rows["images"][worst],
            "mistake_labels": labels[worst],
            "mistake_probabilities": probabilities[worst],
        }

    def show(self, seen: Seen) -> dict[str, np.ndarray]:
        return {"strip_probabilities": seen.answers["probabilities"]}

    def baseline(self) -> dict[str, float]:
        return fit_record.baseline(self.split, len(self.dataset.class_names))

    def as_arrays(self) -> dict[str, np.ndarray]:
        centers = self.centers.as_arrays() if self.centers is not None else {}
        return {**super().as_arrays(), **centers}

    def restore(self, arrays: Arrays) -> None:
        if self.centers is not None:
            self.centers.restore(arrays)

    def state(self) -> dict[str, np.ndarray]:
        if self.centers is None:
            return super().state()
        rate = np.array(self.centers.rate.numpy())
        return {**super().state(), **self.centers.as_arrays(), "center_rate": rate}

    def resume(self, arrays: Arrays, phase: int, branch: bool) -> None:
        super().resume(arrays, phase, branch)
        if self.centers is None or (branch and CENTERS not in arrays):
            return
        self.centers.restore(arrays)
        if not branch:
            self.centers.rate.assign(arrays["center_rate"])
