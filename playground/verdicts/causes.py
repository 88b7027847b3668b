"""Why a run does not learn: asked of every look and step, with what check and doctor say of its
loss, one cause after the other, the surest first. A question answers where its cause is shown by
numbers, and else says nothing: a run may be told nothing, but nothing false.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from playground.verdicts import steps
from playground.verdicts.collapse import LOST, POINT, apart
from playground.verdicts.evidence import Looks
from playground.verdicts.words import Next, Verdict, listed, percent

# Every cause that a verdict names, these and those of `kinds`, in a few words.
NAMES = {
    "not finite": "the loss stops being a finite number",
    "last layer": "no gradient reaches the last layer",
    "collapse": "the features of all images fall together",
    "wrong sign": "the loss rewards wrong answers",
    "swapped pairs": "pairs of one class are pushed apart",
    "unbounded": "the loss falls without end",
    "wrong optimum": "the loss does not ask for the right class",
    "no gradient": "no gradient reaches the network",
    "softmax twice": "a softmax of probabilities",
    "pixels": "pixels that are not normalised",
    "outweighed": "a term or the weight decay outweighs the rest",
    "large rate": "steps too large",
    "dead": "dead units",
    "saturated": "an activation that lets no gradient through",
    "weak": "a loss far weaker than cross-entropy",
    "small rate": "steps too small",
    "batch norm": "batch norm over tiny batches",
    "imbalance": "some classes are rare",
    "bounded": "a loss that forgives what is surely wrong",
    "regularised": "too much regularisation",
    "small net": "a network too small",
    "epochs": "too few epochs",
    "overfitting": "its own images are learned by heart",
    "noise": "wrong labels are learned by heart",
}
TWICE = ("softmax-twice", "from-logits")  # the language's codes for a softmax of probabilities
JUMP = 3.0  # times what guessing costs: an NLL that leaps there in a step was a step too long
NOTHING = 1e-9  # of the first gradients: what is smaller moves no weight
PULLED = 30.0  # a term that pulls so many times harder outweighs another
DECAY = 0.01  # L2 that may outweigh a loss
WEIGHTS = ("λ", "lambda", "lambda_", "lam", "lmbda", "weight")  # what a term's weight is called
SQUASHING = ("sigmoid", "tanh")
TINY = 8  # a batch below it has no mean and spread to speak of
STARVING = 0.7  # a dropout that leaves less than a third
HALF = 0.5  # learned so much, a run has other sorrows


def why_not_finite(look: Looks) -> Verdict | None:
    """A loss that broke: where in its text, in the words of the run itself."""
    failure = look.curves.failure
    if failure is None:
        return None
    rows = [("Epochs measured", str(len(look.curves.epochs)))]
    if len(look.curves.epochs):
        rows.append(("Validation NLL, last", f"{look.curves.validation_nll[-1]:.3g}"))
    message = str(failure.get("message") or "").split(" The weights")[0]
    if failure.get("where"):
        step = Next(str(failure.get("hint") or "Guard the marked part of the text."), {}, "finite")
        return Verdict("diverging", f"Diverging: {message}", tuple(rows), step.words,
                       cause="not finite", respect="finite")  # fmt: skip
    step, cause = steps.slower(look.spec, "finite"), "not finite"
    if look.spec.get("normalise") == "raw":
        step, cause = replace(steps.normalised(), respect="finite"), "pixels"
    elif steps.is_large(look.spec):
        cause = "large rate"
    return Verdict(
        "diverging", f"Diverging: {message or 'the loss or its gradient stopped being a number.'}",
        tuple(rows), step.words, cause=cause, change=step.change, respect=step.respect,
    )  # fmt: skip


def why_not_learning(look: Looks) -> Verdict | None:
    """Why a run learns nothing, or next to nothing; None where it learns, where there were too few
    looks, or where no cause is sure."""
    if not look.told:
        return None
    return next((found for ask in ASKED if (found := ask(look)) is not None), None)


def _say(
    look: Looks,
    cause: str,
    sentence: str,
    step: Next,
    *notes: str,
    kind: str = "plateau",
    rows: tuple[tuple[str, str], ...] = (),
) -> Verdict:
    curves = look.curves
    usual = (
        ("Validation accuracy", percent(look.last("accuracy"))),
        ("Validation NLL", f"{look.last('nll'):.3g}"),
        ("Guessing", f"{percent(curves.guess_accuracy)}, NLL {curves.guess_nll:.3g}"),
    )
    return Verdict(kind, sentence, (*rows, *usual), step.words, notes, 0, cause, step.change,
                   step.respect)  # fmt: skip


# The loss itself, as check and doctor have it ---------------------------------------------------


def _wrong_sign(look: Looks) -> Verdict | None:
    """It falls, and the right answers become ever less likely."""
    known = look.known
    worse = look.last("nll") > 1.5 * look.curves.guess_nll
    if not (look.guesses and worse and known.upside_down):
        return None
    if "labels" in known.inputs and known.endless and "upside-down" not in known.codes:
        return None  # a target beyond 1, which another sign does not mend
    reason = known.told("upside-down").get("message") or known.doctor["truth"]["sentence"]
    return _say(
        look, "wrong sign",
        f"It learns the opposite: its own loss falls while the right answers become less likely "
        f"(NLL {look.last('nll'):.3g}, guessing has {look.curves.guess_nll:.3g}). "
        f"{_sentence(reason)}",
        steps.negated(look.spec), kind="diverging",
    )  # fmt: skip


def _unbounded(look: Looks) -> Verdict | None:
    """Its own loss falls without end, and what it should teach is lost on the way."""
    known = look.known
    lost = look.last("nll") >= look.curves.guess_nll
    if not known.endless or look.learned > HALF or not lost:
        return None
    beyond = known.told("target-beyond-1").get("message", "")
    reason = beyond or known.told("unbounded").get("message") or known.unsound
    words = (
        "Write y_true in its place, or take binary cross-entropy."
        if beyond
        else "Bound the loss from below. To see that all else works, take cross-entropy."
    )
    step = Next(words, {"loss": "binary_crossentropy", "loss_parameters": {}},
                "validation accuracy") if beyond else steps.plain(words)  # fmt: skip
    return _say(
        look, "unbounded",
        f"Its own loss, {look.last('loss'):.3g} by now, has no lower bound, and following it down "
        f"leads astray: {percent(look.last('accuracy'))} right, NLL {look.last('nll'):.3g}. "
        f"{_sentence(reason)}",
        step, kind="diverging",
    )  # fmt: skip


def _wrong_optimum(look: Looks) -> Verdict | None:
    """It does what the loss asks for, and that is not the right class."""
    known = look.known
    if not look.guesses or known.says("truth") != "no" or known.upside_down:
        return None
    return _say(
        look, "wrong optimum",
        f"It stays at guessing, {percent(look.last('accuracy'))}: the loss does not ask for the "
        f"right class. {_sentence(str(known.doctor['truth']['sentence']))}",
        steps.plain("Mend the loss. To see that all else works, take cross-entropy."),
    )  # fmt: skip


def _no_gradient(look: Looks) -> Verdict | None:
    """The gradient was zero at every step."""
    norms = look.step("gradient_norm")
    if not len(norms) or not np.nanmax(norms) <= 1e-12:
        return None
    told = look.known.told("no-gradient-path", "zero-gradient", "constant", "no-gradient")
    reason = told.get("message") or look.known.unsound
    hint = told.get("hint") or "compare y_pred with y_true by something smooth"
    return _say(
        look, "no gradient",
        f"No gradient: it was zero at all {len(norms):,} steps, so no weight has moved. "
        f"{_sentence(reason)}".strip(),
        steps.plain(f"{_sentence(hint)} To see that all else works, take cross-entropy."),
    )  # fmt: skip


def _last_layer(look: Looks) -> Verdict | None:
    """The features are trained and the last layer is not: what counts is the embedding."""
    known = look.known
    if not known.trains_features_only:
        return None
    guess = look.curves.guess_accuracy
    rows = (
        ("Nearest neighbour right", percent(look.last("knn"))),
        ("Within, between classes", f"{look.last('within'):.3g}, {look.last('between'):.3g}"),
        ("Angle between classes", f"{look.last('angle'):.1f}°"),
    )
    step = steps.with_cross_entropy(look.spec, known.told("features-only").get("fix", ""))
    swapped = known.told("swapped-pairs")
    said = (
        f"No gradient reaches the last layer, so its {percent(look.last('accuracy'))} say nothing. "
        f"Judged by the embedding: a nearest neighbour is right for {percent(look.last('knn'))} of "
        f"the images (guessing {percent(guess)}, {percent(look.first('knn'))} untrained)"
    )
    if swapped:
        return _say(
            look, "swapped pairs", f"{_sentence(swapped['message'])} {said}.",
            Next(_sentence(swapped["hint"]), {}, "embedding"), kind="embedding", rows=rows,
        )  # fmt: skip
    if _together(look):
        margin = next((name for name in known.parameters if name.startswith("margin")), "")
        at = f", where all distances are 0 and only the {margin} is left of the loss"
        slow = steps.slower(look.spec, "embedding")
        return _say(
            look, "collapse",
            f"{said}: the features have fallen together{at if margin else ''}.",
            Next(f"{slow.words} Then add cross_entropy() for the last layer.", slow.change,
                 slow.respect),
            kind="collapsed", rows=rows,
        )  # fmt: skip
    return _say(
        look, "last layer",
        f"{said}; classes lie {look.last('angle'):.0f}° apart.",
        step, kind="embedding", rows=rows,
    )  # fmt: skip


def _twice(look: Looks) -> Verdict | None:
    """A second softmax flattens what the first has said."""
    told = look.known.told(*TWICE)
    if not told or look.learned > HALF:
        return None
    missing = ""
    if look.curves.missing:
        missing = f" {_never(look)}."
    return _say(
        look, "softmax twice",
        f"It hardly learns: {percent(look.last('accuracy'))}. {_sentence(told['message'])}"
        f"{missing}",
        steps.plain("Leave the second softmax out: that is cross-entropy."),
    )  # fmt: skip


# The settings and the weights ------------------------------------------------------------------


def _pixels(look: Looks) -> Verdict | None:
    """Pixels of 0 to 255 make every step 255 times as long."""
    if look.spec.get("normalise") != "raw" or look.learned > HALF:
        return None
    return _say(
        look, "pixels",
        f"The pixels are raw, 0 to 255: features and gradients are hundreds of times as large as "
        f"the network was made for, and it gets {percent(look.last('accuracy'))} right.",
        steps.normalised(),
    )  # fmt: skip


def _collapse(look: Looks) -> Verdict | None:
    """A pull on the features is stronger than what parts the classes."""
    known = look.known
    pulls = {"features", "partner_features", "negative_features", "centers"}
    if (not look.guesses and look.learned > HALF / 2) or pulls.isdisjoint(known.inputs):
        return None
    strong, times = _strongest(look)
    if not _together(look) and not (look.guesses and times > PULLED and _apart(look)[1] < LOST):
        return None
    said = (
        f"Collapsed: the features of all images have fallen together. A nearest neighbour is right "
        f"for {percent(look.last('knn'))} of them, {percent(look.first('knn'))} untrained."
    )
    weight = _weight(look, strong)
    if times > 1 and strong:
        said += f" At the first look {strong} pulled {times:,.3g} times harder than the rest."
        step = steps.weaker(look.spec, strong, times, weight, known.parameters)
    elif weight:
        step = steps.weaker(look.spec, strong, 100.0, weight, known.parameters)
    else:
        step = steps.slower(look.spec)
    return _say(look, "collapse", said, step, kind="collapsed")


def _outweighed(look: Looks) -> Verdict | None:
    """The weight decay, or a term, leaves nothing of what it should learn."""
    decay = float(look.spec.get("l2", 0.0))
    if look.learned > HALF:
        return None
    if decay >= DECAY and look.last("spread") < 0.1:
        return _say(
            look, "outweighed",
            f"The weight decay outweighs the loss: with L2 {decay:g} the features of all images "
            f"differ by {percent(look.last('spread'))} of their size, and "
            f"{percent(look.last('accuracy'))} are right.",
            steps.less_decay(look.spec),
        )  # fmt: skip
    strong, times = _strongest(look)
    if not strong or times < PULLED:
        return None
    return _say(
        look, "outweighed",
        f"{strong} outweighs the rest of the loss: at the first look it pulled the features "
        f"{times:,.3g} times harder, and {percent(look.last('accuracy'))} are right.",
        steps.weaker(look.spec, strong, times, _weight(look, strong), look.known.parameters),
    )  # fmt: skip


def _large_rate(look: Looks) -> Verdict | None:
    """A step went so far that what it should lessen leapt up, and little was learned since."""
    if look.learned > HALF:
        return None
    nll = look.step("nll")
    steep = JUMP * max(look.curves.guess_nll, float(nll[0]) if len(nll) else 0.0)
    over = np.flatnonzero(nll > steep)
    # What creeps up is no step too long: a loss that asks for wrong answers does that as well.
    if not len(over) or not _leapt(nll, int(over[0])):
        return None
    at = int(over[0])
    peak = at + int(np.nanargmax(nll[at : at + 10]))
    dead = look.last("dead")
    after = f" {percent(dead)} of the features are the same for every image since." if dead > 0.9 \
        else ""  # fmt: skip
    return _say(
        look, "large rate",
        f"The steps are too large: NLL leapt to {nll[peak]:.3g} at step {peak + 1:,}, where "
        f"guessing has {look.curves.guess_nll:.3g}, and {percent(look.last('accuracy'))} are "
        f"right.{after}",
        steps.slower(look.spec), kind="diverging" if look.guesses else "plateau",
    )  # fmt: skip


def _leapt(nll: np.ndarray, at: int) -> bool:
    """Whether it came there within a few steps, not over half of the run."""
    before = nll[max(0, at - 8) : at]
    return at < 8 or bool(nll[at] > 2 * np.median(before))


def _dead(look: Looks) -> bool:
    """Whether the gradient, which was there, is gone for good."""
    norms = look.step("gradient_norm")
    if len(norms) < 10:
        return False
    begun = float(np.nanmax(norms[:5]))
    return begun > 0 and bool(np.nanmax(norms[-5:]) <= NOTHING * begun)


def _dead_units(look: Looks) -> Verdict | None:
    """All units are silent for every image."""
    if not look.guesses or not look.last("dead") >= 0.99 or look.spec.get("l2", 0.0) >= DECAY:
        return None
    squashed = look.spec.get("activation") in SQUASHING
    if squashed:
        return None
    rate = steps.is_large(look.spec)
    step = steps.slower(look.spec) if rate else steps.leaky()
    return _say(
        look, "dead",
        "The network is dead: every feature is the same for every image, so that no gradient "
        "passes. A step too long has put all units where they stay silent.",
        step,
    )  # fmt: skip


def _saturated(look: Looks) -> Verdict | None:
    """A squashing activation lets next to nothing through."""
    name = str(look.spec.get("activation", ""))
    if name not in SQUASHING or not look.guesses or not look.last("spread") < 0.05:
        return None
    norms = look.step("gradient_norm")
    return _say(
        look, "saturated",
        f"The {name}s let next to nothing through: the features of two images differ by "
        f"{percent(look.last('spread'))} of their size, and the gradient is "
        f"{float(np.nanmedian(norms)) if len(norms) else math.nan:.2g}.",
        steps.another_activation(),
    )  # fmt: skip


def _weak(look: Looks) -> Verdict | None:
    """The loss' gradient is so small that the usual rate hardly moves anything."""
    if not look.known.faint or look.learned > HALF:
        return None
    if look.spec.get("optimizer") not in steps.SCALED:
        return None
    strength = look.known.strength
    return _say(
        look, "weak",
        f"The loss is too weak for this learning rate: its gradient on an untrained network is "
        f"{1 / strength:,.3g} times smaller than cross-entropy's, and {_moved(look)}.",
        steps.stronger(look.spec, strength),
    )  # fmt: skip


