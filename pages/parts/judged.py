"""The verdict on a run, with what the doctor says of its loss, and its next step as one click."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages.parts import draft, rerun, session
from pages.parts.properties import diagnosed
from playground.errors import SpecError, StoreError, WorkerError
from playground.runs import supervisor
from playground.runs.run_view import RunView
from playground.runs.store import RunRecord
from playground.spec import RunSpec
from playground.training.changes import as_changed
from playground.verdicts import fit, judging

# So long a verdict on a run is that of all who look, unless its state changes first.
SHARED_SECONDS = 1.0


def verdict(record: RunRecord) -> fit.Verdict:
    """The verdict on a run; where something is wrong with it, with the doctor's word on its loss.
    Raises StoreError."""
    found = _judged(record)
    checking = supervisor.service().status()["checking"]
    if found.kind in fit.WELL or judging.has_own(record) or not checking:
        return found
    try:
        parameters = tuple(sorted(record.spec.loss_parameters.items()))
        doctor = diagnosed(record.spec.loss, parameters, record.spec.task)
    except WorkerError:
        return found
    return _judged(record, doctor)


def _judged(record: RunRecord, doctor: Sequence[Mapping[str, Any]] = ()) -> fit.Verdict:
    new = record.state, record.message, bool(record.metrics), bool(doctor)
    return _shared(record.id, new, record, doctor)


@st.cache_resource(ttl=SHARED_SECONDS, max_entries=256, show_spinner=False)
def _shared(
    run_id: str, new: object, _record: RunRecord, _doctor: Sequence[Mapping[str, Any]]
) -> fit.Verdict:
    """One verdict for all who look: it is worked out of all that a run recorded."""
    store: Any = supervisor.service().store
    if _record.parent is None:  # of a branch more than one run is read
        store = RunView(store, run_id)
    return judging.judge(store, _record, _doctor)


def next_step(record: RunRecord, found: fit.Verdict, key: str) -> None:
    """A button that makes the settings those of the next step, where it is one of settings."""
    try:
        now = as_changed(record.spec, supervisor.service().store.marks(record.id))
        wanted = type(now).parse({**now.model_dump(), **found.change})
    except (SpecError, StoreError):
        return
    if not found.change or wanted == draft.spec()[0]:
        return
    st.button(
        "Add cross_entropy()" if found.cause == "last layer" else "Set it",
        key=key,
        icon=":material/tune:",
        type="tertiary",
        on_click=_take,
        args=(wanted,),
        help="Makes the settings those of this run, as it is by now, with that change. Then press "
        "Train.",
    )


def evidence(found: fit.Verdict) -> None:
    """The numbers that a verdict rests on, as a table."""
    st.table(
        {
            "": [name for name, _ in found.evidence],
            "value": [value for _, value in found.evidence],
        },
        hide_index=True,
        hide_header=True,
        border="horizontal",
    )


def _take(spec: RunSpec) -> None:
    rerun.ask()
    draft.take(spec)
    session.keep()
