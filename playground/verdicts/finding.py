"""What holds a detector back: objectness that the background drowns, boxes that nothing pulls at,
classes and masks that nothing trains, steps too long or too short, a term that drowns another; of
one that finds items, what its average precision lacks most.

What is asked is what cells, anchors and proposals say where they are to learn something
(`playground.training.detection.LEARNED`), and how hard each term pulls at the trunk. A cause is
named where the run's own text shows it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from playground import naming
from playground.tasks.detection import OBJECTIVES, OWN_NAMES, DetectionSpec
from playground.training.changes import as_changed
from playground.verdicts import causes, conflict, diagnosis, fit, steps
from playground.verdicts.diagnosis import Diagnosis
from playground.verdicts.evidence import History
from playground.verdicts.words import Next, Verdict, percent

STEPS = 300  # before which nothing is judged
EVALUATIONS = 2
APART = 0.05  # of probability: objectness that tells items apart by less says nothing
LOOSE = 0.3  # IoU of boxes that are to be learned: less is nothing learned
EMPTY = 0.15  # IoU of masks: the same
DRAWN = 0.5  # and of masks that nothing trains
SEEN = 0.3  # of the items are found: from then on masks are judged
FOUND = 0.5  # of AP at IoU 0.5 from which a detector finds items
HALF = 0.5  # of probability: objectness beyond it everywhere is drowned by nothing
NAMED = 0.8  # of what is found: classes of which fewer are correct may be ones that nothing trains
LIGHT = 10.0  # a weight so many times smaller than the text's own trains next to nothing
RISES = 0.01  # of AP over the last evaluations: one that gains more is not done
SERIES = ("ap50", "ap", "mask_iou", "recall", "class_accuracy", "box_iou", "item_chance",
          "background_chance")  # fmt: skip
# What of a loss trains each part; a part of which a detector of these stages has none is not one of
# its own.
TRAINS = {
    "objectness": {"p_object", "rpn_p_object"},
    "boxes": {"boxes_pred", "deltas_pred"},
    "proposals": {"rpn_deltas_pred"},
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
    spec = cast(DetectionSpec, as_changed(record.spec, store.marks(record.id)))
    same = spec.loss == record.spec.loss
    return judge(
        Detector(
            spec,
            diagnosis.of(started.loss) if same else Diagnosis(frozenset(naming.words(spec.loss))),
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


def _term(run: Detector, what: str) -> str:
    """The term of the loss that trains these: made of the inputs that do, line by line; "" where
    none is found."""
    made = set(TRAINS[what])
    for line in naming.code_lines(run.spec.loss):
        given = re.match(r"\s*(\w+)\s*=[^=]", line)
        if given and made & naming.words(line.split("=", 1)[1]):
            made.add(given[1])
    return next((term for term in run.known.terms if made & naming.words(term)), "")


def _weight(run: Detector, what: str) -> tuple[str, float, float] | None:
    """The parameter that weighs the term of these, its value, and the value that the text gives it;
    None where there is none."""
    factor = re.fullmatch(r"(\w+) \* .+", _term(run, what), re.DOTALL)
    values = {**run.known.parameters, **run.spec.loss_parameters}
    if factor is None or factor[1] not in values:
        return None
    given = re.search(rf"^\s*{factor[1]}\s*=\s*([\d.]+)", run.spec.loss, re.MULTILINE)
    return factor[1], values[factor[1]], float(given[1]) if given else 1.0


def _weighed(run: Detector, name: str, value: float) -> Next:
    """Another weight of a term."""
    verb = "Raise" if value > _value(run, name) else "Lower"
    moved = {**run.spec.loss_parameters, name: value}
    return Next(f"{verb} {name} to {value:g}.", {"loss_parameters": moved}, "ap")


def _value(run: Detector, name: str) -> float:
    return {**run.known.parameters, **run.spec.loss_parameters}[name]


def _heavier(run: Detector, what: str) -> Next:
    """Twice the weight of the term of these, or what the text gives it where it has next to none:
    of its parameter, or written before it."""
    weight, term = _weight(run, what), _term(run, what)
    if weight is not None:
        name, value, given = weight
        return _weighed(run, name, given or 1.0 if _light(weight) else float(f"{2 * value:.3g}"))
    text = run.spec.loss
    change = {"loss": text.replace(term, f"2 * {term}")} if term and text.count(term) == 1 else {}
    return Next(f"Weigh the term of the {what} twice.", change, "ap")


def _names(run: Detector, what: str) -> set[str]:
    """The names of these that a loss of the run's stages may have."""
    (other,) = OWN_NAMES.keys() - {run.spec.stages}
    return TRAINS[what] - OWN_NAMES[other]


def _cause(run: Detector, what: str) -> tuple[str, Next, str] | None:
    """Why these are not learned, where the settings themselves say so: what follows "because", the
    step and the cause."""
    if not run.trains(what):
        names = " or ".join(sorted(_names(run, what)))
        step = _usual(run, f"Take the loss that the page begins with, which trains {what}.")
        return f"no term of the loss names {names}", step, "untrained"
    weight = _weight(run, what)
    if weight is not None and _light(weight):
        return f"the weight {weight[0]} is {weight[1]:g}", _heavier(run, what), "untrained"
    return _rate(run)


def _light(weight: tuple[str, float, float]) -> bool:
    """Whether a weight leaves a term next to nothing."""
    _, value, given = weight
    return value <= given / LIGHT


