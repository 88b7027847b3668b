"""The verdict on a run, with what the doctor says of its loss, and its next step as one click."""

import streamlit as st

from pages.parts import draft, rerun, session
from pages.parts.properties import diagnosed
from playground.errors import SpecError, WorkerError
from playground.runs import supervisor
from playground.runs.store import RunRecord
from playground.spec import RunSpec
from playground.verdicts import fit, judging


def verdict(record: RunRecord) -> fit.Verdict:
    """The verdict on a run; where something is wrong with it, with the doctor's word on its loss.
    Raises StoreError."""
    store = supervisor.service().store
    found = judging.judge(store, record)
    checking = supervisor.service().status()["checking"]
    if found.kind in fit.WELL or judging.has_own(record) or not checking:
        return found
    try:
        parameters = tuple(sorted(record.spec.loss_parameters.items()))
        doctor = diagnosed(record.spec.loss, parameters, record.spec.task)
    except WorkerError:
        return found
    return judging.judge(store, record, doctor)


def next_step(record: RunRecord, found: fit.Verdict, key: str) -> None:
    """A button that makes the settings those of the next step, where it is one of settings."""
    try:
        wanted = type(record.spec).parse({**record.spec.model_dump(), **found.change})
    except SpecError:
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
        help="Makes the settings those of this run with that change. Then press Train.",
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
