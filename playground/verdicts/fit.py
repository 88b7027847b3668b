"""How well a run fits, read off its recorded curves: a verdict, its evidence, one next step.

Plain NumPy, so that the server may use it. What is compared is the loss-neutral negative
log-likelihood (NLL) and the accuracy, both with dropout off, on a sample of the training images and
on the validation images; a difference counts when it is beyond two standard errors of that many
images.

    diverging      the training loss rises, or is no number
    plateau        it stands still though it could fall: the step, not the network, is the limit
    underfitting   the training images themselves are not learned
    fitting        what is learned holds on validation images
    overconfident  validation NLL rises while accuracy holds: miscalibrated, not worse
    overfitting    since epoch n training still improves and validation images do not
    memorising     wrong labels are learned by heart
    early          too little was measured to say
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from playground.tasks.classification import ECE, NLL
from playground.verdicts.best import restored

LEAST_EPOCHS = 4  # evaluations at an epoch's end, before anything is said
LEAST_IMAGES = 30  # validation images, before a gap is looked at
ERRORS = 2.0  # standard errors that a difference must have to count
GAP = 0.05  # of accuracy: a smaller one is no overfitting, however sure it is
LEARNED = 0.85  # of what lies between guessing and all right: less on training images is underfit
SETTLED = 0.93  # of the same: one that stands still above it is done
FLAT = 0.02  # of what guessing costs: NLL that falls by less over a third of the run stands still
STOPPED = (
    "Done: it stopped where validation loss was the least. More or cleaner data, not more epochs, "
    "would help now."
)


@dataclass(frozen=True)
class Curves:
    """What a run recorded, at the ends of its epochs: arrays of one length, NaN where nothing was.

    Training values are against the given labels, with dropout off, unless `noisy_train`: then they
    are means over the batches, dropout and augmentation on. Under label noise `clean_*` are those
    of the images whose label is right, `given` the share of wrong labels that is said, `true` the
    share of those images whose right label is said.
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
    noisy_train: bool = False
    nonfinite: bool = False
    best_epoch: int = 0  # whose weights were restored
    over: bool = False  # it has ended: what is advised is for the next run
    spec: Mapping[str, Any] = field(default_factory=dict)  # for the next step


@dataclass(frozen=True)
class Verdict:
    """`kind` of the list above, a `sentence`, the numbers it rests on as (name, value) texts, one
    `step` to take next, `notes` on what might mislead, and since which epoch (0: none)."""

    kind: str
    sentence: str
    evidence: tuple[tuple[str, str], ...]
    step: str
    notes: tuple[str, ...] = ()
    epoch: int = 0


@dataclass(frozen=True)
class Gap:
    """Training less validation accuracy, and validation less training NLL; each with its standard
    error, that of the difference of two independent means."""

    accuracy: np.ndarray
    accuracy_error: np.ndarray
    nll: np.ndarray
    nll_error: np.ndarray


def gap(curves: Curves) -> Gap:
    """The generalisation gap at each epoch. Under label noise the training images with right labels
    are taken: validation labels are right, too."""
    accuracy, nll, images = _trained(curves)
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


def judge(curves: Curves) -> Verdict:
    """The verdict on these curves."""
    if curves.nonfinite:
        return _diverged_to_nan(curves)
    if curves.best_epoch:
        return _stopped_early(curves)
    count = len(curves.epochs)
    if count < LEAST_EPOCHS:
        return Verdict(
            "early",
            f"Not enough evidence{'' if curves.over else ' yet'}: {count} of {LEAST_EPOCHS} epochs "
            "measured.",
            (),
            f"Train for {LEAST_EPOCHS} epochs or more." if curves.over else "Let it train.",
        )
    case = _Case(curves)
    for look in (
        case.diverging,
        case.memorising,
        case.stuck,
        case.underfitting,
        case.too_few,
        case.overfitting,
        case.learned_by_heart,
        case.overconfident,
        case.plateau,
    ):
        found = look()
        if found is not None:
            return found
    return case.fitting()


