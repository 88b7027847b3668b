"""Why a run does not learn: asked of every evaluation and step, with what check and doctor say
of its loss, one cause after the other, the surest first. A question answers where its cause is
shown by numbers, and else says nothing: a run may be told nothing, but nothing false.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from playground.verdicts import steps
from playground.verdicts.collapse import LOST
from playground.verdicts.evidence import History
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
PULLED = 30.0  # a term whose gradient is so many times larger outweighs another
DECAY = 0.01  # L2 that may outweigh a loss
WEIGHTS = ("λ", "lambda", "lambda_", "lam", "lmbda", "weight")  # what a term's weight is called
SQUASHING = ("sigmoid", "tanh")
TINY = 8  # a batch below it has no mean and spread to speak of
STARVING = 0.7  # a dropout that leaves less than a third
HALF = 0.5  # a run that has learned so much is held back by something else


def why_not_finite(run: History) -> Verdict | None:
    """A loss that broke: where in its text, in the words of the run itself."""
    failure = run.curves.failure
    if failure is None:
        return None
    rows = [("Epochs measured", str(len(run.curves.epochs)))]
    if len(run.curves.epochs):
        rows.append(("Validation NLL, last", f"{run.curves.validation_nll[-1]:.3g}"))
    message = str(failure.get("message") or "").split(" The weights")[0]
    if failure.get("where"):
        step = Next(str(failure.get("hint") or "Guard the marked part of the text."), {}, "finite")
        return Verdict("diverging", f"Diverging: {message}", tuple(rows), step.words,
                       cause="not finite", respect="finite")  # fmt: skip
    step, cause = steps.slower(run.spec, "finite"), "not finite"
    if run.spec.get("normalise") == "raw":
        step, cause = replace(steps.normalised(run.spec), respect="finite"), "pixels"
    elif steps.is_large(run.spec):
        cause = "large rate"
    return Verdict(
        "diverging", f"Diverging: {message or 'the loss or its gradient stopped being a number.'}",
        tuple(rows), step.words, cause=cause, change=step.change, respect=step.respect,
    )  # fmt: skip


def why_not_learning(run: History) -> Verdict | None:
    """Why a run learns nothing, or next to nothing; None where it learns, where there were too few
    evaluations, or where no cause is sure."""
    if not run.enough:
        return None
    return next((found for ask in ASKED if (found := ask(run)) is not None), None)


def _say(
    run: History,
    cause: str,
    sentence: str,
    step: Next,
    *notes: str,
    kind: str = "plateau",
    rows: tuple[tuple[str, str], ...] = (),
) -> Verdict:
    curves = run.curves
    usual = (
        ("Validation accuracy", percent(run.last("accuracy"))),
        ("Validation NLL", f"{run.last('nll'):.3g}"),
        ("Guessing", f"{percent(curves.guess_accuracy)}, NLL {curves.guess_nll:.3g}"),
    )
    return Verdict(kind, sentence, (*rows, *usual), step.words, notes, 0, cause, step.change,
                   step.respect)  # fmt: skip


# The loss itself, as check and doctor have it ---------------------------------------------------


def _wrong_sign(run: History) -> Verdict | None:
    """It falls, and the right answers become ever less likely."""
    known = run.known
    worse = run.last("nll") > 1.5 * run.curves.guess_nll
    if not (run.guesses and worse and known.upside_down):
        return None
    if "labels" in known.inputs and known.endless and "upside-down" not in known.codes:
        return None  # a target beyond 1, which another sign does not mend
    reason = known.warning("upside-down").get("message") or known.doctor["truth"]["sentence"]
    return _say(
        run, "wrong sign",
        f"It learns the opposite: its own loss falls while the right answers become less likely "
        f"(NLL {run.last('nll'):.3g}, guessing has {run.curves.guess_nll:.3g}). "
        f"{_sentence(reason)}",
        steps.negated(run.spec), kind="diverging",
    )  # fmt: skip


def _unbounded(run: History) -> Verdict | None:
    """Its own loss falls without end, and what it should teach is lost on the way."""
    known = run.known
    lost = run.last("nll") >= run.curves.guess_nll
    if not known.endless or run.learned > HALF or not lost:
        return None
    beyond = known.warning("target-beyond-1").get("message", "")
    reason = beyond or known.warning("unbounded").get("message") or known.unsound
    words = (
        "Write y_true in its place, or take binary cross-entropy."
        if beyond
        else "Bound the loss from below. To see that all else works, take cross-entropy."
    )
    step = Next(words, {"loss": "binary_crossentropy", "loss_parameters": {}},
                "validation accuracy") if beyond else steps.plain(words)  # fmt: skip
    return _say(
        run, "unbounded",
        f"Its own loss, {run.last('loss'):.3g} by now, has no lower bound, and following it down "
        f"leads astray: {percent(run.last('accuracy'))} right, NLL {run.last('nll'):.3g}. "
        f"{_sentence(reason)}",
        step, kind="diverging",
    )  # fmt: skip


def _wrong_optimum(run: History) -> Verdict | None:
    """It does what the loss asks for, and that is not the right class."""
    known = run.known
    if not run.guesses or known.says("truth") != "no" or known.upside_down:
        return None
    return _say(
        run, "wrong optimum",
        f"It stays at guessing, {percent(run.last('accuracy'))}: the loss does not ask for the "
        f"right class. {_sentence(str(known.doctor['truth']['sentence']))}",
        steps.plain("Mend the loss. To see that all else works, take cross-entropy."),
    )  # fmt: skip


def _no_gradient(run: History) -> Verdict | None:
    """The gradient was zero at every step."""
    norms = run.step("gradient_norm")
    if not len(norms) or not np.nanmax(norms) <= 1e-12:
        return None
    warned = run.known.warning("no-gradient-path", "zero-gradient", "constant", "no-gradient")
    reason = warned.get("message") or run.known.unsound
    hint = warned.get("hint") or "compare y_pred with y_true by something smooth"
    return _say(
        run, "no gradient",
        f"No gradient: it was zero at all {len(norms):,} steps, so no weight has moved. "
        f"{_sentence(reason)}".strip(),
        steps.plain(f"{_sentence(hint)} To see that all else works, take cross-entropy."),
    )  # fmt: skip


def _last_layer(run: History) -> Verdict | None:
    """The features are trained and the last layer is not: what counts is the embedding."""
    known = run.known
    if not known.trains_features_only:
        return None
    guess = run.curves.guess_accuracy
    rows = (
        ("Nearest neighbour right", percent(run.last("knn"))),
        ("Within, between classes", f"{run.last('within'):.3g}, {run.last('between'):.3g}"),
        ("Angle between classes", f"{run.last('angle'):.1f}°"),
    )
    step = steps.with_cross_entropy(run.spec, known.warning("features-only").get("fix", ""))
    swapped = known.warning("swapped-pairs")
    said = (
        f"No gradient reaches the last layer, so its {percent(run.last('accuracy'))} say nothing. "
        f"Judged by the embedding: a nearest neighbour is right for {percent(run.last('knn'))} of "
        f"the images (guessing {percent(guess)}, {percent(run.first('knn'))} untrained)"
    )
    if swapped:
        return _say(
            run, "swapped pairs", f"{_sentence(swapped['message'])} {said}.",
            Next(_sentence(swapped["hint"]), {}, "embedding"), kind="embedding", rows=rows,
        )  # fmt: skip
    if run.fallen_together:
        margin = next((name for name in known.parameters if name.startswith("margin")), "")
        at = f", where all distances are 0 and only the {margin} is left of the loss"
        slow = steps.slower(run.spec, "embedding")
        return _say(
            run, "collapse",
            f"{said}: the features have fallen together{at if margin else ''}.",
            Next(f"{slow.words} Then add cross_entropy() for the last layer.", slow.change,
                 slow.respect),
            kind="collapsed", rows=rows,
        )  # fmt: skip
    return _say(
        run, "last layer",
        f"{said}; classes lie {run.last('angle'):.0f}° apart.",
        step, kind="embedding", rows=rows,
    )  # fmt: skip


def _twice(run: History) -> Verdict | None:
    """A second softmax flattens what the first has said."""
    warned = run.known.warning(*TWICE)
    if not warned or run.learned > HALF:
        return None
    missing = ""
    if run.curves.missing:
        missing = f" {_never(run)}."
    return _say(
        run, "softmax twice",
        f"It hardly learns: {percent(run.last('accuracy'))}. {_sentence(warned['message'])}"
        f"{missing}",
        steps.plain("Leave the second softmax out: that is cross-entropy."),
    )  # fmt: skip


# The settings and the weights ------------------------------------------------------------------


def _pixels(run: History) -> Verdict | None:
    """Pixels of 0 to 255 make every step 255 times as long."""
    if run.spec.get("normalise") != "raw" or run.learned > HALF:
        return None
    return _say(
        run, "pixels",
        f"The pixels are raw, 0 to 255: features and gradients are hundreds of times as large as "
        f"the network was made for, and it gets {percent(run.last('accuracy'))} right.",
        steps.normalised(run.spec),
    )  # fmt: skip


def _collapse(run: History) -> Verdict | None:
    """A pull on the features is stronger than what parts the classes."""
    known = run.known
    embedding = {"features", "partner_features", "negative_features", "centers"}
    if (not run.guesses and run.learned > HALF / 2) or embedding.isdisjoint(known.inputs):
        return None
    strong, times = run.strongest_term
    if not run.fallen_together and not (
        run.guesses and times > PULLED and run.classes_apart[1] < LOST
    ):
        return None
    said = (
        f"Collapsed: the features of all images have fallen together. A nearest neighbour is right "
        f"for {percent(run.last('knn'))} of them, {percent(run.first('knn'))} untrained."
    )
    weight = _weight(run, strong)
    if times > 1 and strong:
        said += f" At the first evaluation {strong} pulled {times:,.3g} times harder than the rest."
        step = steps.weaker(run.spec, strong, times, weight, known.parameters)
    elif weight:
        step = steps.weaker(run.spec, strong, 100.0, weight, known.parameters)
    else:
        step = steps.slower(run.spec)
    return _say(run, "collapse", said, step, kind="collapsed")


def _outweighed(run: History) -> Verdict | None:
    """The weight decay, or a term, leaves nothing of what it should learn."""
    decay = float(run.spec.get("l2", 0.0))
    if run.learned > HALF:
        return None
    if decay >= DECAY and run.last("spread") < 0.1:
        return _say(
            run, "outweighed",
            f"The weight decay outweighs the loss: with L2 {decay:g} the features of all images "
            f"differ by {percent(run.last('spread'))} of their size, and "
            f"{percent(run.last('accuracy'))} are right.",
            steps.less_decay(run.spec),
        )  # fmt: skip
    strong, times = run.strongest_term
    if not strong or times < PULLED:
        return None
    return _say(
        run, "outweighed",
        f"{strong} outweighs the rest of the loss: at the first evaluation it pulled the features "
        f"{times:,.3g} times harder, and {percent(run.last('accuracy'))} are right.",
        steps.weaker(run.spec, strong, times, _weight(run, strong), run.known.parameters),
    )  # fmt: skip


def _large_rate(run: History) -> Verdict | None:
    """A step went so far that what it should lessen leapt up, and little was learned since."""
    if run.learned > HALF:
        return None
    nll = run.step("nll")
    steep = JUMP * max(run.curves.guess_nll, float(nll[0]) if len(nll) else 0.0)
    over = np.flatnonzero(nll > steep)
    # What creeps up is no step too long: a loss that asks for wrong answers does that as well.
    if not len(over) or not _leapt(nll, int(over[0])):
        return None
    at = int(over[0])
    peak = at + int(np.nanargmax(nll[at : at + 10]))
    dead = run.last("dead")
    after = f" {percent(dead)} of the features are the same for every image since." if dead > 0.9 \
        else ""  # fmt: skip
    return _say(
        run, "large rate",
        f"The steps are too large: NLL leapt to {nll[peak]:.3g} at step {peak + 1:,}, where "
        f"guessing has {run.curves.guess_nll:.3g}, and {percent(run.last('accuracy'))} are "
        f"right.{after}",
        steps.slower(run.spec), kind="diverging" if run.guesses else "plateau",
    )  # fmt: skip


def _leapt(nll: np.ndarray, at: int) -> bool:
    """Whether it came there within a few steps, not over half of the run."""
    before = nll[max(0, at - 8) : at]
    return at < 8 or bool(nll[at] > 2 * np.median(before))


def _dead(run: History) -> bool:
    """Whether the gradient, which was there, is gone for good."""
    norms = run.step("gradient_norm")
    if len(norms) < 10:
        return False
    begun = float(np.nanmax(norms[:5]))
    return begun > 0 and bool(np.nanmax(norms[-5:]) <= NOTHING * begun)


def _dead_units(run: History) -> Verdict | None:
    """All units are silent for every image."""
    if not run.guesses or not run.last("dead") >= 0.99 or run.spec.get("l2", 0.0) >= DECAY:
        return None
    squashed = run.spec.get("activation") in SQUASHING
    if squashed:
        return None
    rate = steps.is_large(run.spec)
    step = steps.slower(run.spec) if rate else steps.leaky()
    return _say(
        run, "dead",
        "The network is dead: every feature is the same for every image, so that no gradient "
        "passes. A step too long has put all units where they stay silent.",
        step,
    )  # fmt: skip


def _saturated(run: History) -> Verdict | None:
    """A squashing activation lets next to nothing through."""
    name = str(run.spec.get("activation", ""))
    if name not in SQUASHING or not run.guesses or not run.last("spread") < 0.05:
        return None
    norms = run.step("gradient_norm")
    return _say(
        run, "saturated",
        f"The {name}s let next to nothing through: the features of two images differ by "
        f"{percent(run.last('spread'))} of their size, and the gradient is "
        f"{float(np.nanmedian(norms)) if len(norms) else math.nan:.2g}.",
        steps.another_activation(),
    )  # fmt: skip


def _weak(run: History) -> Verdict | None:
    """The loss' gradient is so small that the usual rate hardly moves anything."""
    if not run.known.faint or run.learned > HALF:
        return None
    if run.spec.get("optimizer") not in steps.SCALED:
        return None
    strength = run.known.strength
    return _say(
        run, "weak",
        f"The loss is too weak for this learning rate: its gradient on an untrained network is "
        f"{1 / strength:,.3g} times smaller than cross-entropy's, and {run.progress}.",
        steps.stronger(run.spec, strength),
    )  # fmt: skip


