"""What a run recorded, as a verdict takes it: its curves at the ends of epochs, what every
evaluation and every step says, and the gap between training and validation."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from playground.runs.lineage import Joined
from playground.tasks.classification import ECE, NLL
from playground.training.changes import LOSS
from playground.verdicts import diagnosis, forgetting
from playground.verdicts.best import restored
from playground.verdicts.diagnosis import Diagnosis

# Of an evaluation on the validation images: what is read of each, by the names they are asked for.
EVALUATED = {
    "accuracy": "accuracy",
    "loss": "loss",
    "nll": "nll",
    "spread": "spread",
    "dead": "dead",
    "unanswered": "unanswered",
    "commonest": "commonest",
    "knn": "embedding_knn_1",
    "within": "embedding_within",
    "between": "embedding_between",
    "angle": "embedding_angle",
}
STEPS = ("nll", "gradient_norm")  # of every step
SIDE = "embedding_cross_entropy"  # NLL of a sample of the images: all that earlier versions have


@dataclass(frozen=True)
class Curves:
    """What a run recorded, at the ends of its epochs: arrays of one length, NaN where nothing was.

    NLL is the negative log-likelihood of the right class, whatever the run's own loss is. Training
    values are against the given labels, with dropout off, unless `noisy_train`: then they are means
    over the batches, dropout and augmentation on. Under label noise `clean_*` are those of the
    images whose label is right, `given` the share of wrong labels that is said, `true` the share of
    those images whose right label is said. `evaluations` has the numbers of `EVALUATED` and
    `epochs` at every evaluation on the validation images, (L,) each, `steps` those of `STEPS` of
    every step, (S,) each; what a run of an earlier version did not record is not in them.
    """

    epochs: np.ndarray
    train_nll: np.ndarray
    train_accuracy: np.ndarray
    validation_nll: np.ndarray
    validation_accuracy: np.ndarray
    train_images: int
    validation_images: int
    validation_nll_error: np.ndarray | None = None
    train_nll_error: np.ndarray | None = None
    validation_ece: np.ndarray | None = None
    clean_nll: np.ndarray | None = None
    clean_accuracy: np.ndarray | None = None
    given: np.ndarray | None = None
    true: np.ndarray | None = None
    wrong_images: int = 0
    guess_accuracy: float = 0.1
    guess_nll: float = math.log(10)
    classes: int = 10
    noisy_train: bool = False
    failure: Mapping[str, Any] | None = None  # message, hint and where of one that is not finite
    best_epoch: int = 0  # whose weights were restored
    over: bool = False  # it has ended: what is advised is for the next run
    spec: Mapping[str, Any] = field(default_factory=dict)  # for the next step
    evaluations: Mapping[str, np.ndarray] = field(default_factory=dict)
    steps: Mapping[str, np.ndarray] = field(default_factory=dict)
    terms: Mapping[str, np.ndarray] = field(default_factory=dict)  # by text: its gradient's norm
    missing: tuple[str, ...] = ()  # classes that are never the answer at the last evaluation
    known: Diagnosis = field(default_factory=Diagnosis)
    phases: forgetting.Phases | None = None  # of a run that learns classes in phases


@dataclass(frozen=True)
class Gap:
    """Training less validation accuracy, and validation less training NLL; each with its standard
    error, that of the difference of two independent means."""

    accuracy: np.ndarray
    accuracy_error: np.ndarray
    nll: np.ndarray
    nll_error: np.ndarray


def trained(curves: Curves) -> tuple[np.ndarray, np.ndarray, int]:
    """Accuracy and NLL of training images with right labels, and how many they are."""
    if curves.clean_accuracy is None or curves.clean_nll is None:
        return curves.train_accuracy, curves.train_nll, curves.train_images
    return curves.clean_accuracy, curves.clean_nll, curves.train_images - curves.wrong_images


def gap(curves: Curves) -> Gap:
    """The generalisation gap at each epoch. Under label noise the training images with right labels
    are taken: validation labels are right, too."""
    accuracy, nll, images = trained(curves)
    space, error = accuracy_gap(
        accuracy, curves.validation_accuracy, images, curves.validation_images
    )
    nothing = np.full(len(space), np.nan)
    errors = [nothing if one is None else one for one in (
        curves.train_nll_error, curves.validation_nll_error)]  # fmt: skip
    return Gap(space, error, curves.validation_nll - nll, np.hypot(*errors))


def accuracy_gap(
    trained: np.ndarray, held: np.ndarray, images: int, held_images: int
) -> tuple[np.ndarray, np.ndarray]:
    """Training less validation accuracy and its standard error, of shares of so many images."""
    variance = trained * (1 - trained) / max(1, images) + held * (1 - held) / max(1, held_images)
    return trained - held, np.sqrt(variance)


# From the store ---------------------------------------------------------------------------------


def gap_at_evaluations(
    store: Any, record: Any, after: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gap of accuracy at each evaluation after a step, as the verdict has it: steps, gap,
    standard error, (N,) each. Empty where the training images are not measured. Raises
    StoreError."""
    steps, own = store.series(record.id, "train_clean_accuracy", after)
    started = store.started(record.id)
    images, wrong = _measured(store, record, started)
    if not len(steps):
        steps, own = store.series(record.id, "train_accuracy", after)
        wrong = 0
    at, held = store.series(record.id, "validation_accuracy", after)
    steps, mine, theirs = np.intersect1d(steps, at, return_indices=True)
    held_images = started.validation_images if started is not None else 0
    space, error = accuracy_gap(
        own[mine].astype(float), held[theirs].astype(float), images - wrong, held_images
    )
    return steps, space, error


