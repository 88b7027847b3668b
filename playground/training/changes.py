"""A run's spec as it was changed mid-run, out of the marks that the run left.

A whole loss is a change of "loss" to JSON of the two fields of a RunSpec that describe one; a
number, a change of the parameter's name. "broken" marks where a loss stopped being finite,
"back_to_step" that the weights of an earlier step were put back.
"""

import json
from collections.abc import Iterable
from typing import Any

from playground.errors import SpecError
from playground.spec import RunSpec
from playground.training.events import Changed

LOSS = "loss"
BROKEN = "broken"
BACK = "back_to_step"
RATES = ("learning_rate", "center_rate")  # fields of a spec that can be changed by themselves
# Marks that change no field of a spec.
OTHERS = frozenset({"state", "best_epoch", BROKEN, BACK})


def loss_change(spec: RunSpec) -> str:
    """The value of a change to this spec's loss."""
    return json.dumps({"loss": spec.loss, "loss_parameters": spec.loss_parameters})


def with_loss(spec: RunSpec, value: Any) -> RunSpec:
    """The spec with the loss of a change. Raises SpecError for a value that describes none."""
    try:
        fields = json.loads(value) if isinstance(value, str) else None
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or set(fields) != {"loss", "loss_parameters"}:
        raise SpecError("loss", "expected JSON of a loss and its parameters")
    return RunSpec.parse({**spec.model_dump(), **fields})


def as_changed(spec: RunSpec, marks: Iterable[Changed], step: int | None = None) -> RunSpec:
    """The spec with its loss, parameters and rates as they were changed up to a step, or by now."""
    for mark in marks:
        if mark.what in OTHERS or (step is not None and mark.step > step):
            continue
        if mark.what == LOSS:
            spec = with_loss(spec, mark.value)
        elif mark.what in RATES:
            spec = spec.model_copy(update={mark.what: float(mark.value)})
        elif isinstance(mark.value, int | float):
            parameters = {**spec.loss_parameters, mark.what: float(mark.value)}
            spec = spec.model_copy(update={"loss_parameters": parameters})
    return spec


def broken(marks: Iterable[Changed]) -> dict[str, Any] | None:
    """What broke last, if nothing was changed since: message, hint, where, mended (a text or
    None), the step, and the step to whose weights the run can go back."""
    last = next((mark for mark in reversed(list(marks)) if mark.what != "state"), None)
    if last is None or last.what != BROKEN:
        return None
    found: dict[str, Any] = json.loads(str(last.value))
    return {**found, "step": last.step}
