"""Multi-task in the worker: pairs drawn on the device, three heads, verification."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import tensorflow as tf

from playground import datasets
from playground.spec import RunSpec
from playground.streams import number, stream
from playground.tasks.siamese import SiameseSpec
from playground.training import fit_record, pairs, verification, weighers, weighting
from playground.training.augmentation import Augmentation
from playground.training.events import Arrays
from playground.training.work import Batch, Judged, Seen, Tensors, Work

BINS = 40  # of the distributions of distances


class SiameseWork(Work):
    """A run of Multi-task.

    Rows are images by their labels. A batch of training has for each image a partner, drawn by the
    step: of its class with the spec's share, else of another. An evaluation has partners that were
    drawn once, half of them of the image's class, the same in every run of a data set and seed.
    """

    trunk = ("features", "right_features")
    shared = "features"
    reports = ("left", "right", "verification")

    def __init__(self, spec: RunSpec, dataset: datasets.Dataset) -> None:
        super().__init__(spec, dataset)
        self.own = own = cast(SiameseSpec, spec)
        self._augmentation = Augmentation(own)
        self._classes = len(dataset.class_names)
        judged = ("distance",) if own.same_head == "none" else ("distance", "same_logits")
        self.outputs = (*self.trunk, "left_logits", "right_logits", *judged)
        labels = self.rows["train"]["labels"]
        counts = np.bincount(labels, minlength=self._classes)
        order = np.argsort(labels, kind="stable")
        rank = np.empty(len(labels), np.int32)
        rank[order] = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
        places = order.astype(np.int32)
        self.rows["train"] = {**self.rows["train"], "by_class": places, "rank": rank}
        self._counts = counts.astype(np.int32)
        self._starts = (np.cumsum(counts) - counts).astype(np.int32)
        self._partners = {
            split: _chosen_partners(self.rows[split]["labels"], stream(own.seed, f"{split} pairs"))
            for split in ("train", "validation", "test")
        }
        self._seed = number(own.seed, "pairs")
        self.weigher = weighting.weigher(own.weighting, self.loss, self._seed)
        self.threshold = 0.5  # of the score from which a pair is taken for the same
        self._trunk_of_left = self.built.giving(("features",))

    def rows_of(self, split: str, chosen: np.ndarray | None = None) -> Mapping[str, np.ndarray]:
        rows = self.rows[split]
        at = np.arange(len(rows["labels"])) if chosen is None else chosen
        partners = self._partners[split][at]
        images, labels = rows["images"], rows["labels"]
        return {
            "images": images if chosen is None else images[at],
            "labels": labels[at],
            "partners": images[partners],
            "partner_labels": labels[partners],
        }

    def can_take(self, loss: Any) -> str:
        if self.weigher is None or weighers.moved_terms(loss) == list(self.weigher.weighed):
            return ""
        return "the weights that set themselves belong to the terms of the loss that it began with"

    # Traced ---------------------------------------------------------------------------------

    def gather(self, rows: Tensors, indices: Any, step: Any) -> dict[str, Any]:
        images, labels, rank = (
            tf.gather(rows[name], indices) for name in ("images", "labels", "rank")
        )
        same = self._uniform(0, step, indices) < self.own.same_share
        draw = self._uniform(1, step, indices)
        counts, starts = tf.gather(self._counts, labels), tf.gather(self._starts, labels)
        # Of its own class any but itself; of the others any, by leaving the class' block out.
        own = _floor(draw, tf.maximum(counts - 1, 1))
        own = starts + tf.where(counts > 1, tf.where(own >= rank, own + 1, own), 0)
        total = tf.shape(rows["labels"])[0]
        other = _floor(draw, tf.maximum(total - counts, 1))
        other = tf.where(other >= starts, other + counts, other) % total
        places = tf.gather(rows["by_class"], tf.where(same, own, other))
        found = {
            "images": images,
            "labels": labels,
            "partners": tf.gather(rows["images"], places),
            "partner_labels": tf.gather(rows["labels"], places),
        }
        return self._harder(found, same) if self.own.pairs == "hard" else found

    def _harder(self, found: dict[str, Any], same: Any) -> dict[str, Any]:
        """The same batch where the partner of another class is of the batch's images the one whose
        embedding is nearest, by the network as it is."""
        images, labels = found["images"], found["labels"]
        features = tf.cast(
            self._trunk_of_left(tf.cast(images, tf.float32), training=False), tf.float32
        )
        norm = tf.reduce_sum(tf.square(features), axis=1)
        apart = norm[:, None] + norm - 2 * tf.matmul(features, features, transpose_b=True)
        alike = labels[:, None] == labels
        nearest = tf.argmin(tf.where(alike, np.inf, apart), axis=1, output_type=tf.int32)
        swapped = ~same & ~tf.reduce_all(alike, axis=1)
        across = swapped[:, None, None, None]
        return {
            **found,
            "partners": tf.where(across, tf.gather(images, nearest), found["partners"]),
            "partner_labels": tf.where(
                swapped, tf.gather(labels, nearest), found["partner_labels"]
            ),
        }

    def _uniform(self, which: int, step: Any, like: Any) -> Any:
        seed = tf.stack([tf.constant(self._seed), 2 * step + which])
        return tf.random.stateless_uniform(tf.shape(like), seed)

    def batch(self, rows: Tensors, step: Any | None) -> Batch:
        left, right = (tf.cast(rows[name], tf.float32) for name in ("images", "partners"))
        if step is not None and self._augmentation.moves:
            # As one batch of twice the size, so that no image is moved as its partner is.
            both = self._augmentation.moved(tf.concat([left, right], axis=0), step)
            left, right = tf.split(both, 2)
        targets = {"left": rows["labels"], "right": rows["partner_labels"]}
        return Batch({"left": left, "right": right}, [(1.0, targets)])

    def provided(
        self, outputs: Tensors, targets: Tensors, clock: Sequence[Any]
    ) -> Mapping[str, Any]:
        step, epoch, progress = clock
        left, right = targets["left"], targets["right"]
        return {
            "y_left": tf.one_hot(left, self._classes),
            "y_right": tf.one_hot(right, self._classes),
            "labels_left": left,
            "labels_right": right,
            "p_left": tf.nn.softmax(tf.cast(outputs["left_logits"], tf.float32)),
            "p_right": tf.nn.softmax(tf.cast(outputs["right_logits"], tf.float32)),
            "same": tf.cast(left == right, tf.float32),
            "p_same": self._probability(outputs),
            "distance": tf.cast(outputs["distance"], tf.float32)[:, 0],
            "features": tf.cast(outputs["features"], tf.float32),
            "partner_features": tf.cast(outputs["right_features"], tf.float32),
            "num_classes": tf.constant(float(self._classes)),
            "step": step,
            "epoch": epoch,
            "progress": progress,
        }

    def tensors(self, loss: Any, provided: Mapping[str, Any]) -> dict[str, Any]:
        """Of a loss of triplets, which takes for granted that partners are of one class, those of
        another are replaced by one of the batch, and a negative is taken from it."""
        found = super().tensors(loss, provided)
        if "negative_features" not in loss.sources:
            return found
        features, labels = provided["features"], provided["labels_left"]
        found["negative_features"] = tf.gather(features, pairs.negatives(labels))
        if "partner_features" in found and "same" not in loss.sources:
            alike = provided["same"][:, None] > 0
            other = tf.gather(features, pairs.positives(labels))
            found["partner_features"] = tf.where(alike, found["partner_features"], other)
        return found

    def _probability(self, outputs: Tensors) -> Any:
        """That a pair is the same, (B,): a softmax of two is the sigmoid of their difference."""
        if self.own.same_head == "none":
            return tf.exp(-tf.cast(outputs["distance"], tf.float32)[:, 0])
        logits = tf.cast(outputs["same_logits"], tf.float32)
        margin = logits[:, 1] - logits[:, 0] if logits.shape[-1] == 2 else logits[:, 0]
        return tf.sigmoid(margin)

    def report(self, outputs: Tensors, targets: Tensors) -> Tensors:
        left, right = targets["left"], targets["right"]
        says = self._probability(outputs) >= 0.5
        return {
            "left": _accuracy(outputs["left_logits"], left),
            "right": _accuracy(outputs["right_logits"], right),
            "verification": tf.reduce_mean(tf.cast(says == (left == right), tf.float32)),
        }

    def answers(self, provided: Mapping[str, Any]) -> Tensors:
        return {name: provided[name] for name in ("p_left", "p_right", "p_same", "distance")}

    # Between intervals, NumPy ---------------------------------------------------------------

    def judge(self, seen: Seen, rows: Mapping[str, np.ndarray], split: str) -> Judged:
        """The accuracy of each head, and how well the pairs are told apart: by the same head, or of
        a network without one by the distance, at the threshold that is best for the validation
        pairs."""
        left, right = rows["labels"], rows["partner_labels"]
        same = left == right
        says = seen.answers
        score, distance = says["p_same"], says["distance"]
        false, true, _ = verification.roc(score, same)
        best = -verification.best_threshold(-distance, same)
        if self.own.same_head == "none" and split == "validation":
            self.threshold = float(np.exp(-best))
        metrics = {
            "left": float(np.mean(says["p_left"].argmax(axis=1) == left)),
            "right": float(np.mean(says["p_right"].argmax(axis=1) == right)),
            "verification": float(np.mean((score >= self.threshold) == same)),
            "equal_error": verification.equal_error(false, true),
            **seen.metrics,
        }
        edges = np.linspace(0, max(float(distance.max()), 1e-6), BINS + 1)
        arrays = {
            "distance_edges": edges.astype(np.float32),
            "distance_counts": np.stack(
                [np.histogram(distance[kind], edges)[0] for kind in (same, ~same)]
            ).astype(np.int32),
            "roc": verification.thinned(false, true).astype(np.float32),
            "thresholds": np.array([self.threshold, best], np.float32),
        }
        return Judged(metrics, arrays)

    def show(self, seen: Seen) -> dict[str, np.ndarray]:
        """Of the strip: the answers of both class heads, the distance and the same head's."""
        return {f"strip_{name}": np.asarray(each) for name, each in seen.answers.items()}

    def shown(self) -> dict[str, np.ndarray]:
        rows = self.rows_of("test", self.strip)
        return {
            "strip_images": rows["images"],
            "strip_labels": rows["labels"],
            "strip_partners": rows["partners"],
            "strip_partner_labels": rows["partner_labels"],
        }

    def baseline(self) -> dict[str, float]:
        return fit_record.baseline(self.split, self._classes)

    def state(self) -> dict[str, np.ndarray]:
        return {**super().state(), "threshold": np.array(self.threshold)}

    def resume(self, arrays: Arrays, phase: int, branch: bool) -> None:
        super().resume(arrays, phase, branch)
        self.threshold = float(arrays["threshold"])


def _floor(draw: Any, count: Any) -> Any:
    """A whole number from 0 to less than `count` of a draw from 0 to less than 1."""
    return tf.minimum(tf.cast(draw * tf.cast(count, tf.float32), tf.int32), count - 1)


def _accuracy(logits: Any, labels: Any) -> Any:
    said = tf.argmax(logits, axis=-1, output_type=tf.int32)
    return tf.reduce_mean(tf.cast(said == labels, tf.float32))


def _chosen_partners(labels: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """A partner's place (N,) for each of labels (N,): for half of them, drawn, one of their class,
    for the others one of another; of a class that has one image alone, itself."""
    found = np.empty(len(labels), np.int64)
    same = draw.permutation(len(labels)) < len(labels) // 2
    for value in np.unique(labels):
        members, rest = np.flatnonzero(labels == value), np.flatnonzero(labels != value)
        shifted = np.roll(draw.permutation(members), 1)
        cycle = dict(zip(np.roll(shifted, 1), shifted, strict=True))
        found[members] = [cycle[place] for place in members]
        if len(rest):
            others = members[~same[members]]
            found[others] = draw.choice(rest, len(others))
    return found
