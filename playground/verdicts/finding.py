"""What holds a detector back: objectness that the background drowns, boxes that nothing pulls at,
masks that nothing trains, a term that drowns another; of one that finds items, what its average
precision lacks most.

What is asked is what cells, anchors and proposals say where they are to learn something
(`playground.training.detection.LEARNED`), and how hard each term pulls at the trunk. A cause is
named where the run's own text shows it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from playground import naming
from playground.tasks.detection import OBJECTIVES, DetectionSpec
from playground.training.changes import as_changed
from playground.verdicts import causes, conflict, diagnosis, fit
from playground.verdicts.diagnosis import Diagnosis
from playground.verdicts.evidence import History
from playground.verdicts.words import Next, Verdict, percent

STEPS = 300  # before which nothing is judged
EVALUATIONS = 2
APART = 0.05  # of probability: objectness that tells items apart by less says nothing
LOOSE = 0.3  # IoU of boxes that are to be learned: less is nothing learned
EMPTY = 0.15  # IoU of masks: the same
SEEN = 0.3  # of the items are found: from then on masks are judged
FOUND = 0.5  # of AP at IoU 0.5 from which a detector finds items
RISES = 0.01  # of AP over the last evaluations: one that gains more is not done
SERIES = ("ap50", "ap", "mask_iou", "recall", "class_accuracy", "box_iou", "item_chance",
          "background_chance")  # fmt: skip
TRAINS = {
    "objectness": {"p_object", "rpn_p_object"},
    "boxes": {"boxes_pred", "deltas_pred"},
    "classes": {"p_class", "p_region"},
    "masks": {"masks_pred"},
}


@dataclass(frozen=True)
class Detector:
    """A run: its spec by now, what is known of its loss, the numbers of each evaluation by name,
    and those of the last one under the names that they are charted by."""

    spec: DetectionSpec
    known: Diagnosis
    seen: Mapping[str, list[float]]
    last: Mapping[str, float]

    def now(self, name: str) -> float:
        """The last value of a series."""
        return self.seen[name][-1]

    def trains(self, what: str) -> bool:
        """Whether the loss names what trains these."""
        return bool(TRAINS[what] & self.known.inputs)


def verdict(store: Any, record: Any) -> Verdict:
    """The verdict on a run of Detection. Raises StoreError."""
    broken = causes.why_not_finite(History(fit.read(store, record)))
    if broken is not None:
        return broken
    started = store.started(record.id)
    series = {name: store.series(record.id, f"validation_{name}") for name in SERIES}
    steps = series["ap50"][0]
    done = int(steps[-1]) if len(steps) else 0
    measured = all(len(values) for _, values in series.values())
    if started is None or done < STEPS or len(steps) < EVALUATIONS or not measured:
        return _early(record.spec, started, done, measured)
    last = store.evaluation(record.id, "validation")
    changed = any(mark.kind == "loss" for mark in store.marks(record.id))
    return judge(
        Detector(
            cast(DetectionSpec, as_changed(record.spec, store.marks(record.id))),
            Diagnosis(diagnosis.of(started.loss).inputs) if changed else diagnosis.of(started.loss),
            {name: values.astype(float).tolist() for name, (_, values) in series.items()},
            {f"validation_{name}": each for name, each in (last.metrics if last else {}).items()},
        )
    )


def judge(run: Detector) -> Verdict:
    """The verdict on what was measured."""
    found = next((told for ask in ASKED if (told := ask(run)) is not None), None)
    return found or _finding(run)


def _early(spec: Any, started: Any, done: int, measured: bool) -> Verdict:
    if done >= STEPS and not measured:
        return Verdict("early", "Of this run what objectness and boxes say was not measured.", (),
                       "Train it again to have a verdict.")  # fmt: skip
    epochs = -(-STEPS // started.steps_per_epoch) + 1 if started is not None else 0
    change = {"epochs": epochs} if spec.epochs < epochs <= 200 else {}
    return Verdict(
        "early",
        f"Not enough evidence: {done:,} of the {STEPS:,} steps after which a detector is judged.",
        (),
        f"Train for {epochs:,} epochs or more." if change else "Let it train.",
        change=change,
    )


def _evidence(run: Detector) -> tuple[tuple[str, str], ...]:
    rows = {
        "AP at IoU 0.5": "ap50",
        "AP at IoU 0.5 to 0.95": "ap",
        "Items found": "recall",
        "Class of what was found": "class_accuracy",
        "IoU of boxes to be learned": "box_iou",
        "Mask IoU": "mask_iou",
        "Objectness where items are": "item_chance",
        "Objectness elsewhere": "background_chance",
    }
    return tuple((title, percent(run.now(name))) for title, name in rows.items())


def _plateau(run: Detector, sentence: str, step: Next, cause: str = "") -> Verdict:
    return Verdict("plateau", sentence, _evidence(run), step.words, cause=cause,
                   change=step.change, respect=step.respect)  # fmt: skip


def _usual(run: Detector, words: str) -> Next:
    """The loss that the page begins with."""
    return Next(words, {"loss": OBJECTIVES[run.spec.stages], "loss_parameters": {}}, "ap")


def _weight(run: Detector, names: set[str]) -> tuple[str, float] | None:
    """The parameter that is 0 and weighs the term that is made of these inputs, line by line, and
    its value; None where there is none."""
    made = set(names)
    for line in naming.code_lines(run.spec.loss):
        given = re.match(r"\s*(\w+)\s*=[^=]", line)
        if given and made & set(re.findall(r"[A-Za-z_]\w*", line.split("=", 1)[1])):
            made.add(given[1])
    values = {**run.known.parameters, **run.spec.loss_parameters}
    for term in run.known.terms:
        factor = re.fullmatch(r"(\w+) \* (\w+)", term)
        if factor and factor[2] in made and values.get(factor[1], 1.0) == 0:
            return factor[1], values[factor[1]]
    return None


def _untrained(run: Detector, what: str, sentence: str) -> Verdict | None:
    """Where no term of the loss trains these, or one of weight 0."""
    if not run.trains(what):
        names = " or ".join(sorted(TRAINS[what]))
        told = f"{sentence} No term of the loss names {names}."
        return _plateau(run, told, _usual(run, f"Add a term for the {what}."), "untrained")
    zero = _weight(run, TRAINS[what])
    if zero is None:
        return None
    moved = {**run.spec.loss_parameters, zero[0]: 1.0}
    step = Next(f"Raise {zero[0]} to 1.", {"loss_parameters": moved}, "ap")
    return _plateau(run, f"{sentence} Their term is weighed by {zero[0]}, 0.", step, "untrained")


def _drowned(run: Detector) -> Verdict | None:
    """Objectness that says the same everywhere."""
    item, other = run.now("item_chance"), run.now("background_chance")
    if item - other >= APART:
        return None
    places = "cells" if run.spec.stages == "one" else "anchors"
    sentence = (
        f"Objectness says nothing: where items are it is {percent(item)} on average, elsewhere "
        f"{percent(other)}."
    )
    why = f" Most {places} are background, and what they add to the loss drowns the others."
    return _untrained(run, "objectness", sentence) or _plateau(
        run,
        sentence + why,
        _usual(
            run,
            "Divide by the number of items and let easy cells count less (focal), as the loss that "
            "the page begins with does."
            if run.spec.stages == "one"
            else "Learn from the anchors of rpn_sampled alone, of which up to half have an item.",
        ),
        "background",
    )


def _loose(run: Detector) -> Verdict | None:
    """Boxes that do not come to lie on their items."""
    overlap = run.now("box_iou")
    if overlap >= LOOSE or (run.spec.stages == "two" and not overlap):
        return None  # of two stages, no proposal is an item's yet
    sentence = f"The boxes stall: they overlap their items by an IoU of {overlap:.2f} on average."
    untrained = _untrained(run, "boxes", sentence)
    if untrained is not None:
        return untrained
    pattern = r"\biou_loss\("
    if re.search(pattern, run.spec.loss):
        step = Next(
            "Take giou_loss in the place of iou_loss.",
            {"loss": re.sub(pattern, "giou_loss(", run.spec.loss)},
            "ap",
        )
        why = " Where a box and its item do not touch, iou_loss has no gradient."
        return _plateau(run, sentence + why, step, "apart")
    return _plateau(run, sentence, _usual(run, "Take the loss that the page begins with."))


def _empty(run: Detector) -> Verdict | None:
    """Masks that hold nothing of what is found."""
    if run.now("recall") < SEEN or run.now("mask_iou") >= EMPTY:
        return None
    sentence = (
        f"The masks are empty: items are found, {percent(run.now('recall'))} of them, and their "
        f"masks overlap by an IoU of {run.now('mask_iou'):.2f}."
    )
    return _untrained(run, "masks", sentence) or _plateau(
        run, sentence, Next("Raise the weight of the masks' term.", {}, "")
    )


def _unheard(run: Detector) -> Verdict | None:
    """A term whose pull at the trunk drowns another's, of a detector that does not find much."""
    count = len(run.known.terms)
    norms = {k: run.last.get(f"validation_term{k}_features", 0.0) for k in range(1, count + 1)}
    norms = {k: norm for k, norm in norms.items() if norm > 0}
    if run.now("ap50") >= FOUND or len(norms) < 2:
        return None
    strong, weak = max(norms, key=norms.__getitem__), min(norms, key=norms.__getitem__)
    times = norms[strong] / norms[weak]
    if times < conflict.FAINT:
        return None
    term = run.known.terms[strong - 1]
    sentence = (
        f"One term drowns another: {term} pulls at the trunk {times:,.0f} times harder than "
        f"{run.known.terms[weak - 1]}, which is hardly felt."
    )
    factor = re.fullmatch(r"(\w+) \* .+", term, re.DOTALL)
    if factor is None or factor[1] not in run.known.parameters:
        return _plateau(run, sentence, Next(f"Weigh {term} less.", {}, ""), "drowned")
    value = {**run.known.parameters, **run.spec.loss_parameters}[factor[1]]
    lower = float(f"{value / 10:.3g}")
    moved = {**run.spec.loss_parameters, factor[1]: lower}
    step = Next(f"Lower {factor[1]} to {lower:g}.", {"loss_parameters": moved}, "ap")
    return _plateau(run, sentence, step, "drowned")


