"""What can be changed while a run trains, and a run's spec as it was changed, out of the marks that
it left.

A change has a kind, so that a parameter of a loss may be called what it likes. A whole loss is a
change to JSON of the two fields of a RunSpec that describe one; "broken" marks where a loss stopped
being finite, "back" that the weights of an earlier step were put back.
"""

import json
import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from playground.errors import RunError, SpecError
from playground.spec import RunSpec, knobs
from playground.tasks import TASKS
from playground.training.events import Changed

STATE, RATE, PARAMETER, LOSS = "state", "rate", "parameter", "loss"
BROKEN, BACK, BEST, PHASE = "broken", "back", "best", "phase"
STEERED = frozenset({RATE, PARAMETER, LOSS, BACK})  # with these a run is no longer its spec's
# Fields of a spec that can be changed by themselves, and what they are called.
RATES = {"learning_rate": "learning rate", "center_rate": "centre rate"}
# What a branch may have otherwise than the run that it leaves: groups of knobs, and fields.
_BRANCHED = frozenset({"loss", "metrics", "regularisation", "augmentation", "centers"})
_BRANCHED_FIELDS = frozenset(
    {"optimizer", "learning_rate", "schedule", "epochs", "evaluations", "watch_fit"}
    | {"class_weights"}
)
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


def with_parameter(spec: RunSpec, name: str, value: float) -> RunSpec:
    """The spec with another value of a parameter of its loss."""
    parameters = {**spec.loss_parameters, name: value}
    return spec.model_copy(update={"loss_parameters": parameters})


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
            spec = with_parameter(spec, mark.name, float(mark.value))
    return spec


def branched(spec: RunSpec) -> list[str]:
    """The fields that a branch may have otherwise than a run of this spec: not its images and their
    batches, not its network; of a run of several phases not its length."""
    phases = len(TASKS[spec.task].phase_epochs(spec))
    return [
        name
        for name, knob in knobs(spec.task).items()
        if (knob.group in _BRANCHED or name in _BRANCHED_FIELDS)
        and not (name == "epochs" and phases > 1)
    ]


def check_branch(left: RunSpec, spec: RunSpec) -> None:
    """Raises RunError where a run of a spec cannot leave one of another."""
    may = branched(left)
    for name, knob in knobs(left.task).items():
        if name not in may and getattr(left, name) != getattr(spec, name, None):
            raise RunError(
                f"A branch has the setting '{knob.label}' of the run that it leaves.",
                "Put it back, or train a new run.",
            )


def broken(marks: Iterable[Changed]) -> dict[str, Any] | None:
    """What broke last, if nothing was changed since: message, hint, where, mended (a text or
    None), the step, and the step to whose weights the run can go back."""
    last = next((mark for mark in reversed(list(marks)) if mark.kind != STATE), None)
    if last is None or last.kind != BROKEN:
        return None
    found: dict[str, Any] = json.loads(str(last.value))
    return {**found, "step": last.step}


def check_number(kind: str, name: str, value: float | str, loss: Mapping[str, Any]) -> None:
    """Raises RunError unless what a kind and a name say can take `value`; of the run's loss, its
    "inputs" and "parameters" are known."""
    rates = [rate for rate in RATES if rate != "center_rate" or "centers" in loss.get("inputs", [])]
    parameters = [parameter["name"] for parameter in loss.get("parameters", [])]
    if name not in {RATE: rates, PARAMETER: parameters}.get(kind, []):
        raise RunError(
            f"{name[:64]!r} cannot be changed while this run trains.",
            f"What can: {', '.join([*rates, *parameters])}.",
        )
    if isinstance(value, str) or not math.isfinite(value):
        raise RunError(f"Expected a finite number for {name[:64]!r}.")
    if kind == RATE:
        knob = knobs()[name]
        low, high = knob.low or 0.0, knob.high or math.inf
        if not low <= value <= high:
            raise RunError(f"Expected a {RATES[name]} of {low:g} to {high:g}; got {value:g}.")


def check_loss(report: Mapping[str, Any], begun_with: Collection[str]) -> None:
    """Raises RunError unless a run can go on with the loss of a check's report; the one it was
    begun with has the inputs `begun_with`."""
    if error := report.get("error"):
        raise RunError(f"The loss stays: {error['message']}.", error["hint"] or "")
    if refused := report.get("refusal"):
        raise RunError(f"The loss stays: {refused['message']}.", refused["hint"])
    if "centers" in set(report["inputs"]) - set(begun_with):
        raise RunError(
            "The loss stays: this run was begun without moving class centres.",
            "Press Train for a run that has them.",
        )