def _small_rate(look: Looks) -> Verdict | None:
    """It falls smoothly and far too slowly."""
    if look.learned > HALF or not steps.is_small(look.spec):
        return None
    rate = float(look.spec["learning_rate"])
    return _say(
        look, "small rate",
        f"The steps are too small: with a learning rate of {rate:g}, where "
        f"{steps.sane(look.spec):g} is usual, {_moved(look)}.",
        steps.faster(look.spec),
    )  # fmt: skip


def _batch_norm(look: Looks) -> Verdict | None:
    """The mean and spread of a handful of images are noise."""
    size = int(look.spec.get("batch_size", TINY))
    if not look.spec.get("batch_norm") or size >= TINY or look.learned > HALF:
        return None
    return _say(
        look, "batch norm",
        f"Batch norm takes mean and spread of {size} images at a time, which are mostly noise: "
        f"{percent(look.last('accuracy'))} are right once it takes those of all.",
        steps.larger_batches(),
    )  # fmt: skip


def _regularised(look: Looks) -> Verdict | None:
    """Dropout that leaves hardly anything to learn from."""
    share = float(look.spec.get("dropout", 0.0))
    if share < STARVING or look.learned > HALF:
        return None
    return _say(
        look, "regularised",
        f"Too much regularisation: dropout silences {share:.0%} of what the last hidden layer gets "
        f"in each step, and {percent(look.last('accuracy'))} are right.",
        Next("Lower dropout to 0.2.", {"dropout": 0.2}, "validation accuracy"),
    )  # fmt: skip