def _small_rate(run: History) -> Verdict | None:
    """It falls smoothly and far too slowly."""
    if run.learned > HALF or not steps.is_small(run.spec):
        return None
    rate = float(run.spec["learning_rate"])
    return _say(
        run, "small rate",
        f"The steps are too small: with a learning rate of {rate:g}, where "
        f"{steps.sane(run.spec):g} is usual, {run.progress}.",
        steps.faster(run.spec),
    )  # fmt: skip


def _batch_norm(run: History) -> Verdict | None:
    """The mean and spread of a handful of images are noise."""
    size = int(run.spec.get("batch_size", TINY))
    if not run.spec.get("batch_norm") or size >= TINY or run.learned > HALF:
        return None
    return _say(
        run, "batch norm",
        f"Batch norm takes mean and spread of {size} images at a time, which are mostly noise: "
        f"{percent(run.last('accuracy'))} are right once it takes those of all.",
        steps.larger_batches(),
    )  # fmt: skip


def _regularised(run: History) -> Verdict | None:
    """Dropout that leaves hardly anything to learn from."""
    share = float(run.spec.get("dropout", 0.0))
    if share < STARVING or run.learned > HALF:
        return None
    return _say(
        run, "regularised",
        f"Too much regularisation: dropout silences {share:.0%} of what the last hidden layer gets "
        f"in each step, and {percent(run.last('accuracy'))} are right.",
        Next("Lower dropout to 0.2.", {"dropout": 0.2}, "validation accuracy"),
    )  # fmt: skip


