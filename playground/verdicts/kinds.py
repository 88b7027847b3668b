"""How well a run fits that learns something: one question for each kind of verdict."""

from collections.abc import Callable

import numpy as np

from playground.verdicts import steps
from playground.verdicts.causes import TWICE
from playground.verdicts.evidence import (
    ERRORS,
    FLAT,
    GAP,
    LEARNED,
    LEAST_EPOCHS,
    SETTLED,
    Evidence,
    smooth,
)
from playground.verdicts.words import Next, Verdict, percent, points

LEAST_IMAGES = 30  # validation images, before a gap is looked at
HEART = 0.99  # of its own images right: all is learned
YAWNING = 0.15  # a gap so wide is no chance of a split and no lag of the batches
HARDER = 0.1  # up to such a gap these validation images may be the harder ones
TIMES = 3.0  # as many images of the commonest class as of the rarest: an imbalance


def diverging(e: Evidence) -> Verdict | None:
    """The training NLL is well above its least, or it shot up and nothing was learned since. Where
    the answers hold, a rising NLL is a matter of how sure they are."""
    peak = float(np.nanmax(e.nll))
    if peak > 3 * e.curves.guess_nll and e.learned < 0.1:
        at = round(float(e.curves.epochs[int(np.nanargmax(e.nll))]))
        return e.verdict(
            "diverging",
            f"Diverging: training NLL shot up to {peak:.3g} by epoch {at}, where guessing has "
            f"{e.curves.guess_nll:.3g}; nothing was learned since.",
            steps.slower(e.spec), epoch=at, cause="large rate" if steps.is_large(e.spec) else "",
        )  # fmt: skip
    least = float(np.nanmin(smooth(e.nll)))
    guess = e.curves.guess_nll
    worse = e.now_nll - least > 0.15 * guess and e.now_nll > 1.5 * least
    lost = e.now_nll > 1.5 * guess
    best = e.above_guessing(float(np.nanmax(smooth(e.accuracy))))
    if not (worse or lost) or (e.unsteady and e.now_nll < guess) or e.learned > 0.9 * best > 0.1:
        return None
    at = round(float(e.curves.epochs[int(np.nanargmin(smooth(e.nll)))]))
    return e.verdict(
        "diverging",
        f"Diverging: training NLL rose from {least:.3g} at epoch {at} to {e.nll[-1]:.3g}.",
        steps.slower(e.spec), epoch=at, cause="large rate" if steps.is_large(e.spec) else "",
    )  # fmt: skip


def memorising(e: Evidence) -> Verdict | None:
    """Wrong labels are said more often than the network that ignores them would."""
    curves = e.curves
    if curves.given is None or curves.wrong_images < 10:
        return None
    given = smooth(curves.given)
    # A network that has learned the right classes says a wrong label when it errs, only.
    chance = np.clip(1 - e.held_accuracy, 0, 1) / 2
    error = ERRORS * np.sqrt(0.25 / curves.wrong_images)
    beyond = given > np.maximum(0.15, chance) + error / 2
    if not beyond[-1]:
        return None
    first = len(beyond) - int(np.argmin(beyond[::-1])) if not beyond.all() else 0
    epoch = round(float(curves.epochs[first]))
    lost = f", and validation accuracy has fallen by {points(e.fall)} points"
    return e.verdict(
        "memorising",
        f"Memorising noise since epoch {epoch}: it says {percent(float(curves.given[-1]))} of the "
        f"wrong labels it was given{lost if e.falls else ''}.",
        steps.less_by_heart(e.spec), epoch=epoch, cause="noise",
    )  # fmt: skip


def stuck(e: Evidence) -> Verdict | None:
    """No better than guessing, and no cause was found."""
    if e.learned > 0.1 or not e.still:
        return None
    return e.verdict(
        "plateau",
        f"Plateau at guessing: {e.said} of the {e.images_meant} after "
        f"{round(float(e.curves.epochs[-1]))} epochs.",
        steps.beside(),
    )


