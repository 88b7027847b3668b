"""What may be changed of a run while it trains: the settings that differ from those it has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from pages.parts import checked, draft, problems, runs, session, together
from playground.errors import PlaygroundError
from playground.runs import supervisor
from playground.runs.store import RunRecord
from playground.spec import RunSpec, knobs
from playground.training.changes import LOSS, PARAMETER, RATE, as_changed, loss_change
from playground.training.events import Changed

What = tuple[str, str]  # the kind and the name of a change
Asked = dict[tuple[str, What], tuple[float, int]]
# Numbers that runs were sent: by run and what, the last value and its mark's place.
ASKED: session.Key[Asked] = session.declare("asked", dict)
TRAINS = frozenset({"running", "paused"})  # states in which a run takes a change
OFFERED = "offered"  # what the page was drawn with


@dataclass(frozen=True)
class Offer:
    """A change that the shown run could take, in words."""

    kind: str
    name: str
    value: float | str
    label: str


def offers(current: RunRecord | None, settled: RunSpec | None) -> tuple[Offer, ...]:
    """The settings that can be changed mid-run and differ from those of the shown run; none where
    it does not train yet or any more, or is not this visitor's."""
    if current is None or settled is None or current.state not in TRAINS:
        return ()
    if not together.steerable([current]):
        return ()
    by_now = spec_by_now(current)
    found = []
    if settled.loss != by_now.loss and checked.refusal(settled) is None:
        found.append(Offer(LOSS, "", loss_change(settled), "New loss: apply to this run"))
    for kind, name, old, new in _numbers(current, by_now, settled):
        label = knobs()[name].label if kind == RATE else name.replace("_", r"\_")
        found.append(Offer(kind, name, new, f"{label} {old:g} → {new:g}: apply to this run"))
    return tuple(found)


def drawn(found: tuple[Offer, ...]) -> None:
    """The page is being drawn with these offers."""
    st.session_state[OFFERED] = found


def follow() -> None:
    """In a fragment that changes the settings: draws the whole page if what is offered changed."""
    current, _ = together.on_screen()
    if offers(current, draft.spec()[0]) != st.session_state.get(OFFERED, ()):
        st.rerun()


def _numbers(
    current: RunRecord, by_now: RunSpec, settled: RunSpec
) -> list[tuple[str, str, float, float]]:
    """Rates and parameters of the loss that differ: kind, name, the run's value, the new one."""
    try:
        rates = ["learning_rate", *(["center_rate"] if has_centers(current) else [])]
    except PlaygroundError as error:
        problems.remember(error)
        return []
    found = []
    for name in rates:
        old, new = getattr(by_now, name), getattr(settled, name)
        if old != new:
            found.append((RATE, name, old, new))
    if settled.loss == by_now.loss:
        defaults: Mapping[str, float] = session.value("loss_defaults")
        held = {**defaults, **by_now.loss_parameters}
        wanted = {**defaults, **settled.loss_parameters}
        for name, value in wanted.items():
            old = held.get(name)
            if isinstance(old, float | int) and old != value:
                found.append((PARAMETER, name, float(old), value))
    return found


def has_centers(record: RunRecord) -> bool:
    """Whether the loss of a run that has begun asks for moving class centres. Raises StoreError."""
    started = supervisor.service().store.started(record.id)
    return started is not None and "centers" in started.loss.get("inputs", ())


def spec_by_now(current: RunRecord) -> RunSpec:
    """The run's spec as it is once it has obeyed what this visitor asked of it."""
    found = marks(current)
    asked: Asked = session.value(ASKED)
    waiting = [
        Changed(current.step, *what, value)
        for (run_id, what), (value, place) in asked.items()
        if run_id == current.id and _count(found, what) < place
    ]
    return as_changed(current.spec, [*found, *waiting])


def remember(run_id: str, what: What, value: float) -> None:
    """A run has been sent this change: it is obeyed once there are as many marks of its kind as
    changes were asked for."""
    record = runs.find(run_id)
    if record is None:
        return
    asked: Asked = session.value(ASKED)
    _, place = asked.get((run_id, what), (value, 0))
    asked[run_id, what] = (value, max(place, _count(marks(record), what)) + 1)
    st.session_state[ASKED] = asked


def marks(current: RunRecord) -> list[Changed]:
    """What was changed of a run so far; nothing if the store cannot be read, which is then said."""
    try:
        return supervisor.service().store.marks(current.id)
    except PlaygroundError as error:
        problems.remember(error)
        return []


def _count(found: Sequence[Changed], what: What) -> int:
    return sum((mark.kind, mark.name) == what for mark in found)
