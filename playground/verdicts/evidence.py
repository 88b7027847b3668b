"""The curves of a run and what of them every question asks: where it stands, what moved, by how
much more than chance."""

import math
from functools import cached_property

import numpy as np

from playground.verdicts.collapse import LOST, POINT, apart
from playground.verdicts.curves import Curves, gap, trained
from playground.verdicts.words import Next, Verdict, listed, percent, points

LEAST_EPOCHS = 4  # evaluations at an epoch's end, before it is said how well a run fits
LEAST_EVALUATIONS = 3  # in a row after a whole epoch, before it is said that it does not learn
ERRORS = 2.0  # standard errors that a difference must have to count
GAP = 0.05  # of accuracy: a smaller one is no overfitting, however sure it is
LEARNED = 0.85  # of what lies between guessing and all right: less on training images is underfit
SETTLED = 0.93  # of the same: one that stands still above it is done
FLAT = 0.02  # of what guessing costs: NLL that falls by less over a third of the run stands still


class Evidence:
    """What is measured. Whether something counts is decided on the median of the last three epochs;
    what is quoted is the last of them, as the chart shows it."""

    def __init__(self, curves: Curves) -> None:
        self.curves = curves
        self.spec = curves.spec
        accuracy, nll, self.images = trained(curves)
        self.gap = gap(curves)
        self.nll, self.accuracy = nll, accuracy
        self.held_nll = smooth(curves.validation_nll)
        self.held_accuracy = smooth(curves.validation_accuracy)
        self.now = float(np.median(accuracy[-3:]))
        self.now_nll = float(np.median(nll[-3:]))
        self.held_now = float(self.held_accuracy[-1])
        # Batches with dropout on say less than the network knows.
        self.best_now = max(self.now, self.held_now) if curves.noisy_train else self.now
        self.learned = self.above_guessing(self.best_now)
        self._turn(curves)
        self._space()
        self.jumps = jumps(nll)
        self.unsteady = self.jumps > 0.05 * curves.guess_nll
        span = max(LEAST_EPOCHS, len(nll) // 3)
        slope = float(np.polyfit(np.arange(span), nll[-span:], 1)[0])
        self.still = -slope * span < FLAT * curves.guess_nll

    def _turn(self, curves: Curves) -> None:
        """The least validation NLL: from there on it does not get better."""
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
        chance = max(ERRORS * spread * math.sqrt(0.5), 2 * jumps(curves.validation_nll))
        self.rises = self.rise > chance and self.at < len(self.nll) - 2

    def _space(self) -> None:
        """The gap, and how far validation accuracy has fallen."""
        # Which of the same images are right changes less than which of new ones: half the variance.
        share = self.held_now * (1 - self.held_now) / max(1, self.curves.validation_images)
        self.accuracy_error = math.sqrt(share)
        self.fall = float(np.nanmax(self.held_accuracy) - self.held_now)
        self.falls = self.fall > ERRORS * self.accuracy_error
        self.space = float(np.median(self.gap.accuracy[-3:]))
        self.space_error = float(np.median(self.gap.accuracy_error[-3:]))
        if not self.space_error > 0:
            self.space_error = 1 / max(1, self.curves.validation_images)

    def above_guessing(self, accuracy: float) -> float:
        """What share an accuracy is of all that lies between guessing and all right."""
        guess = self.curves.guess_accuracy
        return (accuracy - guess) / max(1e-9, 1 - guess)

    @property
    def wide(self) -> bool:
        """Whether the gap is wide beyond its error."""
        return self.space > max(GAP, ERRORS * self.space_error)

    @property
    def said(self) -> str:
        """The training accuracy as the chart shows it."""
        return percent(float(self.accuracy[-1]))

    @property
    def images_meant(self) -> str:
        """What a share of the training images counts: under label noise, where so many were told
        a wrong label, those whose label is right."""
        noisy = self.curves.clean_accuracy is not None
        return "training images with a right label" if noisy else "training images"

    @cached_property
    def measured(self) -> tuple[tuple[str, str], ...]:
        """The numbers that every verdict shows."""
        curves = self.curves
        train = "Training accuracy"
        if curves.clean_accuracy is not None:
            train += ", right labels"
        space = float(self.gap.accuracy[-1])
        rows = [
            (train, self.said),
            ("Validation accuracy", f"{percent(self.held_now)} ± {points(self.accuracy_error)}"),
            ("Gap", f"{points(space)} ± {points(self.space_error)} points"),
            ("Validation NLL, least", f"{self.held_nll[self.at]:.3g} at epoch {self.since}"),
            ("Validation NLL, now", f"{self.held_nll[-1]:.3g}"),
        ]
        if curves.validation_ece is not None:
            rows.append(("Calibration error", percent(float(curves.validation_ece[-1]))))
        if curves.given is not None and curves.wrong_images:
            rows.append(("Wrong labels learned", percent(float(curves.given[-1]))))
        rows.append(("Guessing", f"{percent(curves.guess_accuracy)}, NLL {curves.guess_nll:.3g}"))
        return tuple(rows)

    @property
    def never_answered(self) -> str:
        """Which classes are never the answer, at no recent evaluation; "" if all are."""
        names, counts = self.curves.missing, self.curves.evaluations.get("unanswered")
        if not names or counts is None or len(counts) < 3 or np.nanmin(counts[-3:]) < 1:
            return ""
        verb = "is" if len(names) == 1 else "are"
        of = f"{len(names)} of {self.curves.classes} classes"
        return f"{listed(names)} {verb} never the answer: {of}."

    @property
    def notes(self) -> tuple[str, ...]:
        """What might mislead somebody who looks at the curves."""
        found = [self.never_answered] if self.never_answered else []
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

    def verdict(
        self,
        kind: str,
        sentence: str,
        step: Next,
        *notes: str,
        epoch: int = 0,
        cause: str = "",
    ) -> Verdict:
        """A verdict of a kind with all that was measured."""
        unsaid = tuple(note for note in (*notes, *self.notes) if note not in sentence)
        return Verdict(
            kind,
            sentence,
            self.measured,
            step.words,
            unsaid,
            epoch,
            cause,
            step.change,
            step.respect,
        )


class History:
    """What every evaluation and every step of a run says, from its beginning on: enough to tell
    whether it learns at all, long before `LEAST_EPOCHS` are over. NaN where nothing was
    recorded."""

    def __init__(self, curves: Curves) -> None:
        self.curves, self.spec, self.known = curves, curves.spec, curves.known
        epochs = curves.evaluations.get("epochs", np.zeros(0))
        if curves.best_epoch:  # what came after it is undone
            epochs = epochs[epochs <= curves.best_epoch + 1e-6]
        self.epochs = epochs

    def of(self, name: str) -> np.ndarray:
        """A number of `curves.EVALUATED` at every evaluation."""
        found = self.curves.evaluations.get(name)
        return np.full(len(self.epochs), np.nan) if found is None else found[: len(self.epochs)]

    def first(self, name: str) -> float:
        """At the first evaluation, of a network that has hardly begun."""
        return float(self.of(name)[0]) if len(self.epochs) else math.nan

    def last(self, name: str) -> float:
        """At the last evaluation."""
        return float(self.of(name)[-1]) if len(self.epochs) else math.nan

    def step(self, name: str) -> np.ndarray:
        """A number of `curves.STEPS` at every step."""
        return self.curves.steps.get(name, np.zeros(0))

    @cached_property
    def recent(self) -> np.ndarray:
        """Which evaluations are the last `LEAST_EVALUATIONS`; none of a run that has not had as
        many after a whole epoch."""
        after = np.flatnonzero(self.epochs >= 1)
        return after[-LEAST_EVALUATIONS:] if len(after) >= LEAST_EVALUATIONS else after[:0]

    @property
    def enough(self) -> bool:
        """Whether there were evaluations enough to say that it does not learn."""
        return len(self.recent) > 0

    @cached_property
    def accuracy(self) -> float:
        """The best accuracy of the recent evaluations."""
        return float(np.max(self.of("accuracy")[self.recent])) if self.enough else math.nan

    @cached_property
    def chance(self) -> float:
        """What an accuracy may be and still be that of guessing."""
        guess, images = self.curves.guess_accuracy, max(1, self.curves.validation_images)
        return guess + ERRORS * math.sqrt(guess * (1 - guess) / images)

    @property
    def guesses(self) -> bool:
        """Whether all recent evaluations are no better than guessing."""
        return self.enough and self.accuracy <= self.chance

    @property
    def learned(self) -> float:
        """What share of all that lies between guessing and all right the validation images get."""
        guess = self.curves.guess_accuracy
        return (self.accuracy - guess) / max(1e-9, 1 - guess)

    @property
    def classes_apart(self) -> tuple[float, float]:
        """How far the features tell the classes apart, at the first evaluation and at the last:
        kNN's share of what lies between guessing and all right."""
        shares = apart(self.of("knn"), self.curves.guess_accuracy)
        return float(shares[0]), float(shares[-1])

    @property
    def fallen_together(self) -> bool:
        """Whether the features tell less apart than those of the untrained network: all on one
        point, or a nearest neighbour that is right no more often than by chance."""
        if self.last("spread") < POINT:
            return True
        before, now = self.classes_apart
        return bool(now < LOST and before > 2 * max(now, 0.0))

    @property
    def strongest_term(self) -> tuple[str, float]:
        """The term whose gradient at the features is the largest at the first evaluation, and how
        many times larger than those of all others together; "" of a loss of one term, or where
        the others have none there yet, such as a distillation before there is a teacher."""
        norms = {text: float(each[0]) for text, each in self.curves.terms.items() if len(each)}
        if len(norms) < 2:
            return "", math.nan
        strong = max(norms, key=norms.__getitem__)
        rest = sum(norm for text, norm in norms.items() if text != strong)
        return (strong, norms[strong] / rest) if rest > 0 else ("", math.nan)

    @property
    def progress(self) -> str:
        """How far NLL has come, first to last evaluation, in words; of a run of an earlier version
        how many answers are right."""
        if math.isnan(self.first("nll")):
            right = percent(self.last("accuracy"))
            return f"{right} are right after {self.epochs[-1]:.3g} epochs"
        first, last = self.first("nll"), self.last("nll")
        return f"NLL went from {first:.3g} to {last:.3g} in {self.epochs[-1]:.3g} epochs"


def smooth(values: np.ndarray) -> np.ndarray:
    """The median of each value and its two neighbours: one lucky epoch is none."""
    if len(values) < 3:
        return values
    padded = np.concatenate([values[:1], values, values[-1:]])
    found: np.ndarray = np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0)
    return found


def jumps(values: np.ndarray) -> float:
    """By how much a curve goes up and down again in its second half: the lesser of its mean rise
    and its mean fall an epoch, 0 for one that only falls or only rises."""
    steps = np.diff(values[len(values) // 2 :])
    return float(min(np.clip(steps, 0, None).mean(), np.clip(-steps, 0, None).mean()))