def _finding(run: Detector) -> Verdict:
    """What is found, and what the average precision lacks most."""
    ap50, ap = run.seen["ap50"], run.seen["ap"]
    kind = "fitting" if ap50[-1] >= FOUND else "underfitting"
    right = percent(run.now("class_accuracy"))
    sentence = (
        f"AP at IoU 0.5 is {percent(ap50[-1])}, at 0.5 to 0.95 {percent(ap[-1])}: "
        f"{percent(run.now('recall'))} of the items are found, {right} of "
        f"these as what they are, their masks with an IoU of {run.now('mask_iou'):.2f}."
    )
    more = min(200, 2 * run.spec.epochs)
    if ap[-1] - ap[max(-3, -len(ap))] > RISES and more > run.spec.epochs:
        step = Next(f"It still rises: train for {more} epochs.", {"epochs": more}, "ap")
    else:
        step = _lacking(run)
    return Verdict(kind, sentence, _evidence(run), step.words, change=step.change,
                   respect=step.respect)  # fmt: skip


def _lacking(run: Detector) -> Next:
    missed, wrong = 1 - run.now("recall"), 1 - run.now("class_accuracy")
    rough = 1 - run.now("ap") / max(run.now("ap50"), 1e-9)
    most = max(missed, wrong, rough)
    if most == rough:
        return Next("The boxes are what AP lacks most: raise the weight of their term.")
    if most == wrong:
        return Next("The classes are what AP lacks most: raise the weight of their term.")
    return Next("Items are missed: raise the weight of objectness, or allow less overlap.")


ASKED: tuple[Callable[[Detector], Verdict | None], ...] = (_drowned, _loose, _empty, _unheard)
