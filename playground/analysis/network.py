"""A run's network as a snapshot has it, with every layer's output at hand."""

from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf

from playground import datasets, models
from playground.errors import WorkerError
from playground.layers import Built, Planned
from playground.spec import RunSpec
from playground.tasks import TASKS
from playground.tasks.classification import ClassificationSpec
from playground.training import centers, objective

BROWSED = 2000  # test images that can be looked through by class and by mistake
SAMPLED = 256  # test images over which filters are compared and counted
_HIDDEN = ("Flatten", "Dropout")  # layers that only reshape or do nothing here


class Network:
    """The model of a spec. `load` puts a snapshot's weights into it."""

    built: Built

    def __init__(self, spec: RunSpec) -> None:
        spec = self.spec = cast(ClassificationSpec, spec)
        self.full_plan = models.plan(spec)
        self.plan = [layer for layer in self.full_plan if layer.kind not in _HIDDEN]
        self.dataset = _dataset(spec.dataset)
        self.loss = objective.build(spec)
        self._steps_per_epoch = 0

    def load(self, weights: Mapping[str, np.ndarray], steps_per_epoch: int = 0) -> None:
        """Takes the weights of a snapshot, and its class centres, (C, D), if it has any. The pixel
        statistics of a run never change. `steps_per_epoch` as the run has said; 0: it is worked
        out, which knows of no phases."""
        self._steps_per_epoch = steps_per_epoch
        self.centers = weights.get(centers.NAME)
        if "built" in self.__dict__:
            self.built.load(weights)
        else:
            self.built = models.reconnect(self.spec, weights)

    @property
    def steps_per_epoch(self) -> int:
        """Steps of an epoch of the run."""
        if self._steps_per_epoch:
            return self._steps_per_epoch
        trained = len(datasets.split(self.dataset, self.spec).train_labels)
        return datasets.steps_per_epoch(trained, self.spec.batch_size)

    @property
    def model(self) -> keras.Model:
        """From pixels (B, H, W, C) to probabilities (B, classes)."""
        return self.built.model

    @cached_property
    def taps(self) -> keras.Model:
        """From pixels (B, H, W, C) to the output of every planned layer, by name."""
        return self.built.giving([layer.name for layer in self.plan])

    def check_looked_at(self) -> None:
        """Raises WorkerError where one image is not all that the network takes."""
        if len(self.full_plan.inputs) > 1:
            raise WorkerError(
                f"A network of {TASKS[self.spec.task].title} takes more than one image at once, "
                "and what it does with one is not shown.",
                "Choose a run of Classification.",
            )

    def check_classes(self) -> None:
        """Raises WorkerError where the network tells no classes apart."""
        if not {"features", "logits"} <= {layer.name for layer in self.full_plan}:
            raise WorkerError(
                f"A network of {TASKS[self.spec.task].title} tells no classes apart.",
                "Choose a run of Classification.",
            )

    @cached_property
    def heads(self) -> keras.Model:
        """From pixels to the features and the logits, by name, of a network that has both. Raises
        WorkerError."""
        self.check_classes()
        return self.built.giving(("features", "logits"))

    def seen(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """The images (N, H, W, C) and labels (N,) of a split that are looked at: the first of the
        "test" images, or of those the run was "train"ed on, labelled as it was told."""
        if split == "train":
            return self._trained
        if split != "test":
            raise WorkerError("There are no such images.", "Look at test or at train.")
        return self.dataset.test_images[:BROWSED], self.dataset.test_labels[:BROWSED]

    @cached_property
    def _trained(self) -> tuple[np.ndarray, np.ndarray]:
        found = datasets.split(self.dataset, self.spec)
        return found.train_images[:BROWSED].copy(), found.train_labels[:BROWSED].copy()

    def tap(self, name: str) -> keras.Model:
        """From pixels to one layer's output."""
        return self.built.giving((name,))

    def layer(self, name: str) -> Planned:
        """The planned layer of this name. Raises WorkerError where there is none."""
        for layer in self.plan:
            if layer.name == name:
                return layer
        raise WorkerError("This network has no such layer.", "Choose one of those that are drawn.")

    def outputs(self, images: np.ndarray) -> dict[str, Any]:
        """Every layer's output for pixels (B, H, W, C) of 0 to 255, by layer name."""
        found: dict[str, Any] = self.taps(
            tf.convert_to_tensor(images.astype(np.float32)), training=False
        )
        return found

    def loss_of(self, outputs: Mapping[str, Any], labels: np.ndarray, step: int) -> Any:
        """The run's loss of these outputs, a scalar, as it would be at this step."""
        spec = self.spec
        epoch = step / self.steps_per_epoch
        known = objective.provided(
            outputs["features"],
            outputs["logits"],
            tf.constant(labels.astype(np.int32)),
            self.model.get_layer("logits").kernel,
            tf.constant(float(step)),
            tf.constant(float(epoch)),
            tf.constant(min(1.0, epoch / spec.epochs)),
            self.centers,
        )
        lacking = sorted({*self.loss.sources} - {*objective.PROVIDED})
        if lacking:
            raise WorkerError(
                f"The loss of this run takes {', '.join(lacking)}, which one image does not have.",
                "Look at its maps without gradients.",
            )
        return tf.cast(self.loss.on(objective.tensors(self.loss, known)), tf.float32)

    def image(self, chosen: Mapping[str, Any]) -> tuple[np.ndarray, int | None]:
        """Pixels (H, W, C) uint8 and the label, if it has one, of {"test": index} or {"pixels"}.
        Raises WorkerError for what is neither."""
        shape = self.dataset.test_images.shape[1:]
        if "pixels" in chosen:
            pixels = np.asarray(chosen["pixels"], np.uint8)
            if pixels.size != int(np.prod(shape)):
                raise WorkerError(
                    f"An image of {pixels.size:,} values does not fit a network for {shape}.",
                    "Draw or upload it again.",
                )
            return pixels.reshape(shape), None
        index = int(chosen["test"])
        if not 0 <= index < len(self.dataset.test_images):
            raise WorkerError(
                f"There is no test image {index:,}.",
                f"Choose one of 0 to {len(self.dataset.test_images) - 1:,}.",
            )
        return self.dataset.test_images[index], int(self.dataset.test_labels[index])


@lru_cache(maxsize=2)
def _dataset(name: str) -> datasets.Dataset:
    return datasets.load(name)


@lru_cache(maxsize=8)  # as many as are looked at side by side
def _network(spec: str) -> Network:
    return Network(RunSpec.from_json(spec))


def network(spec: str, weights: Mapping[str, np.ndarray], steps_per_epoch: int = 0) -> Network:
    """The network of a spec's JSON with these weights; the last few specs are kept built."""
    found = _network(spec)
    found.load(weights, steps_per_epoch)
    return found
