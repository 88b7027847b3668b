"""What a run that learns classes in phases has kept and lost, in words with its own numbers."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from playground.verdicts.words import Next, Verdict, percent, points

LEAST = 0.05  # what earlier phases have lost on average, from which it is worth a word
INTRANSIGENT = 0.6  # of the new classes right: fewer are hardly learned
ERRORS = 2.0  # standard errors beyond which it is no chance
MORE_NEW = 0.1  # so much more often new classes are answered than they are there: a bias


@dataclass(frozen=True)
class Phases:
    """What the last whole look at the validation images of such a run found: the names of each
    phase's classes, the accuracy (P, P) after each phase of each phase's classes (NaN where there
    was none), the number of the phase, how many images are of old classes and of new ones, and how
    many of all were taken for new ones."""

    names: list[str]
    matrix: np.ndarray
    phase: int
    old_images: int
    new_images: int
    said_new: int
    spec: dict[str, Any] = field(default_factory=dict)


def of(arrays: dict[str, np.ndarray], class_names: list[str], spec: dict[str, Any]) -> Phases:
    """The phases of an evaluation of Incremental."""
    confusion, came = np.asarray(arrays["confusion"]), np.asarray(arrays["came"])
    matrix, phase = np.asarray(arrays["matrix"], float), int(arrays["phase"][0])
    order = np.asarray(arrays["order"])
    groups = [order[came == i] for i in range(len(matrix))]
    return Phases(
        names=[", ".join(class_names[each] for each in group) for group in groups],
        matrix=matrix,
        phase=phase,
        old_images=int(confusion[came < phase].sum()),
        new_images=int(confusion[came == phase].sum()),
        said_new=int(confusion[:, came == phase].sum()),
        spec=spec,
    )


def judge(run: Phases) -> Verdict:
    """The verdict on such a run."""
    now, before = run.matrix[run.phase], run.matrix[: run.phase]
    if run.phase == 0 or not np.isfinite(now[: run.phase + 1]).all() or not run.old_images:
        return Verdict(
            "early",
            "Not enough evidence yet: what is forgotten shows from the second phase on.",
            (),
            "Let it train.",
        )
    best = np.array([np.nanmax(before[j:, j]) for j in range(run.phase)])
    lost = best - now[: run.phase]
    old, new, mean = float(now[: run.phase].mean()), float(now[run.phase]), float(lost.mean())
    rows = [
        ("Accuracy of the earlier phases' classes, mean", percent(old)),
        (f"Accuracy of the last phase's, {run.names[run.phase]}", percent(new)),
        ("Forgotten of the earlier phases', mean", f"{points(mean)} points"),
        ("Answers that are new classes", percent(run.said_new / (run.old_images + run.new_images))),
    ]
    keeps = mean < max(LEAST, ERRORS * np.sqrt(0.25 / run.old_images))
    if keeps and new < INTRANSIGENT:
        return _verdict("intransigent", _hardly(run, new), rows, _softer(run.spec))
    if keeps:
        sentence = (
            f"Kept: of the classes of earlier phases {percent(old)} are right, of the last one's "
            f"{percent(new)}; {points(mean)} points of what was learned are forgotten."
        )
        ceiling = Next("Train the joint run beside it: that is the most it could have.")
        return _verdict("kept", sentence, rows, ceiling)
    worst = int(np.argmax(lost))
    share, there = rows[-1][1], run.new_images / (run.old_images + run.new_images)
    sentence = (
        f"Forgetting: {run.names[worst]} had {percent(float(best[worst]))} and has "
        f"{percent(float(now[worst]))}; earlier phases have lost {points(mean)} points on average. "
        f"{share} of the answers are the last phase's classes, as {percent(there)} of the images "
        "are."
    )
    hardly = (
        f"Of the last phase's classes only {percent(new)} are right: train longer as well."
        if new < INTRANSIGENT
        else ""
    )
    return _verdict("forgetting", sentence, rows, _keep_more(run, there), hardly)


def _verdict(
    kind: str, sentence: str, rows: list[tuple[str, str]], step: Next, note: str = ""
) -> Verdict:
    return Verdict(
        kind,
        sentence,
        tuple(rows),
        step.words,
        (note,) if note else (),
        change=step.change,
        respect=step.respect,
    )


def _hardly(run: Phases, new: float) -> str:
    return (
        f"Intransigence: of the last phase's classes, {run.names[run.phase]}, only {percent(new)} "
        "are right: what keeps the old ones leaves them no room."
    )


def _softer(spec: dict[str, Any]) -> Next:
    if spec.get("kept") == "exemplars" and spec["replay"] > 0.5:
        return Next(
            "Let half of a batch be exemplars, not more.", {"replay": 0.5}, "new classes"
        )  # fmt: skip
    return Next("Lower the weight of the part of the loss that keeps the old, or train longer.")


def _keep_more(run: Phases, there: float) -> Next:
    """What most probably helps: exemplars, then a correction, then more exemplars."""
    spec = run.spec
    if spec["kept"] == "none":
        return Next(
            "Keep some exemplars: without an image of the old classes nothing says that an image "
            "is not a new one.",
            {"kept": "exemplars"},
            "old classes",
        )
    said = run.said_new / (run.old_images + run.new_images)
    if spec["correction"] == "none" and said - there > MORE_NEW:
        return Next(
            "Correct the bias of the answers towards new classes.",
            {"correction": "bias"},
            "old classes",
        )
    if spec["kept"] == "exemplars" and not spec["memory"] and spec["exemplars"] < 1000:
        more = 2 * spec["exemplars"]
        return Next(f"Keep {more} exemplars of each class.", {"exemplars": more}, "old classes")
    return Next("Train the joint run beside it: that is the most it could have.")