def missing(e: Evidence) -> Verdict | None:
    """Classes that are never the answer, at no recent evaluation, where it is known why; where it
    is not, a note says so (`Evidence.notes`)."""
    rare = float(e.spec.get("imbalance", 1.0))
    said = e.never_answered
    if said and rare >= TIMES and e.spec.get("class_weights", "none") == "none":
        return e.verdict(
            "missing",
            f"{said} The commonest class has {rare:,.3g} times as many images as the rarest.",
            steps.balanced(), cause="imbalance",
        )  # fmt: skip
    if said and e.curves.known.warning(*TWICE):
        return e.verdict(
            "missing",
            f"{said} A second softmax flattens the probabilities and weakens the gradient.",
            steps.plain("Leave the second softmax out: that is cross-entropy."),
            cause="softmax twice",
        )  # fmt: skip
    if said and e.curves.known.forgives:
        return e.verdict(
            "missing",
            f"{said} This loss hardly teaches what is surely wrong, so that a class once lost "
            "stays lost.",
            Next("Take cross-entropy, or add some of it to the loss.", steps.PLAIN,
                 "classes answered"),
            cause="bounded",
        )  # fmt: skip
    return None


def too_few(e: Evidence) -> Verdict | None:
    """So few validation images that no gap can be told."""
    count = e.curves.validation_images
    if count >= LEAST_IMAGES:
        return None
    return e.verdict(
        "early",
        f"Not enough evidence: {count} validation images; a gap of "
        f"{points(ERRORS * e.space_error)} points may be chance.",
        Next("Keep more images for validation."),
    )


def overfitting(e: Evidence) -> Verdict | None:
    """The gap is large beyond its error and has grown since validation NLL was the least, or both
    validation measures have got worse."""
    if e.at >= len(e.nll) - 2:
        return None
    gained = float(smooth(e.nll)[e.at] - e.now_nll)
    at_best = float(np.median(e.gap.accuracy[max(0, e.at - 1) : e.at + 2]))
    grown = e.space - at_best > e.space_error / 2 or gained > FLAT * e.curves.guess_nll
    worse = e.rises and e.falls
    if not (worse or (e.wide and grown and e.rises)):
        return None
    what = "fell" if e.fall > 0 else "held"
    space = float(e.gap.accuracy[-1])
    change = f"validation accuracy {what} by {points(e.fall)} points" if e.falls else (
        f"training is {points(space)} points ahead"
    )  # fmt: skip
    notes: tuple[str, ...] = ()
    if not e.falls:
        notes = ("Validation accuracy itself has not fallen beyond its error.",)
    return e.verdict(
        "overfitting",
        f"Overfitting since epoch {e.since}: validation NLL rose by {e.rise:.2g} while "
        f"training NLL fell by {max(gained, 0):.2g}; {change}.",
        steps.tamer(e.spec, e.since), *notes, epoch=e.since, cause="overfitting",
    )  # fmt: skip


def yawning(e: Evidence) -> Verdict | None:
    """A gap so wide that it is no chance, though validation images do not get worse: at the end of
    learning as `learned_by_heart`, or long before it."""
    sure = e.space > 1.5 * ERRORS * e.space_error
    heart = e.now >= HEART and e.space > 2 * GAP
    if not sure or not (heart or e.space > YAWNING):
        return None
    spaces = smooth(e.gap.accuracy)
    beyond = spaces > np.maximum(GAP, ERRORS * e.gap.accuracy_error)
    first = len(beyond) - int(np.argmin(beyond[::-1])) if not beyond.all() else 0
    epoch = round(float(e.curves.epochs[min(first, len(beyond) - 1)]))
    return e.verdict(
        "overfitting",
        f"Overfitting since epoch {epoch}: {e.said} of its own {e.images_meant} "
        f"and {percent(e.held_now)} of the validation images, "
        f"{points(float(e.gap.accuracy[-1]))} points apart.",
        steps.more_images(e.curves.train_images, e.spec),
        *(() if e.falls else (
            "Validation accuracy does not fall, so stopping early gains little.",)),
        epoch=epoch, cause="overfitting",
    )  # fmt: skip


def jumping(e: Evidence) -> Verdict | None:
    """The training images are not learned, and NLL goes up and down instead of falling."""
    if e.learned >= LEARNED or not e.unsteady or (e.wide and e.rises):
        return None  # or it overfits before it has learned all
    return e.verdict(
        "plateau",
        f"Plateau: training NLL jumps up and down by {e.jumps:.2g} an epoch, "
        f"around {e.now_nll:.3g}, instead of falling.",
        steps.slower(e.spec, "training accuracy"),
        "High training loss looks like underfitting; here the learning rate is to blame.",
        cause="large rate",
    )  # fmt: skip


