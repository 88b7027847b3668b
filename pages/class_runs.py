"""What a teacher sees: the lessons that are pinned, all runs of this server's store, and how to
stop one."""

import streamlit as st

from pages.parts import pinned, problems, rerun, runs
from pages.parts.visitor import person
from playground import logs
from playground.errors import PlaygroundError
from playground.runs import supervisor
from playground.runs.records import TERMINAL
from playground.runs.store import RunRecord
from playground.tasks import TASKS

MOST = 50  # runs that are listed, those that wait or train first
EVERY_SECONDS = 2.0


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
    told = [
        "a terminal" if record.owner == TERMINAL else logs.who(record.owner),
        TASKS[record.spec.task].title if record.spec.task in TASKS else record.spec.task[:32],
        runs.loss_name(record.spec),
        f"{record.epoch:.3g} of {record.spec.epochs} epochs",
        record.state,
    ]
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key=f"class-run-{record.id}"
    ):
        page, label = runs.page_of(record), f"#{record.number}"
        if page:
            st.page_link(f"{page}.py", label=label, query_params={"run": record.id})
        else:
            st.text(label, width="content")
        st.text(" · ".join(told), width="content")
        if record.live and record.owner != TERMINAL:
            st.button(
                "Stop",
                key=f"stop-{record.id}",
                icon=":material/stop:",
                type="tertiary",
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
pinned.arranging()
st.subheader("Runs", anchor=False)
board()
