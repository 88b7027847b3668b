"""How well a run fits, read off what it recorded: a verdict, its cause, evidence, one next step.

Plain NumPy, so that the server may use it. Measured evidence (`curves`, `evidence`) and what check
and doctor say of the loss (`diagnosis`) give a cause (`causes`, where nothing is learned) or a kind
(`kinds`), and that gives words (`words`) and one next step (`steps`). What is compared is the
negative log-likelihood (NLL) and the accuracy, never the run's own loss, which may be anything: L,
L - 1 and 100 L get one verdict. A difference counts when it is beyond two standard errors of so
many images. Where no cause is shown by numbers, none is named.

    embedding      no gradient reaches the last layer: the features are judged
    collapsed      the features of all images have fallen together
    diverging      the training NLL rises, or the loss is no number
    plateau        it stands still though it could fall: the network is not what limits it
    missing        some classes are never the answer
    underfitting   the training images themselves are not learned
    fitting        what is learned holds on validation images
    overconfident  validation NLL rises while accuracy holds: miscalibrated, not worse
    overfitting    since epoch n training still improves and validation images do not
    memorising     wrong labels are learned by heart
    forgetting     classes of earlier phases are lost
    intransigent   those of the last phase are hardly learned
    kept           neither: earlier phases' classes are kept, the last one's learned
    early          too little was measured to say
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from playground.tasks.classification import NLL
from playground.verdicts import causes, forgetting, kinds
from playground.verdicts.curves import Curves, Gap, accuracy_gap, gap, gap_at_evaluations, read
from playground.verdicts.evidence import LEAST_EPOCHS, Evidence, History
from playground.verdicts.words import RESPECTS, Verdict

__all__ = ["KINDS", "NLL", "RESPECTS", "WELL", "Curves", "Gap", "Verdict", "accuracy_gap", "gap",
           "gap_at_evaluations", "judge", "read"]  # fmt: skip

KINDS: Sequence[str] = (
    "early",
    "underfitting",
    "fitting",
    "overfitting",
    "overconfident",
    "memorising",
    "plateau",
    "diverging",
    "missing",
    "embedding",
    "collapsed",
    "forgetting",
    "intransigent",
    "kept",
)
# A run of these is fine, or too young: nobody need ask the doctor about its loss.
WELL = frozenset(
    {"early", "fitting", "memorising", "overconfident", "forgetting", "intransigent", "kept"}
)
STOPPED = (
    "More or cleaner data, not more epochs, would help now: it stopped where validation loss was "
    "the least."
)


def judge(curves: Curves) -> Verdict:
    """The verdict on these curves."""
    history = History(curves)
    found = causes.why_not_finite(history) or causes.why_not_learning(history)
    if found is not None:
        return found
    if curves.phases is not None:
        return forgetting.judge(curves.phases)
    if curves.best_epoch:
        return _stopped_early(curves)
    if len(curves.epochs) < LEAST_EPOCHS:
        return kinds.early(len(curves.epochs), curves.over)
    if np.isnan(curves.validation_nll).all():
        return kinds.unmeasured()
    evidence = Evidence(curves)
    asked = (found for ask in kinds.ASKED if (found := ask(evidence)) is not None)
    return next(asked, None) or kinds.fitting(evidence)


def _stopped_early(curves: Curves) -> Verdict:
    """Of a run whose best weights were restored, those weights are judged."""
    keep = curves.epochs <= curves.best_epoch + 1e-6
    arrays: dict[str, Any] = {
        name: value[keep]
        for name in Curves.__dataclass_fields__
        if isinstance(value := getattr(curves, name), np.ndarray)
    }
    last = float(curves.epochs[-1])
    epochs = curves.evaluations.get("epochs")
    if epochs is not None:
        upto = epochs <= curves.best_epoch + 1e-6
        arrays["evaluations"] = {name: values[upto] for name, values in curves.evaluations.items()}
    found = judge(replace(curves, **arrays, missing=(), best_epoch=0, over=True))
    if found.kind == "early":
        found = replace(
            found,
            sentence=f"Not enough evidence: the best epoch came after {curves.best_epoch} of the "
            f"{LEAST_EPOCHS} epochs that a verdict needs.",
            step="Divide the learning rate by 3: the best epoch then comes later.",
        )
    elif "more epochs" in found.step:  # validation loss has shown that they do not help
        found = replace(found, step=STOPPED, change={}, respect="")
    note = (
        f"Early stopping: of {last:g} epochs, epoch {curves.best_epoch} had the least validation "
        "loss; its weights are restored, and the numbers are its own."
    )
    return replace(found, notes=(note, *found.notes))
