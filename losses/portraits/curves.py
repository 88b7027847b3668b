"""A loss as a curve over the probability of the true class, and over the logit margin."""

from __future__ import annotations

from typing import Any

import numpy as np

from losses.base import PlaygroundLoss
from losses.language.errors import LossError
from losses.written import WrittenLoss

from .function import TRUTH, LossFunction, even

MARGINS = (-9.0, 11.0, 61)  # of the logit margin z_true - z_other: from, to, how many
POINTS = 101


def curve(
    loss: PlaygroundLoss | str, points: int = POINTS, num_classes: int = 10
) -> dict[str, Any]:
    """L(p), dL/dz of the true class and dL/dp, over its probability p, the rest spread evenly.

    Returns `p`, `loss`, `slope`, `slope_p` (lists of `points` numbers, None where not finite) and
    `reason` None; or `reason`, a sentence why the loss is no curve of p, and empty lists.
    Raises `LossError` where a text is refused.
    """
    if isinstance(loss, str):
        loss = WrittenLoss(loss, num_classes=num_classes)
    found = curves(LossFunction(loss, num_classes), np.linspace(0.005, 0.995, points))
    lists = {
        name: [float(v) if np.isfinite(v) else None for v in found.get(name, ())]
        for name in ("p", "loss", "slope", "slope_p")
    }
    return {**lists, "reason": found.get("reason")}


def grid(classes: int) -> np.ndarray:
    """Probabilities that look even on both axes: over p, and over the logit margin."""
    margins = np.linspace(*MARGINS[:2], int(MARGINS[2]))
    of_margins = 1 / (1 + (classes - 1) * np.exp(-margins))
    return np.union1d(np.linspace(0.005, 0.995, POINTS), of_margins)


def curves(function: LossFunction, p: np.ndarray) -> dict[str, Any]:
    """The same at probabilities p (N,), as float32 arrays (N,): `p`, `margin` (the true class'
    logit less the others'), `loss`, `slope` (dL/dz of the true class) and `slope_p` (dL/dp, along
    the same line: dL/dz / (p (1 - p)), because dp/dz = p (1 - p)). `note` is a sentence on what
    the curve leaves out, or ""; `reason` alone is a sentence why there is none."""
    if not function.curved:
        needed = ", ".join(function.needed)
        return {"reason": f"no curve of the probability: it depends on {needed}, "
                "not on the probability alone"}  # fmt: skip
    z = even(p, function.classes)
    try:
        if function.coupled:
            return {"reason": "no curve of one prediction: it compares the samples of a batch"}
        values, slopes = function.apart(np.zeros(len(p), int), z)
    except LossError as error:
        return {"reason": f"no curve of the probability: {error.message}"}
    slope = slopes[:, 0].astype("float64")
    note = ""
    if "teacher_logits" in function.needed:
        note = f"Beside a teacher that gives the true class {TRUTH:g}, the rest evenly."
    found = {
        "p": p,
        "margin": z[:, 0],
        "loss": values,
        "slope": slope,
        "slope_p": slope / (p * (1 - p)),
    }
    return {**{name: array.astype("float32") for name, array in found.items()}, "note": note}
