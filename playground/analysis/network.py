"""A run's network as a snapshot has it, with every layer's output at hand."""

from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from playground import datasets, models
from playground.errors import WorkerError
from playground.spec import RunSpec
from playground.training import centers, objective

BROWSED = 2000  # test images that can be looked through by class and by mistake
SAMPLED = 256  # test images over which filters are compared and counted
_HIDDEN = ("Flatten", "Dropout")  # layers that only reshape or do nothing here


class Network:
    """The model of a spec. `load` puts a snapshot's weights into it."""

    def __init__(self, spec: RunSpec) -> None:
        self.spec = spec
        self.plan = [layer for layer in models.plan(spec) if layer.kind not in _HIDDEN]
        self.dataset = _dataset(spec.dataset)
        self.loss = objective.build(spec)

    def load(self, weights: Mapping[str, np.ndarray]) -> None:
        """Takes the weights of a snapshot, and its class centres, (C, D), if it has any. The pixel
        statistics of a run never change."""
        self.centers = weights.get(centers.NAME)
        if "model" not in self.__dict__:
            self.model = models.restore(self.spec, weights)
            return
        for weight in self.model.weights:
            weight.assign(weights[weight.path])

    @cached_property
    def taps(self) -> keras.Model:
        """From pixels (B, H, W, C) to the output of every planned layer, in order."""
        outputs = [self.model.get_layer(layer.name).output for layer in self.plan]
        return keras.Model(self.model.input, outputs)

    @cached_property
    def heads(self) -> keras.Model:
        """From pixels to the features and the logits."""
        outputs = [self.model.get_layer(name).output for name in ("features", "logits")]
        return keras.Model(self.model.input, outputs)

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
        found: keras.Model = keras.Model(self.model.input, self.model.get_layer(name).output)
        return found

    def layer(self, name: str) -> models.LayerPlan:
        """The planned layer of this name. Raises WorkerError where there is none."""
        for layer in self.plan:
            if layer.name == name:
                return layer
        raise WorkerError("This network has no such layer.", "Choose one of those that are drawn.")

    def outputs(self, images: np.ndarray) -> dict[str, Any]:
        """Every layer's output for pixels (B, H, W, C) of 0 to 255, by layer name."""
        found = self.taps(tf.convert_to_tensor(images.astype(np.float32)), training=False)
        return dict(zip((layer.name for layer in self.plan), found, strict=True))

    def loss_of(self, outputs: Mapping[str, Any], labels: np.ndarray, step: int) -> Any:
        """The run's loss of these outputs, a scalar, as it would be at this step."""
        spec = self.spec
        trained = len(datasets.split(self.dataset, spec).train_labels)
        epoch = step / datasets.steps_per_epoch(trained, spec.batch_size)
        known = objective.facts(
            outputs["features"],
            outputs["logits"],
            tf.constant(labels.astype(np.int32)),
            self.model.get_layer("logits").kernel,
            tf.constant(float(step)),
            tf.constant(float(epoch)),
            tf.constant(min(1.0, epoch / spec.epochs)),
            self.centers,
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


def network(spec: str, weights: Mapping[str, np.ndarray]) -> Network:
    """The network of a spec's JSON with these weights; the last few specs are kept built."""
    found = _network(spec)
    found.load(weights)
    return found