def _rate_at_chance(run: History) -> Verdict | None:
    """At guessing with a rate far above the usual, whatever the curves run like."""
    if not run.guesses or not steps.is_large(run.spec):
        return None
    rate = float(run.spec["learning_rate"])
    return _say(
        run, "large rate",
        f"It stays at guessing, {percent(run.last('accuracy'))}: the learning rate of {rate:g} is "
        f"{rate / steps.sane(run.spec):,.0f} times the usual.",
        steps.slower(run.spec),
    )  # fmt: skip


ASKED: tuple[Callable[[History], Verdict | None], ...] = (
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


def _weight(run: History, term: str) -> str:
    """The parameter that weighs a term; "" where it has none."""
    named = [name for name in run.known.parameters if name in WEIGHTS]
    return next((name for name in named if not term or name in term), "")


def _never(run: History) -> str:
    """Which classes are never the answer."""
    names = run.curves.missing
    verb = "is" if len(names) == 1 else "are"
    return f"{'Class' if len(names) == 1 else 'Classes'} {listed(names)} {verb} never the answer"


def _sentence(words: str) -> str:
    """With a capital at its start and a full stop at its end; "" of nothing."""
    end = "" if words.endswith(("?", ".")) else "."
    return f"{words[:1].upper()}{words[1:]}{end}" if words else ""