def read(store: Any, record: Any, doctor: Iterable[Mapping[str, Any]] = ()) -> Curves:
    """The curves of a run (`runs.store.Store`, `RunRecord`), with what the `doctor` says of its
    loss where that is known. Raises StoreError."""
    joined = store if getattr(record, "parent", None) is None else Joined(store)
    return _Reader(joined, record).curves(doctor)


class _Reader:
    """A run's recorded numbers, brought together by step."""

    def __init__(self, store: Any, record: Any) -> None:
        self.store, self.record = store, record
        self.started = store.started(record.id)
        self.an_epoch = self.started.steps_per_epoch if self.started is not None else 1
        evaluated, accuracy = store.series(record.id, "validation_accuracy")
        self.evaluated = evaluated
        self.accuracy = accuracy.astype(float)
        self.at = evaluated[evaluated % self.an_epoch == 0]
        self.marks = store.marks(record.id)

    def curves(self, doctor: Iterable[Mapping[str, Any]]) -> Curves:
        record, started = self.record, self.started
        images, wrong = _measured(self.store, record, started)
        guess = started.baseline if started is not None else {}
        classes = len(started.class_names) if started is not None else 10
        accuracy, nothing = self.series("train_accuracy"), np.full(len(self.at), np.nan)
        held = self.nll("validation")
        held = nothing if held is None else held
        watched = self.nll("train")
        if watched is None:
            watched, noisy = self.batches("nll"), True
            # An earlier version has no NLL of the batches: that of the validation images falls too.
            watched = held if np.isnan(watched).all() else watched
        else:
            noisy = False
        return Curves(
            epochs=self.at / self.an_epoch,
            train_nll=watched,
            train_accuracy=self.batches("accuracy") if accuracy is None else accuracy,
            validation_nll=held,
            validation_accuracy=_or_nan(self.series("validation_accuracy"), len(self.at)),
            train_images=images,
            validation_images=started.validation_images if started is not None else 0,
            validation_nll_error=self.series("validation_nll_error"),
            train_nll_error=self.series("train_nll_error"),
            validation_ece=self.series(f"validation_{ECE}"),
            clean_nll=self.series("train_clean_nll"),
            clean_accuracy=self.series("train_clean_accuracy"),
            given=self.series("train_given_accuracy"),
            true=self.series("train_true_accuracy"),
            wrong_images=wrong,
            guess_accuracy=max(guess.get("accuracy", 1 / classes), 1 / classes),
            guess_nll=guess.get("nll", math.log(classes)),
            classes=classes,
            noisy_train=noisy,
            failure=self.failure(),
            best_epoch=restored(self.marks),
            over=not record.live,
            spec=record.spec.model_dump(),
            evaluations=self.evaluations(),
            steps={name: self.steps(name) for name in STEPS},
            terms=self.terms(),
            missing=self.missing(),
            known=self.known(doctor),
            phases=self.phases(),
        )

    def steps(self, name: str) -> np.ndarray:
        found: np.ndarray = self.store.series(self.record.id, name)[1].astype(float)
        return found

    def of(self, name: str, at: np.ndarray) -> np.ndarray | None:
        """A series at some steps, NaN where it has nothing; None if it has nothing at all."""
        found, values = self.store.series(self.record.id, name)
        if not len(found):
            return None
        place = {int(step): float(value) for step, value in zip(found, values, strict=True)}
        return np.array([place.get(int(step), np.nan) for step in at])

    def series(self, name: str) -> np.ndarray | None:
        return self.of(name, self.at)

    def nll(self, split: str) -> np.ndarray | None:
        """NLL at the epochs' ends, of all images if they were measured, else of a sample."""
        names = (f"{split}_{NLL}", f"{split}_nll", f"{split}_{SIDE}")
        return next((each for each in map(self.series, names) if each is not None), None)

    def batches(self, name: str) -> np.ndarray:
        """The mean over the epoch before each end; NaN where nothing was recorded."""
        values = self.steps(name)
        parts = [values[max(0, step - self.an_epoch) : step] for step in self.at]
        return np.array([part.mean() if len(part) else np.nan for part in parts])

    def evaluations(self) -> dict[str, np.ndarray]:
        found = {
            name: self.of(f"validation_{key}", self.evaluated) for name, key in EVALUATED.items()
        }
        if found["nll"] is None:
            found["nll"] = self.of(f"validation_{SIDE}", self.evaluated)
        kept = {name: values for name, values in found.items() if values is not None}
        return {"epochs": self.evaluated / self.an_epoch, **kept}

    def terms(self) -> dict[str, np.ndarray]:
        """The norm of each term's gradient at the features, at every evaluation, by its text."""
        texts = self.started.loss.get("terms", ()) if self.started is not None else ()
        names = [f"validation_term{place}_features" for place in range(1, len(texts) + 1)]
        found = {
            text: self.of(name, self.evaluated) for text, name in zip(texts, names, strict=True)
        }
        return {text: values for text, values in found.items() if values is not None}

    def missing(self) -> tuple[str, ...]:
        """The classes that are there and never the answer, at the last evaluation."""
        last = self.store.evaluation(self.record.id, "validation")
        if last is None or "confusion" not in last.arrays or self.started is None:
            return ()
        counts = np.asarray(last.arrays["confusion"])
        lacking = (counts.sum(axis=0) == 0) & (counts.sum(axis=1) > 0)
        return tuple(
            name for name, no in zip(self.started.class_names, lacking, strict=False) if no
        )

    def phases(self) -> forgetting.Phases | None:
        last = self.store.evaluation(self.record.id, "validation")
        if last is None or "matrix" not in last.arrays or self.started is None:
            return None
        names = self.started.class_names
        return forgetting.of(last.arrays, names, self.record.spec.model_dump())

    def failure(self) -> dict[str, Any] | None:
        record = self.record
        if record.state != "failed" or record.kind != "nonfinite":
            return None
        return {"message": record.message, "hint": record.hint, "where": record.where}

    def known(self, doctor: Iterable[Mapping[str, Any]]) -> Diagnosis:
        """Of the loss it began with; of one that was changed midway, nothing is known."""
        if self.started is None or any(mark.kind == LOSS for mark in self.marks):
            return Diagnosis()
        return diagnosis.of(self.started.loss, doctor)


def _measured(store: Any, record: Any, started: Any) -> tuple[int, int]:
    """How many training images are measured, and of how many of them the label is wrong."""
    split = store.evaluation(record.id, "train")
    images = split.images if split is not None else (started.train_images if started else 0)
    return images, round(getattr(record.spec, "label_noise", 0.0) * images)


def _or_nan(values: np.ndarray | None, count: int) -> np.ndarray:
    return np.full(count, np.nan) if values is None else values
