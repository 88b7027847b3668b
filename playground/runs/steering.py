"""Who may steer a run, and which changes it can take while it trains (`training.changes` says what
can be changed at all)."""

from collections.abc import Callable, Mapping
from typing import Any

from playground.errors import RunError, SpecError
from playground.runs.records import TERMINAL, RunRecord
from playground.runs.store import Store
from playground.training.changes import (
    BACK,
    LOSS,
    as_changed,
    broken,
    check_loss,
    check_number,
    with_loss,
)

COMMANDS = frozenset({"pause", "resume", "step", "stop", "change"})
Change = tuple[str, str, float | str]  # what is changed, its name, to what
Check = Callable[..., Mapping[str, Any]]  # of a text, its parameters and a task: its report


def check_change(store: Store, check: Check, run_id: str, visitor: str, change: Change) -> None:
    """Raises RunError where a run cannot take a change of a kind, name and value, or not from this
    visitor. Asks the checking worker about a text."""
    kind, name, value = change
    record, started = store.run(run_id), store.started(run_id)
    if record is None or started is None:
        return  # what is wrong with it is said by who looks for it
    check_owner(record.owner, visitor)
    if kind == LOSS:
        try:
            wanted = with_loss(record.spec, value)
        except SpecError as fault:
            raise RunError(f"The loss stays: {fault.message}.", fault.hint) from None
        report = check(text=wanted.loss, parameters=wanted.loss_parameters, task=record.spec.task)
        check_loss(report, started.loss.get("inputs", ()))
    elif kind == BACK:
        found = broken(store.marks(run_id))
        if found is None or found.get("back") != value:
            raise RunError("The weights of that step are not at hand.", "Train a new run.")
    else:
        known: Mapping[str, Any] = started.loss
        now = as_changed(record.spec, store.marks(run_id))
        if now.loss != record.spec.loss:
            known = check(text=now.loss, parameters={}, task=record.spec.task)
        check_number(kind, name, value, known)


def check_owner(owner: str, visitor: str) -> None:
    """Raises RunError unless the visitor may steer a run of this owner."""
    if owner == TERMINAL != visitor:
        raise RunError(
            "This run trains in a terminal, which alone can steer it.",
            "Press Ctrl-C there to stop it. You can watch it, and start a run of your own with the "
            "same settings.",
        )
    if owner != visitor:
        raise RunError(
            "Only the browser that started this run can steer it.",
            "You can watch it, and start a run of your own with the same settings.",
        )


def refuse(record: RunRecord | None, visitor: str) -> None:
    """Raises RunError unless this is a live run of the visitor's, which another server has."""
    if record is None:
        raise RunError("There is no such run.", "Check the link, or start a new run.")
    check_owner(record.owner, visitor)
    if not record.live:
        raise RunError("This run has ended.", "Start a new one.")