def _rate(run: Detector) -> tuple[str, Next, str] | None:
    """The same where the learning rate says so."""
    settings = run.spec.model_dump()
    rate = f"the learning rate of {run.spec.learning_rate:g} makes steps too"
    if steps.is_large(settings):
        return f"{rate} long", steps.slower(settings, "ap"), "large rate"
    if steps.is_small(settings):
        return f"{rate} short", steps.faster(settings, "ap"), "small rate"
    return None


def _told(
    run: Detector, what: str, fact: str, other: tuple[str, Next, str] | None = None
) -> Verdict:
    """The verdict on what is not learned: the fact, and why, by the settings or, where they do not
    say, by an `other` cause; without one, the loss that the page begins with, or more of it."""
    why, step, cause = _cause(run, what) or other or ("", _more(run), "")
    if what == "masks":  # average precision is of boxes
        step = replace(step, respect="masks")
    return _plateau(run, f"{fact}, because {why}." if why else f"{fact}.", step, cause)


def _more(run: Detector) -> Next:
    """The loss that the page begins with; of a run that has it, twice the epochs."""
    if run.spec.loss != OBJECTIVES[run.spec.stages]:
        return _usual(run, "Take the loss that the page begins with.")
    more = min(200, 2 * run.spec.epochs)
    return Next(f"Train for {more} epochs.", {"epochs": more}, "ap")


def _drowned(run: Detector) -> Verdict | None:
    """Objectness that says the same everywhere."""
    item, other = run.now("item_chance"), run.now("background_chance")
    if item - other >= APART:
        return None
    fact = (
        f"Objectness does not tell items from background: it is {percent(item)} on average where "
        f"items are and {percent(other)} elsewhere"
    )
    if run.spec.loss == OBJECTIVES[run.spec.stages] or item > HALF:
        return _told(run, "objectness", fact)
    places = "cells" if run.spec.stages == "one" else "anchors"
    words = (
        "Divide by the number of items and let easy cells count less (focal)"
        if run.spec.stages == "one"
        else "Learn from the anchors of rpn_sampled alone, of which up to half have an item"
    )
    step = _usual(run, f"{words}, as the loss that the page begins with does.")
    why = f"most {places} are background and drown the others in the loss"
    return _told(run, "objectness", fact, (why, step, "background"))


def _loose(run: Detector) -> Verdict | None:
    """Boxes that do not come to lie on their items."""
    overlap = run.now("box_iou")
    if overlap >= LOOSE or (run.spec.stages == "two" and not overlap):
        return None  # of two stages, no proposal is an item's yet
    fact = f"Boxes miss their items: they overlap them by an IoU of {overlap:.2f} on average"
    pattern = r"\biou_loss\("
    if not re.search(pattern, run.spec.loss):
        return _told(run, "boxes", fact)
    step = Next(
        "Take giou_loss in the place of iou_loss.",
        {"loss": re.sub(pattern, "giou_loss(", run.spec.loss)},
        "ap",
    )
    why = "iou_loss has no gradient where a box and its item do not touch"
    return _told(run, "boxes", fact, (why, step, "apart"))


def _unnamed(run: Detector) -> Verdict | None:
    """Classes that are guessed."""
    right = run.now("class_accuracy")
    cause = _cause(run, "classes")
    if right >= NAMED or cause is None or cause[2] != "untrained":
        return None
    return _told(run, "classes", f"Classes are guessed: {percent(right)} of what is found is named "
                 "correctly")  # fmt: skip


def _unmasked(run: Detector) -> Verdict | None:
    """Masks that are not those of what is found. Ones that nothing trains are half of a box."""
    overlap, cause = run.now("mask_iou"), _cause(run, "masks")
    least = DRAWN if cause is not None and cause[2] == "untrained" else EMPTY
    if run.now("recall") < SEEN or overlap >= least:
        return None
    fact = (
        f"Masks miss their items: {percent(run.now('recall'))} of the items are found, and their "
        f"masks overlap them by an IoU of {overlap:.2f}"
    )
    return _told(run, "masks", fact)


def _little(run: Detector) -> Verdict | None:
    """Little that is found, of a part that nothing trains or of steps far from the usual ones."""
    if run.now("ap50") >= FOUND:
        return None
    causes_ = [_cause(run, what) for what in TRAINS if what != "masks" and _names(run, what)]
    untrained = (found for found in causes_ if found is not None and found[2] == "untrained")
    found = next(untrained, _rate(run))
    if found is None:
        return None
    why, step, cause = found
    fact = f"Little is found: AP at IoU 0.5 is {percent(run.now('ap50'))}"
    return _plateau(run, f"{fact}, because {why}.", step, cause)


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
        settings = run.spec.model_dump()
        step = replace(steps.weaker(settings, term, 10, "", run.known.parameters), respect="ap")
    else:
        step = _weighed(run, factor[1], float(f"{_value(run, factor[1]) / 10:.3g}"))
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
    what, said = "objectness", "Items are missed"
    if missed > 1 - SEEN:  # of so few that are found the other two say nothing
        step = _more(run)
        return replace(step, words=f"{said}. {step.words}")
    if most == rough:
        what, said = "boxes", "The boxes are what AP lacks most"
    elif most == wrong:
        what, said = "classes", "The classes are what AP lacks most"
    step = _heavier(run, what)
    promised = {"boxes": "ap", "classes": "named"}  # more weight of objectness changed nothing much
    return replace(step, words=f"{said}. {step.words}", respect=promised.get(what, ""))


ASKED: tuple[Callable[[Detector], Verdict | None], ...] = (
    _drowned,
    _loose,
    _unnamed,
    _unmasked,
    _little,
    _unheard,
)
