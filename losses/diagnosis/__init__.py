"""What a loss is, computed rather than quoted: `doctor(loss)` gives a finding a property.

finding.py   Finding and Diagnosis
trial.py     a loss as a function of many predictions at once
values.py    finite, true slopes, depends on the prediction, bounded, batch-coupled
risks.py     least at the truth, proper, classification-calibrated, symmetric
links.py     which odds a loss asks for where it does not ask for the true ones
pushes.py    convex in the logits, scale of the gradient, push at p = 0.01, 0.5, 0.99, and where the
             network is sure of a wrong class, far beyond p = 1e-7
features.py  losses that take features, pairs or a teacher
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from losses.base import PlaygroundLoss
from losses.language.draws import own
from losses.language.errors import LossError
from losses.language.inputs import OF_THE_PROBABILITY
from losses.named_loss import get

from . import features, pushes, risks, values
from .finding import TITLES, Diagnosis, Finding, State
from .trial import Interrupted, OutOfTime, Trial

__all__ = ["TITLES", "Diagnosis", "Finding", "Interrupted", "State", "doctor"]

SECONDS = 20.0
SOUND = {
    "finite": "not finite everywhere",
    "depends": "nothing can be learnt from it",
    "bounded_below": "it has no lower bound",
}
OF_PROBABILITIES = (
    "truth", "proper", "calibrated", "symmetric", "convex", "scale", "push", "sure",
)  # fmt: skip
# Where in the run a loss that changes over it is examined: at the first of these at which the
# prediction matters.
MOMENTS = (0.5, 1.0, 0.0)
# Of a loss that does not depend on the prediction, these would be true or false of nothing.
OF_DEPENDENCE = ("gradient", *OF_PROBABILITIES)


def doctor(
    loss: PlaygroundLoss | str,
    *,
    seconds: float = SECONDS,
    hurry: Callable[[], bool] = lambda: False,
) -> Diagnosis:
    """Examines a loss, named or written, or the one of a name, such as "focal": one finding for
    each of `TITLES`, each with numbers.

    Every number is computed from the loss as a training step runs it, at predictions that are the
    same every time; "yes" therefore means that nothing tried speaks against it, "no" comes with a
    counterexample. What has no meaning for this loss is "n/a". What is not done after `seconds`
    is "unknown", and so is a loss that cannot be computed. Raises `LossError` for what is no loss
    and the name of none, `Interrupted` soon after `hurry()` begins to be true, and nothing else of
    its own.
    """
    if isinstance(loss, str):
        loss = _named(loss)
    if not isinstance(loss, PlaygroundLoss):
        raise LossError(
            f"the doctor examines losses of losses.get and losses.compile_loss, and this is a "
            f"{type(loss).__name__}",
            hint="such as losses.doctor(losses.get('focal'))",
        )
    needed = sorted((set(loss.inputs) - set(OF_THE_PROBABILITY)) | set(own(loss)))
    moves = {"progress", "epoch", "step"} & set(loss.inputs)
    found: dict[str, Finding] = {}
    with np.errstate(all="ignore"):  # infinities are among the findings
        for progress in MOMENTS if moves else MOMENTS[:1]:
            if needed:
                found = _with_more(loss, needed, hurry, progress)
            else:
                found = _examine(Trial(loss, seconds, hurry, progress))
            if found["depends"].state != "no":
                break
    found["sound"] = _sound(found)
    return Diagnosis(tuple(found[name] for name in TITLES))


def _named(name: str) -> PlaygroundLoss:
    if not name.isidentifier():
        raise LossError(
            "the doctor takes the name of a loss, and this is a text",
            hint="write losses.doctor(losses.compile_loss(text))",
        )
    return get(name)


def _with_more(
    loss: PlaygroundLoss, needed: list[str], hurry: Callable[[], bool], progress: float
) -> dict[str, Finding]:
    found = _all(features.ASKED, features.BatchTrial(loss, hurry, progress))
    why = f"It takes {', '.join(needed)}, so it is no function of the probabilities alone."
    return found | {name: Finding(name, "n/a", why) for name in OF_PROBABILITIES}


def _examine(trial: Trial) -> dict[str, Finding]:
    first = (values.depends, values.finite, values.bounds, values.coupled)
    found = _all(first, trial)
    if found["depends"].state == "no":
        why = "It does not depend on the prediction in any way that could be learnt from."
        return found | {name: Finding(name, "n/a", why) for name in OF_DEPENDENCE}
    if "alone" in found["depends"].evidence:
        why = "It compares the samples of a batch: alone, none depends on its prediction."
        return found | {name: Finding(name, "n/a", why) for name in OF_DEPENDENCE}
    search = risks.Search(trial)
    found |= _all((values.gradient, pushes.push, pushes.scale, pushes.sure), trial)
    found |= _all((pushes.convex, risks.symmetric), trial)
    return found | _all((risks.truth, risks.proper, risks.calibrated), search)


_MAKES: dict[str, tuple[str, ...]] = {"bounds": ("bounded_below", "bounded_above")}


def _all(asked: Iterable[Callable[[Any], Any]], what: Any) -> dict[str, Finding]:
    found: dict[str, Finding] = {}
    for ask in asked:
        names = _MAKES.get(ask.__name__, (ask.__name__,))
        try:
            answer = ask(what)
        except Interrupted:
            raise
        except OutOfTime:
            answer = [Finding(n, "unknown", "It is too slow to be tried often enough.")
                      for n in names]  # fmt: skip
        except Exception:  # whatever the library raises, the visitor gets our words
            answer = [Finding(n, "unknown", "It cannot be computed on the predictions that this "
                              "takes.") for n in names]  # fmt: skip
        each: Sequence[Finding] = [answer] if isinstance(answer, Finding) else answer
        found |= {finding.name: finding for finding in each}
    return found


def _sound(found: dict[str, Finding]) -> Finding:
    """Whether it can be trained with: what is not, makes it unsound."""
    states = {name: found[name].state for name in SOUND}
    bad = [why for name, why in SOUND.items() if states[name] == "no"]
    if bad:
        return Finding("sound", "no", f"It should not be trained with: {'; '.join(bad)}.", states)
    if "unknown" in states.values():
        open_ = [TITLES[name].lower() for name, state in states.items() if state == "unknown"]
        return Finding("sound", "unknown", f"Nothing speaks against it, but not everything could "
                       f"be told: {', '.join(open_)}.", states)  # fmt: skip
    sentence = "Finite, moved by what is learnt, and with a lower bound."
    if found["gradient"].state == "no":  # on purpose, where stop_gradient is in it
        sentence += " But its gradient is not the slope of its value."
    return Finding("sound", "yes", sentence, states)