def _rate_at_chance(look: Looks) -> Verdict | None:
    """At guessing with a rate far above the usual, whatever the curves look like."""
    if not look.guesses or not steps.is_large(look.spec):
        return None
    rate = float(look.spec["learning_rate"])
    return _say(
        look, "large rate",
        f"It stays at guessing, {percent(look.last('accuracy'))}: the learning rate of {rate:g} is "
        f"{rate / steps.sane(look.spec):,.0f} times the usual.",
        steps.slower(look.spec),
    )  # fmt: skip


ASKED: tuple[Callable[[Looks], Verdict | None], ...] = (
    _last_layer,
    _no_gradient,
    _wrong_sign,
    _unbounded,
    _twice,
    _pixels,
    _collapse,
    _outweighed,
    _wrong_optimum,
    _large_rate,
    _dead_units,
    _saturated,
    _weak,
    _small_rate,
    _batch_norm,
    _regularised,
    _rate_at_chance,
)


# Shared ----------------------------------------------------------------------------------------


def _together(look: Looks) -> bool:
    """Whether the features tell less apart than those of the untrained network: all on one point,
    or a nearest neighbour that is right no more often than by chance."""
    if look.last("spread") < POINT:
        return True
    before, now = _apart(look)
    return bool(now < LOST and before > 2 * max(now, 0.0))


