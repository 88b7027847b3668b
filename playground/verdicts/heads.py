"""How well the heads of a siamese network fit: of each its accuracy on the training batches, what
of it holds on pairs it never trained on, and which of them gives way.

Training values are means over the last epoch's batches, with dropout on, so a gap is rather wider
than said. A difference counts beyond two standard errors of so many images. A head whose output no
term of the loss names is not trained: it is not judged, and that is said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from playground import naming, tasks, trainable
from playground.training.changes import as_changed
from playground.verdicts import causes, conflict, diagnosis, fit
from playground.verdicts.diagnosis import Diagnosis
from playground.verdicts.evidence import ERRORS, GAP, LEARNED, History
from playground.verdicts.words import Next, Verdict, listed, percent, points

LEAST_EPOCHS = 2  # before it is said how well the heads fit
LEAST_EVALUATIONS = 3
GUESSING = 0.1  # of the way from guessing to all right: less is nothing learned
BEHIND = 0.02  # of accuracy: a head so far behind another gives way


@dataclass(frozen=True)
class Head:
    """A head by its name: accuracy on the training batches of the last epoch, on the validation
    pairs with its standard error, what guessing has of each, and the most that it had of the
    validation pairs at any evaluation."""

    name: str
    trained: float
    held: float
    error: float
    guess: float
    trained_guess: float
    most: float

    @property
    def learned(self) -> float:
        """What share an accuracy is of all that lies between guessing and all right, on the
        training batches or the validation pairs, whichever is more."""
        both = ((self.trained, self.trained_guess), (self.held, self.guess))
        return max((right - guess) / max(1e-9, 1 - guess) for right, guess in both)

    @property
    def space(self) -> float:
        """The gap: training less validation accuracy."""
        return self.trained - self.held


def verdict(store: Any, record: Any) -> Verdict:
    """The verdict on a run of Multi-task. Raises StoreError."""
    broken = causes.why_not_finite(History(fit.read(store, record)))
    if broken is not None:
        return broken
    started = store.started(record.id)
    steps, _ = store.series(record.id, "validation_verification")
    epochs = steps[-1] / started.steps_per_epoch if started is not None and len(steps) else 0.0
    if epochs < LEAST_EPOCHS or len(steps) < LEAST_EVALUATIONS:
        return _early(epochs, not record.live)
    spec = as_changed(record.spec, store.marks(record.id))
    known = diagnosis.of(started.loss) if spec.loss == record.spec.loss else Diagnosis()
    named = known.inputs or naming.words(spec.loss)
    every = tasks.TASKS[spec.task].heads(spec)
    trained = [each.name for each in every if each.inputs & named]
    heads = [_head(store, record, started, name) for name in trained]
    found = judge(heads, spec.model_dump(), _measured(store, record), not record.live)
    without = [each for each in every if each.name not in trained]
    return _with_terms(found, without, known.warning(trainable.HEADLESS)) if without else found


def _with_terms(
    found: Verdict, without: Sequence[tasks.Head], remark: Mapping[str, str]
) -> Verdict:
    """The verdict on the heads that are trained, with those that are not, and the terms that train
    them: in a text of the loss, where the language has found one (`trainable.of_heads`)."""
    names = f"the {listed([each.name for each in without])} head"
    whose = "its accuracy is what the other terms leave it"
    if len(without) > 1:
        names, whose = f"{names}s", "their accuracy is what the other terms leave them"
    told = (
        found.sentence
        if found.kind == "early"
        else (f"{found.sentence} No term of the loss trains {names}: {whose}.")
    )
    fix = remark.get("fix", "")
    if not fix:
        return replace(found, sentence=told)
    step = f"Add {listed([each.term for each in without])} to the loss, which trains {names}."
    if found.kind in ("early", "fitting"):  # nothing else is to be mended
        return replace(
            found, sentence=told, step=step, change={"loss": fix}, respect="validation accuracy"
        )
    both = {**found.change, "loss": fix}
    return replace(found, sentence=told, step=f"{found.step} {step}", change=both)


def _head(store: Any, record: Any, started: Any, key: str) -> Head:
    own = store.series(record.id, key)[1][-started.steps_per_epoch :].astype(float)
    held = store.series(record.id, f"validation_{key}")[1].astype(float)
    share, count = float(held[-1]), max(1, started.validation_images)
    guess = trained_guess = max(started.baseline["accuracy"], 1 / len(started.class_names))
    if key == "verification":  # the pairs to measure on are balanced, those to train on need not be
        guess, trained_guess = 0.5, max(record.spec.same_share, 1 - record.spec.same_share)
    error = float(np.sqrt(share * (1 - share) / count))
    most = float(np.nanmax(held))
    return Head(key, float(own.mean()), share, error, guess, trained_guess, most)


def _measured(store: Any, record: Any) -> dict[str, float]:
    """The numbers of the last evaluation, by the names they are charted under."""
    last = store.evaluation(record.id, "validation")
    return {f"validation_{name}": each for name, each in (last.metrics if last else {}).items()}


def judge(
    heads: Sequence[Head],
    spec: Mapping[str, Any],
    measured: Mapping[str, float],
    over: bool,
) -> Verdict:
    """The verdict on the heads that are trained, with the last evaluation's numbers."""
    rows = _rows(heads, measured)
    if not heads:
        return Verdict("early", "No term of the loss trains a head.", rows, "Name p_left, p_right "
                       "or p_same in it, or choose that the distance alone judges.",
                       change={"same_head": "none"})  # fmt: skip
    still = [head for head in heads if head.learned < GUESSING]
    behind = [head for head in heads if head.learned < LEARNED]
    apart = max(heads, key=lambda head: head.space)
    if still:
        kind, sentence, step = "plateau", _guessing(still), _heavier(still[0], spec)
    elif behind:
        kind, sentence, step = "underfitting", _underfit(behind), _longer(spec)
    elif apart.space > max(GAP, ERRORS * apart.error):
        kind, sentence, step = "overfitting", _overfit(apart), _tighter(spec)
    else:
        kind, sentence, step = "fitting", *_fits(heads, spec, measured, over)
    return Verdict(kind, sentence, rows, step.words, change=step.change, respect=step.respect)