class _Case:
    """The curves, and what of them every verdict asks."""

    def __init__(self, curves: Curves) -> None:
        self.curves = curves
        self.spec = curves.spec
        accuracy, nll, self.images = _trained(curves)
        self.gap = gap(curves)
        self.nll, self.accuracy = nll, accuracy
        self.held_nll = _smooth(curves.validation_nll)
        self.held_accuracy = _smooth(curves.validation_accuracy)
        self.now = float(np.median(accuracy[-3:]))
        self.now_nll = float(np.median(nll[-3:]))
        self.held_now = float(self.held_accuracy[-1])
        # Batches with dropout on say less than the network knows.
        known = max(self.now, self.held_now) if curves.noisy_train else self.now
        self.learned = (known - curves.guess_accuracy) / max(1e-9, 1 - curves.guess_accuracy)
        # The least validation NLL: from there on it does not get better.
        about = int(np.nanargmin(self.held_nll))
        near = slice(max(0, about - 1), about + 2)
        self.at = near.start + int(np.nanargmin(curves.validation_nll[near]))
        self.since = round(float(curves.epochs[self.at]))
        error = curves.validation_nll_error
        spread = 0.0 if error is None else float(np.nanmedian(error[-3:]))
        if not spread > 0:  # without one: as if each image's NLL varied by as much as it costs
            spread = float(self.held_nll[self.at]) / math.sqrt(max(1, curves.validation_images))
        self.rise = float(self.held_nll[-1] - self.held_nll[self.at])
        # The images are the same at both epochs: their difference varies less than either.
        chance = max(ERRORS * spread * math.sqrt(0.5), 2 * _jumps(curves.validation_nll))
        self.rises = self.rise > chance and self.at < len(nll) - 2
        # Which of the same images are right changes less than which of new ones: half the variance.
        share = self.held_now * (1 - self.held_now) / max(1, curves.validation_images)
        self.accuracy_error = math.sqrt(share)
        self.fall = float(np.nanmax(self.held_accuracy) - self.held_now)
        self.falls = self.fall > ERRORS * self.accuracy_error
        self.space = float(np.median(self.gap.accuracy[-3:]))
        self.space_error = float(np.median(self.gap.accuracy_error[-3:]))
        if not self.space_error > 0:
            self.space_error = 1 / max(1, curves.validation_images)
        self.jumps = _jumps(nll)
        self.unsteady = self.jumps > 0.05 * curves.guess_nll
        span = max(LEAST_EPOCHS, len(nll) // 3)
        slope = float(np.polyfit(np.arange(span), nll[-span:], 1)[0])
        self.still = -slope * span < FLAT * curves.guess_nll

    @property
    def images_meant(self) -> str:
        """What a share of the training images counts: under label noise, where so many were told
        a wrong label, those whose label is right."""
        noisy = self.curves.clean_accuracy is not None
        return "training images with a right label" if noisy else "training images"

    @property
    def measured(self) -> tuple[tuple[str, str], ...]:
        """The numbers that every verdict shows."""
        curves = self.curves
        train = "Training accuracy"
        if curves.clean_accuracy is not None:
            train += ", right labels"
        rows = [
            (train, _percent(self.now)),
            ("Validation accuracy", f"{_percent(self.held_now)} ± {_points(self.accuracy_error)}"),
            ("Gap", f"{_points(self.space)} ± {_points(self.space_error)} points"),
            ("Validation NLL, least", f"{self.held_nll[self.at]:.3g} at epoch {self.since}"),
            ("Validation NLL, now", f"{self.held_nll[-1]:.3g}"),
        ]
        if curves.validation_ece is not None:
            rows.append(("Calibration error", _percent(float(curves.validation_ece[-1]))))
        if curves.given is not None and curves.wrong_images:
            rows.append(("Wrong labels learned", _percent(float(curves.given[-1]))))
        rows.append(("Guessing", _percent(curves.guess_accuracy)))
        return tuple(rows)

    @property
    def notes(self) -> tuple[str, ...]:
        """What might mislead somebody who looks at the curves."""
        found = []
        curves = self.curves
        if curves.noisy_train:
            masked = any(self.spec.get(name) for name in ("dropout", "mixup", "shift", "crop"))
            found.append(
                "Training values are means over batches"
                + (
                    ", with dropout or augmentation on: they look worse than the network is."
                    if masked
                    else " while it still learned: they lag behind."
                )
            )
        if self.space < -ERRORS * self.space_error and not curves.noisy_train:
            found.append("The validation images are easier than the training images by chance.")
        return tuple(found)

    def verdict(self, kind: str, sentence: str, step: str, *notes: str, epoch: int = 0) -> Verdict:
        return Verdict(kind, sentence, self.measured, step, (*notes, *self.notes), epoch)

    def diverging(self) -> Verdict | None:
        """The training NLL is well above its least, or it shot up and nothing was learned since."""
        peak = float(np.nanmax(self.nll))
        if peak > 3 * self.curves.guess_nll and self.learned < 0.1:
            at = round(float(self.curves.epochs[int(np.nanargmax(self.nll))]))
            return self.verdict(
                "diverging",
                f"Diverging: training NLL shot up to {peak:.3g} by epoch {at}, where guessing has "
                f"{self.curves.guess_nll:.3g}; nothing was learned since.",
                _slower(self.spec),
                epoch=at,
            )
        least = float(np.nanmin(_smooth(self.nll)))
        guess = self.curves.guess_nll
        worse = self.now_nll - least > 0.15 * guess and self.now_nll > 1.5 * least
        lost = self.now_nll > 1.5 * guess
        if not (worse or lost) or (self.unsteady and self.now_nll < guess):
            return None
        at = round(float(self.curves.epochs[int(np.nanargmin(_smooth(self.nll)))]))
        return self.verdict(
            "diverging",
            f"Diverging: training NLL rose from {least:.3g} at epoch {at} to {self.now_nll:.3g}.",
            _slower(self.spec),
            epoch=at,
        )

    def memorising(self) -> Verdict | None:
        """Wrong labels are said more often than the network that ignores them would."""
        curves = self.curves
        if curves.given is None or curves.wrong_images < 10:
            return None
        given = _smooth(curves.given)
        # A network that has learned the right classes says a wrong label when it errs, only.
        chance = np.clip(1 - self.held_accuracy, 0, 1) / 2
        error = ERRORS * np.sqrt(0.25 / curves.wrong_images)
        beyond = given > np.maximum(0.15, chance) + error / 2
        if not beyond[-1]:
            return None
        first = len(beyond) - int(np.argmin(beyond[::-1])) if not beyond.all() else 0
        epoch = round(float(curves.epochs[first]))
        lost = f", and validation accuracy has fallen by {_points(self.fall)} points"
        return self.verdict(
            "memorising",
            f"Memorising noise since epoch {epoch}: it says {_percent(float(given[-1]))} of the "
            f"wrong labels it was given{lost if self.falls else ''}.",
            f"{'Lower the patience' if self.spec.get('patience') else 'Stop early (patience 5)'}, "
            "shrink the network, or take a loss that bears noise, such as generalised "
            "cross-entropy.",
            epoch=epoch,
        )

    def stuck(self) -> Verdict | None:
        """No better than guessing: neither network nor data are what fails."""
        if self.learned > 0.1 or not self.still:
            return None
        return self.verdict(
            "plateau",
            f"Plateau at guessing: {_percent(self.now)} of the {self.images_meant} after "
            f"{round(float(self.curves.epochs[-1]))} epochs.",
            f"{_slower(self.spec)} If it stays, raise it tenfold: the step may be too small.",
        )

    def underfitting(self) -> Verdict | None:
        """The training images are not learned, and it is not the step that is to blame."""
        if self.learned >= LEARNED or (self.curves.noisy_train and self.held_now > self.now):
            return None
        if self.space > max(GAP, ERRORS * self.space_error) and self.rises:
            return None  # it overfits before it has learned all
        if self.unsteady:
            return self.verdict(
                "plateau",
                f"Plateau: training NLL jumps up and down by {self.jumps:.2g} an epoch, "
                f"around {self.now_nll:.3g}, instead of falling.",
                _slower(self.spec),
                "High training loss looks like underfitting; here the learning rate is to blame.",
            )
        if not self.still:
            return self.verdict(
                "underfitting",
                f"Underfitting so far: {_percent(self.now)} of the {self.images_meant}, and still "
                "improving.",
                "Train for more epochs before you change the network.",
            )
        return self.verdict(
            "underfitting",
            f"Underfitting: it stands still at {_percent(self.now)} of its own "
            f"{self.images_meant}.",
            _larger(self.spec),
        )

    def too_few(self) -> Verdict | None:
        """So few validation images that no gap can be told."""
        count = self.curves.validation_images
        if count >= LEAST_IMAGES:
            return None
        return self.verdict(
            "early",
            f"Not enough evidence: {count} validation images; a gap of "
            f"{_points(ERRORS * self.space_error)} points may be chance.",
            "Keep more images for validation.",
        )

    def overfitting(self) -> Verdict | None:
        """The gap is large beyond its error and has grown since validation NLL was the least, or
        both validation measures have got worse."""
        if self.at >= len(self.nll) - 2:
            return None
        gained = float(_smooth(self.nll)[self.at] - self.now_nll)
        at_best = float(np.median(self.gap.accuracy[max(0, self.at - 1) : self.at + 2]))
        wide = self.space > max(GAP, ERRORS * self.space_error)
        grown = self.space - at_best > self.space_error / 2 or gained > FLAT * self.curves.guess_nll
        worse = self.rises and self.falls
        if not (worse or (wide and grown and self.rises)):
            return None
        what = "fell" if self.fall > 0 else "held"
        change = f"validation accuracy {what} by {_points(self.fall)} points" if self.falls else (
            f"training is {_points(self.space)} points ahead"
        )  # fmt: skip
        notes: tuple[str, ...] = ()
        if not self.falls:
            notes = ("Validation accuracy itself has not fallen beyond its error.",)
        return self.verdict(
            "overfitting",
            f"Overfitting since epoch {self.since}: validation NLL rose by {self.rise:.2g} while "
            f"training NLL fell by {max(gained, 0):.2g}; {change}.",
            _tamer(self.spec, self.since),
            *notes,
            epoch=self.since,
        )

    def learned_by_heart(self) -> Verdict | None:
        """All of the training images are right and far fewer of those for validation, though those
        do not get worse: too few images for so large a network."""
        wide = self.space > max(2 * GAP, 1.5 * ERRORS * self.space_error)
        if self.now < 0.99 or not wide:
            return None
        spaces = _smooth(self.gap.accuracy)
        beyond = spaces > np.maximum(GAP, ERRORS * self.gap.accuracy_error)
        first = len(beyond) - int(np.argmin(beyond[::-1])) if not beyond.all() else 0
        epoch = round(float(self.curves.epochs[min(first, len(beyond) - 1)]))
        return self.verdict(
            "overfitting",
            f"Overfitting since epoch {epoch}: {_percent(self.now)} of its own {self.images_meant} "
            f"and {_percent(self.held_now)} of the validation images, {_points(self.space)} points "
            "apart.",
            f"Train on more images than {self.curves.train_images:,}, augment them, or shrink the "
            "network.",
            "Validation accuracy does not fall, so stopping early gains little.",
            epoch=epoch,
        )

    def overconfident(self) -> Verdict | None:
        """NLL rises, accuracy holds, the gap is small."""
        if not self.rises:
            return None
        ece, said = self.curves.validation_ece, ""
        if ece is not None:
            now, then = float(ece[-1]), float(ece[self.at])
            said = f" (calibration error {_percent(then)} then, {_percent(now)} now)"
        return self.verdict(
            "overconfident",
            f"Overconfident since epoch {self.since}: validation NLL rose by {self.rise:.2g} while "
            f"accuracy held{said}. It is miscalibrated, not overfitted.",
            f"If you need its probabilities, stop at epoch {self.since}, or try label smoothing; "
            "if you need its answers only, leave it.",
            epoch=self.since,
        )

    def plateau(self) -> Verdict | None:
        """Nothing has moved for more than half of the run."""
        half = len(self.nll) // 2
        if half < 6 or self.learned > SETTLED:
            return None
        fell = float(np.median(self.nll[half : half + 3])) - self.now_nll
        if fell > FLAT / 4 * self.curves.guess_nll:
            return None
        epoch = round(float(self.curves.epochs[half]))
        return self.verdict(
            "plateau",
            f"Plateau: training NLL has fallen by {max(0.0, fell):.2g} only since epoch {epoch}.",
            "Divide the learning rate by 3, or let it fall (schedule: cosine).",
            epoch=epoch,
        )

    def fitting(self) -> Verdict:
        """What is left: it learns, and what it learns holds."""
        notes = []
        sure = self.space > ERRORS * self.space_error
        if sure:
            early = max(1, len(self.nll) // 3)
            before = float(np.median(self.gap.accuracy[early : early + 3]))
            if self.space - before < self.space_error:
                notes.append(
                    "The gap was there early and has not grown: these validation images may be the "
                    "harder ones. Another seed draws others."
                )
            chance = _points(ERRORS * self.space_error)
            said = f"the gap of {_points(self.space)} points ({chance} may be chance) is steady"
            said = said if notes else (
                f"the gap is {_points(self.space)} points, and validation loss does not rise"
            )  # fmt: skip
        else:
            said = f"the gap of {_points(self.space)} points is within chance"
        still = "" if self.still else " It still improves: more epochs may help."
        return self.verdict(
            "fitting",
            f"Fitting: {_percent(self.now)} of the {self.images_meant} and "
            f"{_percent(self.held_now)} of the validation images; {said}.",
            ("Train for more epochs." if self.curves.over else "Let it train on.")
            if still
            else "Done: more data, not more epochs, would help now.",
            *notes,
        )


def _trained(curves: Curves) -> tuple[np.ndarray, np.ndarray, int]:
    """Accuracy and NLL of training images with right labels, and how many they are."""
    if curves.clean_accuracy is None or curves.clean_nll is None:
        return curves.train_accuracy, curves.train_nll, curves.train_images
    return curves.clean_accuracy, curves.clean_nll, curves.train_images - curves.wrong_images


def _stopped_early(curves: Curves) -> Verdict:
    """Of a run whose best weights were restored, those weights are judged."""
    keep = curves.epochs <= curves.best_epoch + 1e-6
    arrays: dict[str, Any] = {
        name: value[keep]
        for name in Curves.__dataclass_fields__
        if isinstance(value := getattr(curves, name), np.ndarray)
    }
    last = float(curves.epochs[-1])
    found = judge(replace(curves, **arrays, best_epoch=0, over=True))
    if found.kind == "early":
        found = replace(
            found,
            sentence=f"Not enough evidence: the best epoch came after {curves.best_epoch} of the "
            f"{LEAST_EPOCHS} epochs that a verdict needs.",
            step="Divide the learning rate by 3: the best epoch then comes later.",
        )
    elif "more epochs" in found.step:  # validation loss told that they do not help
        found = replace(found, step=STOPPED)
    note = (
        f"Early stopping: of {last:g} epochs, epoch {curves.best_epoch} had the least validation "
        "loss; its weights are restored, and the numbers are its own."
    )
    return replace(found, notes=(note, *found.notes))


def _diverged_to_nan(curves: Curves) -> Verdict:
    rows = [("Epochs measured", str(len(curves.epochs)))]
    if len(curves.epochs):
        rows.append(("Validation NLL, last", f"{curves.validation_nll[-1]:.3g}"))
    return Verdict(
        "diverging",
        "Diverging: the loss or its gradient stopped being a number.",
        tuple(rows),
        _slower(curves.spec),
    )


def _smooth(values: np.ndarray) -> np.ndarray:
    """The median of each value and its two neighbours: one lucky epoch is none."""
    if len(values) < 3:
        return values
    padded = np.concatenate([values[:1], values, values[-1:]])
    found: np.ndarray = np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0)
    return found


def _jumps(values: np.ndarray) -> float:
    """By how much a curve goes up and down again in its second half: the lesser of its mean rise
    and its mean fall an epoch, 0 for one that only falls or only rises."""
    steps = np.diff(values[len(values) // 2 :])
    return float(min(np.clip(steps, 0, None).mean(), np.clip(-steps, 0, None).mean()))


def _slower(spec: Mapping[str, Any]) -> str:
    rate = spec.get("learning_rate")
    return f"Divide the learning rate by 10, to {rate / 10:g}." if rate else "Lower the step."


def _larger(spec: Mapping[str, Any]) -> str:
    if spec.get("dropout", 0) >= 0.3 or spec.get("l2", 0) >= 1e-3:
        return "Weaken the regularisation: dropout or L2 hold it back."
    width = spec.get("width")
    return f"Enlarge the network: width {2 * width}, say." if width else "Enlarge the network."


def _tamer(spec: Mapping[str, Any], epoch: int) -> str:
    if not spec.get("patience"):
        return f"Stop early: patience 5 would have kept the weights of about epoch {epoch}."
    if not spec.get("dropout"):
        return "Add dropout 0.3."
    return "Train on more images, or shrink the network."


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _points(share: float) -> str:
    return f"{100 * share:.1f}".replace("-", "−")


# From the store ---------------------------------------------------------------------------------


def _measured(store: Any, record: Any, started: Any) -> tuple[int, int]:
    """How many training images are measured, and of how many of them the label is wrong."""
    split = store.evaluation(record.id, "train")
    images = split.images if split is not None else (started.train_images if started else 0)
    return images, round(getattr(record.spec, "label_noise", 0.0) * images)


def gap_at_looks(
    store: Any, record: Any, after: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gap of accuracy at each look after a step, as the verdict has it: steps, gap, standard
    error, (N,) each. Empty where the training images are not measured. Raises StoreError."""
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


def read(store: Any, record: Any) -> Curves:
    """The curves of a run (`runs.store.Store`, `RunRecord`) at the ends of its epochs. Without
    `watch_fit` its own loss stands in for the NLL. Raises StoreError."""
    started = store.started(record.id)
    spec = record.spec.model_dump()
    an_epoch = started.steps_per_epoch if started is not None else 1
    nll = NLL if NLL in record.spec.measured else "loss"
    steps, held = store.series(record.id, f"validation_{nll}")
    ends = [number for number, step in enumerate(steps) if step % an_epoch == 0]
    at = steps[ends]

    def series(name: str) -> np.ndarray | None:
        found, values = store.series(record.id, name)
        if not len(found):
            return None
        place = {int(step): float(value) for step, value in zip(found, values, strict=True)}
        return np.array([place.get(int(step), np.nan) for step in at])

    def batches(name: str) -> np.ndarray:
        """The mean over the epoch before each look."""
        _, values = store.series(record.id, name)
        return np.array([np.mean(values[max(0, step - an_epoch) : step]) for step in at])

    watched = series(f"train_{nll}")
    guess = started.baseline if started is not None else {}
    images, wrong = _measured(store, record, started)
    accuracy = series("train_accuracy")
    return Curves(
        epochs=at / an_epoch,
        train_nll=batches("loss") if watched is None else watched,
        train_accuracy=batches("accuracy") if accuracy is None else accuracy,
        validation_nll=held[ends].astype(float),
        validation_accuracy=_or_nan(series("validation_accuracy"), len(at)),
        train_images=images,
        validation_images=started.validation_images if started is not None else 0,
        validation_nll_error=series("validation_nll_error"),
        train_nll_error=series("train_nll_error"),
        validation_ece=series(f"validation_{ECE}"),
        clean_nll=series("train_clean_nll"),
        clean_accuracy=series("train_clean_accuracy"),
        given=series("train_given_accuracy"),
        true=series("train_true_accuracy"),
        wrong_images=wrong,
        guess_accuracy=guess.get("accuracy", 0.1),
        guess_nll=guess.get("nll", math.log(10)),
        noisy_train=watched is None,
        nonfinite=record.state == "failed" and record.kind == "nonfinite",
        best_epoch=restored(store.marks(record.id)),
        over=not record.live,
        spec=spec,
    )


def _or_nan(values: np.ndarray | None, count: int) -> np.ndarray:
    return np.full(count, np.nan) if values is None else values


KINDS: Sequence[str] = (
    "early",
    "underfitting",
    "fitting",
    "overfitting",
    "overconfident",
    "memorising",
    "plateau",
    "diverging",
)
