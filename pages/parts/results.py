"""What came of a run: its curves, why it failed, how large its network is."""

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from pages.live import component
from pages.parts import (
    draft,
    judged,
    metrics,
    problems,
    rerun,
    runs,
    session,
    take_home,
    term_charts,
)
from pages.parts.url import AXIS_KEY, LOG_KEY, SMOOTHING_KEY
from playground import models
from playground.analysis import curves
from playground.errors import StoreError
from playground.figures.network import stages
from playground.knobs import is_name
from playground.runs import supervisor
from playground.runs.store import LIVE, RunRecord
from playground.spec import DEFAULT_TASK, RunSpec
from playground.tasks import TASKS

TICK_SECONDS = 5.0  # a verdict is of evaluations, between which it seldom differs


@st.fragment
def curves_card(
    current: RunRecord | None, compared: Sequence[RunRecord], after: Callable[[], None]
) -> None:
    """The curves of the shown run and those beside it, and how they are drawn."""
    rerun.follow()
    shown = [*([current] if current is not None else []), *compared]
    task = TASKS[runs.task(current, draft.spec()[0])]
    with st.container(horizontal=True, vertical_alignment="center", key="curves-head"):
        st.subheader("Curves", anchor=False, width="content")
        st.space("stretch")
        along()
        metrics.chooser()
        smoothing, log = st.session_state[SMOOTHING_KEY], st.session_state[LOG_KEY]
        st.toggle("Log scale", key=LOG_KEY, help="A logarithmic axis for the loss.")
        with st.popover(
            f"Smoothing {smoothing:.2f}",
            key="curves-view",
            icon=":material/tune:",
            type="tertiary",
        ):
            st.slider(
                "Smoothing",
                0.0,
                0.99,
                step=0.01,
                key=SMOOTHING_KEY,
                help="How much of the batches' noise is averaged away; the raw line stays behind.",
            )
        as_table(current)
    component.curves(
        "curves",
        runs.drawn(shown),
        smoothing=smoothing,
        log=log,
        axis=session.value(AXIS_KEY),
        panels=task.panels,
        metrics=[
            *metrics.of_task(task),
            *metrics.described(metrics.chosen()),
            *term_charts.charts(current),
        ],
    )
    term_charts.monitor(current)
    live = current is not None and current.state in LIVE
    st.fragment(_lesson, run_every=TICK_SECONDS if live else None)(current, compared)
    after()


def along() -> None:
    """What the curves are drawn over."""
    st.segmented_control(
        "Along",
        component.AXES,
        key=AXIS_KEY,
        required=True,
        label_visibility="collapsed",
        help="Runs of different batch sizes compare by epoch, of different speed by seconds.",
    )


def as_table(record: RunRecord | None) -> None:
    """All that was recorded of the shown run, to take home."""
    if record is None:
        return
    take_home.button(
        "CSV",
        partial(_table, record.id),
        of=record.id,
        file_name=f"run-{record.number}.csv",
        mime="text/csv",
        key="curves-csv",
        type="tertiary",
        icon=":material/download:",
        help="All curves of the shown run as a table: a row for each step.",
    )


def _table(run_id: str) -> str:
    return curves.table(supervisor.service().store, run_id)


def failed(record: RunRecord) -> None:
    """Why a run failed, where in a written loss, what was kept, what to press."""
    hint = f"{record.hint} Then press Train.".strip()
    text = "" if is_name(record.spec.loss) else record.spec.loss
    problems.problem("The run failed", record.message, hint, record.where, "failed", text=text)


def network(settled: RunSpec | None) -> None:
    """How many weights the network of these settings has."""
    if settled is None:
        return
    plan = models.plan(settled)
    st.caption(f"{models.parameter_count(settled):,} weights in {len(plan)} layers")


def network_card(settled: RunSpec | None) -> None:
    """The picture of the network that these settings make; `network` says how large it is."""
    if settled is None:
        st.subheader("Network", anchor=False)
        st.caption("A setting is out of its range: mend it, and its network shows here.")
        return
    plan = models.plan(settled)
    st.subheader("Network", anchor=False)
    component.network("network", stages(plan))


def _lesson(current: RunRecord | None, compared: Sequence[RunRecord]) -> None:
    """What the curves say, in a line; follows a run that trains."""
    rerun.follow()
    with st.container(key="lesson-curves", gap=None):
        if current is None or not _judged(current):
            st.caption(_said(current, compared))


def _judged(current: RunRecord) -> bool:
    """The verdict on a run in a line, its next step, and the way to the page that shows why or
    what it rests on; False where there is none yet."""
    try:
        found = judged.verdict(current)
    except StoreError:
        return False  # the page says elsewhere that the store cannot be read
    if found.kind == "early":
        return False
    # A fragment of a visitor's text may be in it: plain text, never Markdown.
    st.text(f"{found.sentence} Next: {found.step}")
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        judged.next_step(current, found, "next-step")
        if current.spec.task == DEFAULT_TASK:
            st.page_link("fitting.py", label="See why on Fitting", icon=":material/arrow_forward:")
        elif found.evidence:
            with st.popover("Evidence", key="verdict-evidence", type="tertiary"):
                for note in found.notes:
                    st.text(note)
                judged.evidence(found)
    return True


def _said(current: RunRecord | None, compared: Sequence[RunRecord]) -> str:
    if current is None:
        return (
            "The loss falls as the network learns. Solid is measured on the batches it trains on, "
            "dashed on the validation images."
        )
    if current.spec.task == "autoencoder":
        return (
            "When dashed rises while solid falls, the decoder learns its images by heart. Losses "
            "of different weights have different scales: the negative ELBO compares them."
        )
    if any(other.spec.loss != current.spec.loss for other in compared):
        return (
            "Different losses have different scales: compare the runs by accuracy, or by a metric."
        )
    return (
        "When dashed rises while solid falls, the network learns its images by heart: overfitting."
    )
