"""A run's spec as it was changed mid-run, out of the marks that the run left.

A change has a kind, so that a parameter of a loss may be called what it likes. A whole loss is a
change to JSON of the two fields of a RunSpec that describe one; "broken" marks where a loss stopped
being finite, "back" that the weights of an earlier step were put back.
"""

import json
from collections.abc import Iterable
from typing import Any

from playground.errors import SpecError
from playground.spec import RunSpec
from playground.training.events import Changed

STATE, RATE, PARAMETER, LOSS = "state", "rate", "parameter", "loss"
BROKEN, BACK, BEST, PHASE = "broken", "back", "best", "phase"
RATES = ("learning_rate", "center_rate")  # fields of a spec that can be changed by themselves
_BEFORE = {
    "state": STATE,
    "loss": LOSS,
    "broken": BROKEN,
    "back_to_step": BACK,
    "best_epoch": BEST,
}


def of_before(step: int, what: str, value: float | str) -> Changed:
    """A mark as versions recorded it that knew one name for kind and name."""
    if what in _BEFORE:
        return Changed(step, _BEFORE[what], "", value)
    return Changed(step, RATE if what in RATES else PARAMETER, what, value)


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
        if step is not None and mark.step > step:
            continue
        if mark.kind == LOSS:
            spec = with_loss(spec, mark.value)
        elif mark.kind == RATE:
            spec = spec.model_copy(update={mark.name: float(mark.value)})
        elif mark.kind == PARAMETER:
            parameters = {**spec.loss_parameters, mark.name: float(mark.value)}
            spec = spec.model_copy(update={"loss_parameters": parameters})
    return spec


def broken(marks: Iterable[Changed]) -> dict[str, Any] | None:
    """What broke last, if nothing was changed since: message, hint, where, mended (a text or
    None), the step, and the step to whose weights the run can go back."""
    last = next((mark for mark in reversed(list(marks)) if mark.kind != STATE), None)
    if last is None or last.kind != BROKEN:
        return None
    found: dict[str, Any] = json.loads(str(last.value))
    return {**found, "step": last.step}