def _apart(look: Looks) -> tuple[float, float]:
    """How far the features tell the classes apart, at the first look and at the last: kNN's share
    of what lies between guessing and all right."""
    told = apart(look.of("knn"), look.curves.guess_accuracy)
    return float(told[0]), float(told[-1])


def _strongest(look: Looks) -> tuple[str, float]:
    """The term that pulls hardest at the features at the first look, and how many times harder than
    all others together; "" of a loss of one term."""
    pulls = {text: float(values[0]) for text, values in look.curves.terms.items() if len(values)}
    if len(pulls) < 2:
        return "", math.nan
    strong = max(pulls, key=pulls.__getitem__)
    rest = sum(pull for text, pull in pulls.items() if text != strong)
    return strong, pulls[strong] / rest if rest > 0 else math.inf


def _weight(look: Looks, term: str) -> str:
    """The parameter that weighs a term; "" where it has none."""
    named = [name for name in look.known.parameters if name in WEIGHTS]
    return next((name for name in named if not term or name in term), "")


def _moved(look: Looks) -> str:
    """How far NLL has come, first to last look; of a run of before, how many answers are right."""
    if math.isnan(look.first("nll")):
        return f"{percent(look.last('accuracy'))} are right after {look.epochs[-1]:.3g} epochs"
    first, last = look.first("nll"), look.last("nll")
    return f"NLL went from {first:.3g} to {last:.3g} in {look.epochs[-1]:.3g} epochs"


def _never(look: Looks) -> str:
    """Which classes are never the answer."""
    names = look.curves.missing
    verb = "is" if len(names) == 1 else "are"
    return f"{'Class' if len(names) == 1 else 'Classes'} {listed(names)} {verb} never the answer"


def _sentence(words: str) -> str:
    """With a capital at its start and a full stop at its end; "" of nothing."""
    end = "" if words.endswith(("?", ".")) else "."
    return f"{words[:1].upper()}{words[1:]}{end}" if words else ""
