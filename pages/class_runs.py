"""What a teacher sees: all runs of this server's store, and how to stop one."""

import streamlit as st

from pages.parts import problems, rerun, runs
from pages.parts.visitor import person
from playground import logs
from playground.errors import PlaygroundError
from playground.runs import supervisor
from playground.runs.records import TERMINAL
from playground.runs.store import RunRecord
from playground.tasks import TASKS

MOST = 50  # runs that are listed, those that wait or train first
EVERY_SECONDS = 2.0
WIDTHS = [1, 2, 2, 4, 2, 2, 1.5]
HEADS = ["Run", "Whose", "Learns", "Loss", "State", "Epoch", ""]


def stop(run_id: str) -> None:
    """Stops a run, in the name of whom it is, if who is at this page may."""
    rerun.ask()
    somebody, record = person(), runs.find(run_id)
    if record is None:
        return
    try:
        supervisor.service().command(run_id, somebody.acts_as(record, "stop"), "stop")
    except PlaygroundError as error:
        problems.remember(error, "Not stopped")
        return
    logs.tell("teacher stops a run", run=run_id, visitor=logs.who(somebody.owner))
    problems.forget()


def listed() -> list[RunRecord]:
    """The newest runs, those that wait or train before the others; none if the store cannot be
    read, which is then said."""
    store = supervisor.service().store
    try:
        live = store.runs(limit=MOST, live=True)
        ended = store.runs(limit=MOST - len(live), live=False) if len(live) < MOST else []
    except PlaygroundError as error:
        problems.problem("The runs cannot be read", error.message, error.hint, key="no-runs")
        return []
    return [*live, *ended]


def row(record: RunRecord) -> None:
    """A run in a line; what a visitor wrote is plain text."""
    cells = st.columns(WIDTHS, vertical_alignment="center")
    with cells[0]:
        page = runs.page_of(record)
        if page:
            query = {"run": record.id}
            st.page_link(f"{page}.py", label=f"#{record.number}", query_params=query)
        else:
            st.text(f"#{record.number}")
    known = record.spec.task in TASKS
    told = [
        "a terminal" if record.owner == TERMINAL else logs.who(record.owner),
        TASKS[record.spec.task].title if known else record.spec.task[:32],
        runs.loss_name(record.spec),
        record.state,
        f"{record.epoch:.3g} of {record.spec.epochs}",
    ]
    for cell, text in zip(cells[1:], told, strict=False):
        cell.text(text)
    with cells[-1]:
        if record.live and record.owner != TERMINAL:
            st.button(
                "Stop",
                key=f"stop-{record.id}",
                icon=":material/stop:",
                on_click=stop,
                args=(record.id,),
                help="Ends the run. What it recorded is kept.",
            )


@st.fragment(run_every=EVERY_SECONDS)
def board() -> None:
    """The list, anew every few seconds."""
    rerun.follow()
    status = supervisor.service().status()
    st.caption(
        f"{status['running']} train here, {status['queued']} wait; "
        f"{status['warm']} of {status['workers']} workers are ready."
    )
    with st.container(key="class-heads"):
        for cell, head in zip(st.columns(WIDTHS), HEADS, strict=True):
            cell.caption(head)
    found = listed()
    with st.container(key="class-runs", gap="xsmall"):
        for record in found:
            row(record)
    if not found:
        st.text("No run yet. Those of everybody will stand here.")


if not person().teaches:  # the menu does not show the page to others; its address shows nothing
    st.text("This page is for teachers.")
    st.stop()
st.title("Class", anchor=False)
problems.recall()
board()
