"""Incremental in the worker: phases of classes, the teacher, exemplars, what is forgotten."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, cast

import numpy as np
import tensorflow as tf

from playground import datasets, models
from playground.errors import SpecError
from playground.spec import RunSpec
from playground.streams import stream
from playground.tasks.incremental import IncrementalSpec
from playground.training import exemplars, fit_record
from playground.training.augmentation import Augmentation
from playground.training.events import Arrays
from playground.training.importance import Importance, squared_slopes
from playground.training.work import Batch, Judged, Phase, Seen, Tensors, Work

FAR = 300.0  # logits: so far below the least of the others is a class that does not count, at any T
PASS = 500  # images of one forward pass
PICTURED = 8  # exemplars of a class that an evaluation repeats
FISHER = 500  # images of a phase whose slopes the Fisher information is the mean of


class IncrementalWork(Work):
    """A run of Incremental: each phase trains on its new classes and on what is kept of the old."""

    outputs = ("features", "logits")
    trunk = ("features",)
    reports = ("accuracy",)

    def __init__(self, spec: RunSpec, dataset: datasets.Dataset) -> None:
        super().__init__(spec, dataset)
        self.own = own = cast(IncrementalSpec, spec)
        self._augmentation = Augmentation(own)
        self.groups = own.class_groups
        self._classes = len(dataset.class_names)
        self._kernel = self.built.model.get_layer("logits").kernel
        self.memory: dict[int, np.ndarray] = {}  # rows kept of each old class, the best first
        self.phases = [
            self._phase(number, self._placeholder(number)) for number in range(len(self.groups))
        ]
        self.number = 0
        self._masks = {
            name: tf.Variable(np.zeros(self._classes, np.float32), trainable=False, name=name)
            for name in ("old", "new")
        }
        self._phase_number = tf.Variable(0.0, trainable=False, name="phase")
        self.teacher = models.connect(spec, self.statistics).giving(("logits",))
        self.teacher.trainable = False
        trained = self.built.giving(self.outputs, named=True).trainable_variables
        self.importance = Importance(own.importance, trained)
        # Of each class the mean embedding (D,) at the end of its phase, and how far its images are
        # from it.
        self.centres: dict[int, tuple[np.ndarray, float]] = {}
        self._begin(0)
        # By phase, the accuracy of each class at the last whole look, (P, C); NaN: not looked at.
        self.matrix = np.full((len(self.groups), self._classes), np.nan)

    # Phases ---------------------------------------------------------------------------------

    def _begin(self, number: int) -> None:
        self.number = number
        old = [each for group in self.groups[:number] for each in group]
        for name, chosen in (("old", old), ("new", self.groups[number])):
            self._masks[name].assign(np.isin(np.arange(self._classes), chosen).astype(np.float32))
        self._phase_number.assign(float(number))

    @property
    def _seen_classes(self) -> list[int]:
        return [each for group in self.groups[: self.number + 1] for each in group]

    def _new_rows(self, number: int) -> np.ndarray:
        return np.flatnonzero(np.isin(self.rows["train"]["labels"], self.groups[number]))

    def _placeholder(self, number: int) -> np.ndarray:
        """As many old rows as the phase will have: an epoch's length is known before it begins."""
        old = [each for group in self.groups[:number] for each in group]
        rows = np.flatnonzero(np.isin(self.rows["train"]["labels"], old))
        return rows[: sum(self._room(number).get(each, 0) for each in old)]

    def _room(self, number: int) -> dict[int, int]:
        """How many rows of each old class are kept for the phase of this number."""
        old = [each for group in self.groups[:number] for each in group]
        own, labels = self.own, self.rows["train"]["labels"]
        if own.kept == "none" or not old:
            return {}
        have = {each: int(np.count_nonzero(labels == each)) for each in old}
        if own.kept == "all":
            return have
        count = max(1, own.memory // len(old)) if own.memory else own.exemplars
        return {each: min(count, have[each]) for each in old}

    def _phase(self, number: int, kept: np.ndarray) -> Phase:
        """The phase with these old rows: of exemplars as many draws as give the spec's share of
        its images, each as often as another or once more."""
        new = self._new_rows(number)
        if not len(new):
            raise SpecError(
                "train_images",
                f"of the classes of phase {number + 1} no image is among the "
                f"{len(self.rows['train']['labels']):,} to train on",
                "Take more images, or another seed.",
            )
        if self.own.kept == "exemplars" and len(kept):
            draws = round(len(new) * self.own.replay / (1 - self.own.replay))
            kept = np.resize(kept, max(draws, 1))
        names = ", ".join(self.dataset.class_names[each] for each in self.groups[number])
        return Phase(
            names,
            np.concatenate([new, kept]),
            self.own.phase_epochs[number],
            fresh=self.own.fresh_optimizer and number > 0,
            anew=self.own.schedule_anew,
            rate=self.own.later_rate if number else 1.0,
            waits=self.own.pauses,
        )

    def turn(self, number: int) -> None:
        """The network as it is becomes the teacher, and what is kept of its classes is chosen."""
        self.teacher.set_weights(self._student().get_weights())
        self.importance.turn(self._fisher)
        self._keep(number)
        self._enter(number)

    def _enter(self, number: int) -> None:
        """Begins the phase with what was kept."""
        kept = [self.memory[each] for each in sorted(self.memory)]
        rows = np.concatenate(kept) if kept else np.zeros(0, np.int64)
        if self.own.kept == "exemplars":
            rows = stream(self.own.seed, "replay", number).permutation(rows)
        self.phases[number] = self._phase(number, rows)
        self._begin(number)

    def _student(self) -> Any:
        return self.built.giving(("logits",))

    def _fisher(self, variables: Sequence[Any]) -> list[np.ndarray]:
        """Of some images of the phase that has ended, its new ones."""
        draw = stream(self.own.seed, "fisher", self.number)
        rows = np.sort(draw.permutation(self._new_rows(self.number))[:FISHER])
        network, seen = self._student(), self._seen()

        def scores(images: Any) -> Any:
            logits = tf.cast(network(images, training=False), tf.float32)
            return _among(logits, seen) if self.own.head == "seen" else logits

        images = self.rows["train"]["images"][rows]
        return squared_slopes(scores, variables, images, int(draw.integers(2**31)))

    def _keep(self, number: int) -> None:
        """Chooses the rows of the classes that have just become old, and cuts those of the others
        to their room."""
        labels, room = self.rows["train"]["labels"], self._room(number)
        for value, count in room.items():
            if value in self.memory:
                self.memory[value] = self.memory[value][:count]
                continue
            rows = np.flatnonzero(labels == value)
            if self.own.kept == "all":
                chosen = np.arange(len(rows))
            elif self.own.selection == "herding":
                chosen = exemplars.herded(self._features(rows), count)
            else:
                chosen = stream(self.own.seed, "exemplars", value).permutation(len(rows))[:count]
            self.memory[value] = rows[chosen]

    def _features(self, rows: np.ndarray) -> np.ndarray:
        """The embedding (n, D) of training rows by the network as it is."""
        network = self.built.giving(("features",))
        images = self.rows["train"]["images"]
        parts = [
            np.asarray(
                network(tf.cast(images[rows[at : at + PASS]], tf.float32), training=False),
                np.float32,
            )
            for at in range(0, len(rows), PASS)
        ]
        return np.concatenate(parts)

    # Traced ---------------------------------------------------------------------------------

    def batch(self, rows: Tensors, step: Any | None) -> Batch:
        images, labels = tf.cast(rows["images"], tf.float32), rows["labels"]
        if step is not None:
            moved = self._augmentation.moved(images, step)
            if self.own.augmented == "exemplars":
                kept = tf.gather(tf.convert_to_tensor(self._masks["old"]), labels) > 0
                moved = tf.where(kept[:, None, None, None], moved, images)
            images = moved
        targets = {"labels": labels, "teacher_logits": self.teacher(images, training=False)}
        return Batch({"images": images}, [(1.0, targets)])

    def provided(
        self, outputs: Tensors, targets: Tensors, clock: Sequence[Any]
    ) -> Mapping[str, Any]:
        step, epoch, progress = clock
        logits = tf.cast(outputs["logits"], tf.float32)
        old, new = (tf.convert_to_tensor(self._masks[name]) for name in ("old", "new"))
        seen = tf.maximum(old, new)
        labels = targets["labels"]
        masked = _among(logits, seen) if self.own.head == "seen" else logits
        return {
            "y_true": tf.one_hot(labels, self._classes),
            "labels": labels,
            "logits": masked,
            "y_pred": tf.nn.softmax(masked),
            "features": tf.cast(outputs["features"], tf.float32),
            "last_kernel": tf.convert_to_tensor(self._kernel),
            "teacher_logits": _among(tf.cast(targets["teacher_logits"], tf.float32), old),
            "old_logits": _among(logits, old),
            "old": old,
            "new": new,
            "seen": seen,
            "exemplar": tf.gather(old, labels),
            "weight_drift": self.importance.drift(),
            "phase": tf.convert_to_tensor(self._phase_number),
            "num_classes": tf.constant(float(self._classes)),
            "step": step,
            "epoch": epoch,
            "progress": progress,
        }

    def stepping(self, gradients: Sequence[Any]) -> AbstractContextManager[None]:
        return self.importance.stepping(gradients)

    def _seen(self) -> Any:
        return tf.maximum(*(tf.convert_to_tensor(each) for each in self._masks.values()))

    def report(self, outputs: Tensors, targets: Tensors) -> Tensors:
        logits = _among(tf.cast(outputs["logits"], tf.float32), self._seen())
        said = tf.argmax(logits, axis=-1, output_type=tf.int32)
        return {"accuracy": tf.reduce_mean(tf.cast(said == targets["labels"], tf.float32))}

    def answers(self, provided: Mapping[str, Any]) -> Tensors:
        return {name: provided[name] for name in ("features", "logits", "y_pred")}

    # Between intervals, NumPy ---------------------------------------------------------------

    def rows_of(self, split: str, chosen: np.ndarray | None = None) -> Mapping[str, np.ndarray]:
        """Of the rows to measure on those of classes that have come; the strip is whole."""
        rows = super().rows_of(split, chosen)
        if split == "train" or (split == "test" and chosen is not None):
            return rows
        come = np.isin(rows["labels"], self._seen_classes)
        if not come.any():  # a few validation images, none of these classes: no accuracy to tell
            return rows
        return {name: each[come] for name, each in rows.items()}

    def corrected(self, seen: Seen) -> np.ndarray:
        """Scores (N, C) of the answers of an evaluation, as the spec corrects them."""
        logits = np.asarray(seen.answers["logits"], np.float64)
        come = np.isin(np.arange(self._classes), self._seen_classes)
        new = np.isin(np.arange(self._classes), self.groups[self.number])
        aligning = self.own.correction == "aligning"
        if self.number and (aligning or (self.own.correction != "none" and self.memory)):
            logits = self._corrected(logits, np.asarray(seen.answers["features"]), come & ~new, new)
        return np.where(come, logits, -np.inf)

    def _corrected(
        self, logits: np.ndarray, features: np.ndarray, old: np.ndarray, new: np.ndarray
    ) -> np.ndarray:
        if self.own.correction == "aligning":
            kernel = np.asarray(self._kernel)
            factor = exemplars.aligned(kernel, old, new)
            return logits + np.where(new, (factor - 1) * (features @ kernel), 0)
        rows, labels = self._balanced()
        held = self._features(rows)
        if self.own.correction == "nearest_mean":
            return exemplars.nearest_mean(
                features, exemplars.class_means(held, labels, self._classes)
            )
        layer = self.built.model.get_layer("logits")
        raw = held @ np.asarray(layer.kernel) + (np.asarray(layer.bias) if layer.use_bias else 0)
        raw = np.where(old | new, raw, -1e9)
        scale, shift = exemplars.bias_of(raw, labels, new)
        return np.where(new, scale * logits + shift, logits)

    def _balanced(self) -> tuple[np.ndarray, np.ndarray]:
        """The exemplars and as many rows of each new class, and their labels."""
        labels = self.rows["train"]["labels"]
        rows = list(self.memory.values())
        most = max(len(each) for each in rows)
        rows += [np.flatnonzero(labels == value)[:most] for value in self.groups[self.number]]
        chosen = np.concatenate(rows)
        return chosen, labels[chosen]

    def judge(self, seen: Seen, rows: Mapping[str, np.ndarray], split: str) -> Judged:
        """The accuracy of old and new classes and of each, which old class is taken for which new
        one, and how much has been forgotten: of each earlier phase' classes, the best accuracy
        they had at the end of a phase less that of now (Chaudhry et al., ECCV 2018)."""
        labels, scores = rows["labels"], self.corrected(seen)
        said = scores.argmax(axis=1)
        confusion = np.bincount(labels * self._classes + said, minlength=self._classes**2)
        confusion = confusion.reshape(self._classes, self._classes)
        with np.errstate(invalid="ignore"):
            by_class = np.diag(confusion) / confusion.sum(axis=1)
        features = np.asarray(seen.answers["features"], np.float64)
        if split == "validation":
            self.matrix[self.number] = by_class
            self._place_centres(features, labels)
        new = np.isin(labels, self.groups[self.number])
        right = said == labels
        metrics = {
            "accuracy": float(np.mean(right)),
            "new_accuracy": _mean(right[new]),
            "old_accuracy": _mean(right[~new]),
            "forgetting": self._forgetting(by_class),
            "bias": float(np.mean(np.isin(said, self.groups[self.number]))),
            "lead": self._lead(scores[~new]),
            "drift": self._drift(features, labels),
            **seen.metrics,
        }
        order = np.array([each for group in self.groups for each in group])
        arrays = {
            "confusion": confusion[order][:, order].astype(np.int32),
            "order": order.astype(np.int32),
            "came": np.repeat(np.arange(len(self.groups)), list(map(len, self.groups))),
            "phase": np.array([self.number]),
            "matrix": self._by_group().astype(np.float32),
            **self._pictures(),
        }
        return Judged(metrics, arrays)

    def _by_group(self) -> np.ndarray:
        """The accuracy (P, P) after each phase, a row, of the classes of each, a column; NaN where
        they had not come or nothing was measured."""
        return np.stack([self.matrix[:, group].mean(axis=1) for group in self.groups], axis=1)

    def _pictures(self) -> dict[str, np.ndarray]:
        """The first exemplars of each class in the order of arrival, and how many each has."""
        known = [] if self.own.kept == "all" else [each for g in self.groups for each in g]
        kept = {value: self.memory[value] for value in known if value in self.memory}
        rows = [each[:PICTURED] for each in kept.values()]
        chosen = np.concatenate(rows) if rows else np.zeros(0, np.int64)
        counts = np.zeros(self._classes, np.int32)
        for value, each in kept.items():
            counts[value] = len(each)
        return {
            "exemplar_images": self.rows["train"]["images"][chosen],
            "exemplar_labels": self.rows["train"]["labels"][chosen].astype(np.int32),
            "exemplar_counts": counts,
        }

    def _forgetting(self, now: np.ndarray) -> float:
        """The mean over earlier phases of what their classes have lost; NaN in the first."""
        lost = []
        for group in self.groups[: self.number]:
            before = self.matrix[: self.number, group].mean(axis=1)
            if np.isfinite(before).any():
                lost.append(np.nanmax(before) - float(np.mean(now[group])))
        return float(np.mean(lost)) if lost else float("nan")

    def _lead(self, scores: np.ndarray) -> float:
        """By how much the best new class' score is above the best old one's, on average over
        these scores (n, C) of old images: above 0 where they are taken for new; NaN for none."""
        new = np.isin(np.arange(self._classes), self.groups[self.number])
        return _mean(scores[:, new].max(axis=1) - scores[:, ~new].max(axis=1))

    def _place_centres(self, features: np.ndarray, labels: np.ndarray) -> None:
        """Takes where the classes of this phase are by now; the last of it stays."""
        for value in self.groups[self.number]:
            own = features[labels == value]
            if len(own):
                centre = own.mean(axis=0)
                apart = np.linalg.norm(own - centre, axis=1).mean()
                self.centres[value] = (centre, float(apart))

    def _drift(self, features: np.ndarray, labels: np.ndarray) -> float:
        """How far the old classes' mean embeddings are from where they were when their phases
        ended, in distances of their images from them there; NaN in the first phase."""
        moved = []
        for value in (each for group in self.groups[: self.number] for each in group):
            own = features[labels == value]
            if len(own) and value in self.centres:
                centre, apart = self.centres[value]
                moved.append(np.linalg.norm(own.mean(axis=0) - centre) / max(apart, 1e-12))
        return _mean(np.array(moved))

    def baseline(self) -> dict[str, float]:
        return fit_record.baseline(self.split, self._classes)

    def as_arrays(self) -> dict[str, np.ndarray]:
        kept = {f"exemplars/{value}": rows for value, rows in self.memory.items()}
        return {**super().as_arrays(), **kept}

    def restore(self, arrays: Arrays) -> None:
        """Exemplars and teacher stay: a run goes back within its phase."""

    def recall(self, arrays: Arrays, epoch: float) -> frozenset[str]:
        """The phase that this epoch is in, to its very end. Its teacher, and where the weights were
        when it began, no snapshot has."""
        ends = np.cumsum(self.own.phase_epochs)
        self._begin(min(int(np.searchsorted(ends, epoch)), len(ends) - 1))
        return frozenset({"teacher_logits", "weight_drift"} if self.number else ())

    def answerable(self) -> np.ndarray | None:
        if self.own.head != "seen":
            return None
        return np.isin(np.arange(self._classes), self._seen_classes)

    def state(self) -> dict[str, np.ndarray]:
        teacher = {f"teacher/{i}": each for i, each in enumerate(self.teacher.get_weights())}
        kept = {f"exemplars/{value}": rows for value, rows in self.memory.items()}
        centres = {
            f"centres/{value}": np.append(centre, apart)
            for value, (centre, apart) in self.centres.items()
        }
        gathered = {**self.importance.as_arrays(), "matrix": self.matrix.copy()}
        return {**super().state(), **teacher, **kept, **centres, **gathered}

    def resume(self, arrays: Arrays, phase: int, branch: bool) -> None:
        super().resume(arrays, phase, branch)
        known = len(self.teacher.weights)
        self.teacher.set_weights([arrays[f"teacher/{i}"] for i in range(known)])
        if arrays["matrix"].shape != self.matrix.shape:
            raise ValueError("other phases")
        self.matrix[:] = arrays["matrix"]
        self.importance.restore(arrays)
        kept, centres = _by_class(arrays, "exemplars/"), _by_class(arrays, "centres/")
        self.memory = {value: rows.astype(np.int64) for value, rows in kept.items()}
        self.centres = {value: (each[:-1], float(each[-1])) for value, each in centres.items()}
        count = len(self.rows["train"]["labels"])
        if any(
            rows.size and not 0 <= rows.min() <= rows.max() < count for rows in self.memory.values()
        ):
            raise ValueError("exemplars that are not there")
        if phase:
            self._enter(phase)


def _by_class(arrays: Arrays, prefix: str) -> dict[int, np.ndarray]:
    """The arrays of a checkpoint under this prefix, by the class that follows it."""
    found = {
        name.removeprefix(prefix): each for name, each in arrays.items() if name.startswith(prefix)
    }
    return {int(value): each for value, each in found.items()}


def _among(logits: Any, mask: Any) -> Any:
    """The logits (B, C), those outside a mask (C,) constants far below the others."""
    floor = tf.stop_gradient(tf.reduce_min(logits)) - FAR
    return tf.where(mask > 0, logits, floor)


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
