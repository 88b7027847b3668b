"""Trying a metric on the predictions of a network that has learnt nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .draws import batch, drawn, extreme, own
from .errors import LossError, Remark, quote
from .probe import find_nonfinite

if TYPE_CHECKING:
    from .probe import TriedLoss

ALIKE = 0.05  # how far the logits of an untrained network are apart


def untrained(measure: TriedLoss) -> dict[str, Any]:
    """A batch as `drawn` has it, of predictions that are all about the same."""
    found: dict[str, Any] = dict(batch(0, measure.num_classes))
    logits = ALIKE * found["logits"]
    e = np.exp(logits)
    p = (e / e.sum(-1, keepdims=True)).astype("float32")
    found.update(logits=logits, y_pred=p, p_true=(found["y_true"] * p).sum(-1))
    theirs = extreme(drawn(measure, 0), measure, 0, ALIKE)
    return {**found, **{name: theirs[name] for name in own(measure)}}


def probe_metric(measure: TriedLoss) -> dict[str, Any]:
    """Try a metric on two batches; adds a warning where it is not finite. Raises `LossError` where
    it cannot be computed at all."""
    values = []
    for tensors in (untrained(measure), drawn(measure, 0)):
        try:
            values.append(float(measure.on(tensors)))
        except LossError:
            raise
        except Exception as error:  # whatever the library raises, the visitor gets our words
            raise LossError(
                "the metric was understood, but cannot be computed",
                hint="simplify it; this is a fault of the playground",
            ) from error
        if not math.isfinite(values[-1]):
            _say(measure, tensors, len(values) == 1)
            break
    finite = all(map(math.isfinite, values))
    return {"value": values[-1] if finite else None, "gradient_norm": None, "finite": finite}


def _say(measure: TriedLoss, tensors: dict[str, Any], first: bool) -> None:
    found = find_nonfinite(measure, tensors)
    node = measure.program.result if found is None else found["node"]
    shown = {"nan": "not a number"}.get(found["value"] if found else "", "infinite")
    where = "while a network has learnt nothing, " if first else ""
    message = f"{where}{quote(measure.program.fragment(node.span))} is {shown}"
    hint = "add epsilon() to what is divided by, or write divide_no_nan(a, b)"
    measure.warnings.append(Remark("nonfinite", message, node.span, hint))