def underfitting(e: Evidence) -> Verdict | None:
    """The training images are not learned."""
    if e.learned >= LEARNED:
        return None
    if not e.still:
        return e.verdict(
            "underfitting",
            f"Underfitting so far: {e.said} of the {e.images_meant}, and still improving.",
            steps.longer(e.spec), cause="epochs",
        )  # fmt: skip
    stands = f"Underfitting: it stands still at {e.said} of its own {e.images_meant}"
    if steps.is_small(e.spec):
        return e.verdict(
            "underfitting", f"{stands}, at a learning rate far below the usual.",
            steps.faster(e.spec), cause="small rate",
        )  # fmt: skip
    step, cause = steps.larger(e.spec)
    return e.verdict("underfitting", f"{stands}.", step, cause=cause)


def overconfident(e: Evidence) -> Verdict | None:
    """NLL rises, accuracy holds, the gap is small."""
    if not e.rises:
        return None
    ece, said = e.curves.validation_ece, ""
    if ece is not None:
        now, then = float(ece[-1]), float(ece[e.at])
        said = f" (calibration error {percent(then)} then, {percent(now)} now)"
    return e.verdict(
        "overconfident",
        f"Overconfident since epoch {e.since}: validation NLL rose by {e.rise:.2g} while "
        f"accuracy held{said}. It is miscalibrated, not overfitted.",
        Next(
            f"If you need its probabilities, stop at epoch {e.since}, or try label smoothing; "
            "if you need its answers only, leave it.",
            {} if e.spec.get("patience") else {"patience": 5},
            "validation NLL",
        ),
        epoch=e.since,
    )


def plateau(e: Evidence) -> Verdict | None:
    """Nothing has moved for more than half of the run."""
    half = len(e.nll) // 2
    if half < 6 or e.learned > SETTLED:
        return None
    fell = float(np.median(e.nll[half : half + 3])) - e.now_nll
    if fell > FLAT / 4 * e.curves.guess_nll:
        return None
    epoch = round(float(e.curves.epochs[half]))
    rate = e.spec.get("learning_rate")
    change = {"learning_rate": float(f"{rate / 3:.3g}")} if rate else {}
    return e.verdict(
        "plateau",
        f"Plateau: training NLL has fallen by {max(0.0, fell):.2g} only since epoch {epoch}.",
        Next("Divide the learning rate by 3, or let it fall (schedule: cosine).", change,
             "training accuracy"),
        epoch=epoch,
    )  # fmt: skip


def fitting(e: Evidence) -> Verdict:
    """What is left: it learns, and what it learns holds."""
    notes = []
    sure = e.space > ERRORS * e.space_error
    space = points(float(e.gap.accuracy[-1]))
    if sure:
        early = max(1, len(e.nll) // 3)
        before = float(np.median(e.gap.accuracy[early : early + 3]))
        if e.space - before < e.space_error and e.space < HARDER:
            notes.append(
                "The gap was there early and has not grown: these validation images may be the "
                "harder ones. Another seed draws others."
            )
        chance = points(ERRORS * e.space_error)
        said = f"the gap of {space} points ({chance} may be chance) is steady"
        said = said if notes else (
            f"the gap is {space} points, and validation loss does not rise"
        )  # fmt: skip
    else:
        said = f"the gap of {space} points is within chance"
    still = "" if e.still else " It still improves: more epochs may help."
    more = Next("Train for more epochs." if e.curves.over else "Let it train on.",
                steps.longer(e.spec).change, "training accuracy")  # fmt: skip
    return e.verdict(
        "fitting",
        f"Fitting: {e.said} of the {e.images_meant} and "
        f"{percent(e.held_now)} of the validation images; {said}.",
        more if still else Next("More data, not more epochs, would help now."),
        *notes,
    )


ASKED: tuple[Callable[[Evidence], Verdict | None], ...] = (
    diverging,
    memorising,
    stuck,
    too_few,
    missing,
    jumping,
    overfitting,
    yawning,
    underfitting,
    overconfident,
    plateau,
)


def unmeasured() -> Verdict:
    """A run of a version that recorded no NLL."""
    return Verdict(
        "early",
        "Not enough evidence: this run was recorded before its negative log-likelihood was.",
        (),
        "Train it again.",
    )


def early(epochs: int, over: bool) -> Verdict:
    """Too little was measured to say how well it fits."""
    return Verdict(
        "early",
        f"Not enough evidence{'' if over else ' yet'}: {epochs} of {LEAST_EPOCHS} epochs measured.",
        (),
        f"Train for {LEAST_EPOCHS} epochs or more." if over else "Let it train.",
    )
