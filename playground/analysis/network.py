"""A run's network as a snapshot has it, with every layer's output at hand."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from playground import datasets, models
from playground.errors import WorkerError
from playground.layers import Built, Planned
from playground.spec import RunSpec
from playground.tasks import TASKS, Sight, Task
from playground.training import centers, objective
from playground.training.work import Batch, Work

BROWSED = 2000  # test images that can be looked through by class and by mistake
SAMPLED = 256  # test images over which filters are compared and counted
FORWARD = 256  # images of one forward pass
_HIDDEN = ("Flatten", "Dropout")  # layers that only reshape or do nothing here


class Network:
    """The model of a spec of any task. `load` puts a snapshot's weights into it.

    An image that is looked at is a row of the task's test rows, with all that the network takes
    beside it: a partner, a class that it is told. `sights` are the images of a row. Where many
    images are looked at each is a row of its own, in the place of all its images.
    """

    built: Built

    def __init__(self, spec: RunSpec) -> None:
        self.spec = spec
        task: Task = TASKS[spec.task]
        self.sights = tuple(task.sights(spec))
        self.full_plan = models.plan(spec)
        self.plan = [layer for layer in self.full_plan if layer.kind not in _HIDDEN]
        self.dataset = _dataset(spec.dataset)
        self._models: dict[tuple[str, ...], keras.Model] = {}
        self._weights: Mapping[str, np.ndarray] = {}
        self._steps_per_epoch = self.step = 0
        self._recalled = False

    def load(
        self, weights: Mapping[str, np.ndarray], steps_per_epoch: int = 0, step: int = 0
    ) -> None:
        """Takes the weights of a snapshot of this step, and its class centres, (C, D), if it has
        any. The pixel statistics of a run never change. `steps_per_epoch` as the run has said; 0:
        it is worked out, which knows of no phases."""
        self._weights, self._steps_per_epoch, self.step = weights, steps_per_epoch, step
        self._recalled = False
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
    def work(self) -> Work:
        """What the task makes of rows and of a network's outputs, as it was at the snapshot."""
        if not self._recalled:
            self._work.built.load(self._weights)  # a loss may take the last layer's kernel
            self._unknown = self._work.recall(self._weights, self.step / self.steps_per_epoch)
            self._recalled = True
        return self._work

    @cached_property
    def _work(self) -> Work:
        """The task's whole part in a worker, but for the many training images: no look needs
        them."""
        few = {name: rows[:BROWSED] for name, rows in self.dataset.rows.items()}
        spec = self.spec.model_copy(update={"train_images": 0, "validation_images": 0})
        found: Work = TASKS[spec.task].work(spec, replace(self.dataset, rows=few))
        return found

    def layer(self, name: str) -> Planned:
        """The planned layer of this name. Raises WorkerError where there is none."""
        for layer in self.plan:
            if layer.name == name:
                return layer
        raise WorkerError("This network has no such layer.", "Choose one of those that are drawn.")

    def weighted(self, name: str) -> keras.layers.Layer:
        """The layer of Keras of this name, or the one that it calls once more."""
        return self.built.model.get_layer(self.full_plan[name].layer.of or name)

    def side(self, name: str) -> str:
        """Of a network of several images the input whose image a layer depends on; "" where it
        depends on all, or there is one."""
        needed = self.full_plan.needed((name,))
        found = [sight.input for sight in self.sights if sight.input in needed]
        return found[0] if len(found) == 1 < len(self.sights) else ""

    def classifier(self) -> Sight:
        """The first image that the network says a class of. Raises WorkerError where it tells none
        apart."""
        for sight in self.sights:
            if sight.logits:
                return sight
        raise WorkerError(
            f"A network of {TASKS[self.spec.task].title} as this one tells no classes apart.",
            "Look at its maps, or choose a run with a class head.",
        )

    def embedded(self) -> Sight:
        """The first image that has a place in the embedding. Raises WorkerError where none has."""
        for sight in self.sights:
            if sight.features:
                return sight
        raise WorkerError(
            f"A network of {TASKS[self.spec.task].title} has no embedding.",
            "Look at its maps, or choose a run of another task.",
        )

    # Rows -----------------------------------------------------------------------------------

    def row(self, image: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The test row (1, ...) whose number `image` has under "test", with "pixels" in the place
        of its first image where there are some. Raises WorkerError for what fits neither."""
        index = int(image.get("test", 0))
        count = len(self.work.rows["test"]["images"])
        if not 0 <= index < count:
            raise WorkerError(
                f"There is no test image {index:,}.", f"Choose one of 0 to {count - 1:,}."
            )
        found = dict(self.work.rows_of("test", np.array([index])))
        if "pixels" in image:
            first = self.sights[0]
            shape = self.full_plan.inputs[first.input]
            pixels = np.asarray(image["pixels"], np.uint8)
            if pixels.size != int(np.prod(shape)):
                raise WorkerError(
                    f"An image of {pixels.size:,} values does not fit a network for {shape}.",
                    "Draw or upload it again.",
                )
            found[first.image] = pixels.reshape(1, *shape)
        return found

    def together(self, images: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
        """Rows of images (N, H, W, C) and labels (N,), each in the place of all images of a row."""
        each = ((sight.image, sight.label) for sight in self.sights)
        return {
            name: rows for pair in each for name, rows in zip(pair, (images, labels), strict=True)
        }

    def seen(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """The images (N, H, W, C) and labels (N,) of a split that are looked at: the first of the
        "test" images, or of those the run was "train"ed on, labelled as it was told; of a picture
        with several labels the first."""
        if split == "train":
            return self._trained
        if split != "test":
            raise WorkerError("There are no such images.", "Look at test or at train.")
        rows = self.work.rows["test"]
        labels = rows[self.sights[0].label][:BROWSED]
        return rows["images"][:BROWSED], labels if labels.ndim == 1 else labels[:, 0]

    @cached_property
    def _trained(self) -> tuple[np.ndarray, np.ndarray]:
        found = datasets.split(self.dataset, self.spec)
        return found.train_images[:BROWSED].copy(), found.train_labels[:BROWSED].copy()

    # Forward --------------------------------------------------------------------------------

    def batch(self, rows: Mapping[str, np.ndarray]) -> Batch:
        """Rows as the network takes them, as they are."""
        tensors = {
            name: tf.constant(each.astype(np.int32) if each.dtype == np.int64 else each)
            for name, each in rows.items()
        }
        return self.work.batch(tensors, None)

    def called(self, names: Sequence[str], inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs of these layers by name, for the network's inputs by name."""
        key = tuple(names)
        if key not in self._models:
            self._models[key] = self.built.giving(key, named=True)
        needed = self.full_plan.needed(key)
        taken = {name: each for name, each in inputs.items() if name in needed}
        given = taken if len(taken) > 1 else next(iter(taken.values()))
        found: dict[str, Any] = self._models[key](given, training=False)
        return found

    def outputs(self, batch: Batch) -> dict[str, Any]:
        """Every layer's output for a batch, by layer name."""
        return self.called([layer.name for layer in self.plan], batch.inputs)

    def over(
        self, names: Sequence[str], rows: Mapping[str, np.ndarray]
    ) -> Iterator[dict[str, np.ndarray]]:
        """The outputs of these layers for rows, so many at a time."""
        count = len(next(iter(rows.values())))
        for start in range(0, count, FORWARD):
            part = {name: each[start : start + FORWARD] for name, each in rows.items()}
            found = self.called(names, self.batch(part).inputs)
            yield {name: np.asarray(tf.cast(each, tf.float32)) for name, each in found.items()}

    def forward(
        self, names: Sequence[str], rows: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """The same for all rows, float32 (N, ...)."""
        parts = list(self.over(names, rows))
        return {name: np.concatenate([each[name] for each in parts]) for name in names}

    def among(self, logits: Any) -> np.ndarray:
        """Logits (N, C) where a class that the network is not asked for counts for nothing."""
        found = np.asarray(logits, np.float32)
        come = self.work.answerable()
        return found if come is None else np.where(come, found, -np.inf)

    # The loss -------------------------------------------------------------------------------

    @cached_property
    def loss(self) -> Any:
        """The spec's loss."""
        return objective.build(self.spec)

    def loss_of(self, outputs: Mapping[str, Any], batch: Batch) -> Any:
        """The run's loss of these outputs, a scalar, as it was at the snapshot. Raises WorkerError
        for one that takes what is not known of it."""
        epoch = self.step / self.steps_per_epoch
        clock = (float(self.step), epoch, min(1.0, epoch / self.spec.epochs))
        ((_, targets),) = batch.parts
        known = self.work.provided(outputs, targets, [tf.constant(each) for each in clock])
        lacking = sorted({*self.loss.sources} & self._unknown)
        if lacking:
            raise WorkerError(
                f"The loss of this run takes {', '.join(lacking)}, which is not kept with its "
                "weights.",
                "Look at its maps without gradients, or at a step of its first phase.",
            )
        return tf.cast(self.loss.on(self.work.tensors(self.loss, known)), tf.float32)


@lru_cache(maxsize=2)
def _dataset(name: str) -> datasets.Dataset:
    return datasets.load(name)


@lru_cache(maxsize=8)  # as many as are looked at side by side
def _network(spec: str) -> Network:
    return Network(RunSpec.from_json(spec))


def network(
    spec: str, weights: Mapping[str, np.ndarray], steps_per_epoch: int = 0, step: int = 0
) -> Network:
    """The network of a spec's JSON with these weights of a step; the last few specs are kept
    built."""
    found = _network(spec)
    found.load(weights, steps_per_epoch, step)
    return found