def _rows(heads: Sequence[Head], measured: Mapping[str, float]) -> tuple[tuple[str, str], ...]:
    rows = []
    for head in heads:
        name = head.name.capitalize()
        rows += [
            (f"{name}, training batches", percent(head.trained)),
            (f"{name}, validation pairs", f"{percent(head.held)} ± {points(head.error)}"),
        ]
    rate = measured.get("validation_equal_error")
    if rate is not None and np.isfinite(rate):
        rows.append(("Equal error rate", percent(rate)))
    rows += [(f"Guessing, {head.name}", percent(head.guess)) for head in heads]
    return tuple(rows)


def _named(heads: Sequence[Head]) -> str:
    names = listed(tuple(head.name for head in heads))
    return f"the {names} head{'s' if len(heads) > 1 else ''}"


def _guessing(heads: Sequence[Head]) -> str:
    said = listed(tuple(percent(head.held) for head in heads))
    verb = "say" if len(heads) > 1 else "says"
    return (
        f"{_named(heads).capitalize()} {verb} no more than guessing: {said} of the validation "
        "pairs are correct."
    )


def _underfit(heads: Sequence[Head]) -> str:
    said = listed(tuple(percent(head.trained) for head in heads))
    verb = "have" if len(heads) > 1 else "has"
    return f"Underfitting: {_named(heads)} {verb} {said} of the training pairs correct."


def _overfit(head: Head) -> str:
    return (
        f"Overfitting: the {head.name} head has {percent(head.trained)} of the training pairs "
        f"correct and {percent(head.held)} of the validation pairs, {points(head.space)} points "
        "less."
    )


def _fits(
    heads: Sequence[Head], spec: Mapping[str, Any], measured: Mapping[str, float], over: bool
) -> tuple[str, Next]:
    said = listed(tuple(f"{head.name} {percent(head.held)}" for head in heads))
    widest = max(heads, key=lambda head: head.space)
    space = max(widest.space, 0.0)
    gap = f"the widest gap is {points(space)} points ({widest.name})"
    sentence = f"Fitting: correct of the validation pairs: {said}; {gap}."
    opposed = conflict.opposed(measured)
    if opposed is not None and spec.get("weighting") == "fixed":
        step = Next(
            f"Terms {opposed[0]} and {opposed[1]} conflict at the trunk: try gradient surgery.",
            {"weighting": "surgery"},
            "validation accuracy",
        )
    elif any(head.most - head.held > ERRORS * head.error for head in heads):
        step = Next("It was better before: let the learning rate fall to 0.",
                    {"schedule": "cosine"}, "validation accuracy")  # fmt: skip
    elif min(head.held for head in heads) < max(head.held for head in heads) - BEHIND:
        step = _heavier(min(heads, key=lambda head: head.held), spec)
    else:
        step = Next("Train another way of weighting beside it, from the same first weights."
                    if over else "Let it train on.")  # fmt: skip
    return sentence, step


def _heavier(head: Head, spec: Mapping[str, Any]) -> Next:
    """More weight for what gives way; a change of settings where its weights can set themselves."""
    if spec.get("weighting") == "fixed":
        return Next(
            f"Raise the weight of the {head.name} head's term, or let the weights set themselves "
            "(GradNorm).",
            {"weighting": "gradnorm"},
            "validation accuracy",
        )
    return Next(f"Raise the factor of the {head.name} head's term.")


def _longer(spec: Mapping[str, Any]) -> Next:
    more = min(200, 2 * int(spec.get("epochs", 3)))
    return Next(f"Train for {more} epochs.", {"epochs": more}, "training accuracy")


def _tighter(spec: Mapping[str, Any]) -> Next:
    if not spec.get("dropout"):
        return Next("Silence 30% of the trunk's last maps in training.", {"dropout": 0.3}, "gap")
    return Next("Train on more images, or move them a little.", {"shift": 2}, "gap")


def _early(epochs: float, over: bool) -> Verdict:
    return Verdict(
        "early",
        f"Not enough evidence{'' if over else ' yet'}: {epochs:.3g} of {LEAST_EPOCHS} epochs "
        "measured.",
        (),
        f"Train for {LEAST_EPOCHS} epochs or more." if over else "Let it train.",
    )
