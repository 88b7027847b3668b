"""What stands above a page about a run: its buttons, its progress, and what there is to tell."""

from collections.abc import Iterable
from dataclasses import replace

import streamlit as st

from pages.live import component
from pages.parts import bring, midrun, problems, runs, session, url
from pages.parts.broken_run import broken_run
from pages.parts.metrics import main_of
from pages.parts.results import failed
from pages.parts.transport import beneath, drawn_with, transport
from playground.figures.network import Stage
from playground.runs import supervisor
from playground.runs.store import RunRecord
from playground.spec import RunSpec
from playground.tasks import TASKS

MOMENT_RUN: session.Key[str | None] = session.Key("moment_run", lambda: None)


def moment(run_id: str | None) -> None:
    """The slider of the moment that all views show; another run begins at its latest."""
    seen = url.SEEN.get()
    if MOMENT_RUN.get() not in (None, run_id):
        seen = replace(seen, step=None)
    if run_id is not None:
        MOMENT_RUN.set(run_id)
        seen = replace(seen, step=component.time("time", run_id, seen.step))
    url.SEEN.set(seen)


def head(
    current: RunRecord | None,
    compared: list[RunRecord],
    settled: RunSpec | None,
    metrics: Iterable[component.Metric] = (),
    network: Iterable[Stage] = (),
) -> None:
    """The transport of the shown run, which stays in sight, and the notices; of the run's `metrics`
    the values on the test images, and the stages of the settings' `network` in a line."""
    if current is not None:
        supervisor.service().questions.look_ahead(current.id)
    now = drawn_with(current, compared, settled)
    midrun.drawn(now.offers)
    with st.container(key="transport", gap="xsmall"):
        transport(current, compared, settled, now)
        main = main_of(TASKS[runs.task(current, settled)])
        run_id = current.id if current is not None else None
        with st.container(key="readout-line", gap="xsmall"):
            component.transport_readout("readout", run_id, metrics, main, network)
            beneath(current, now)
        moment(run_id)
    with st.container(
        key="notices"
    ):  # always there: what comes and goes in it moves no other panel
        problems.notes()
        problems.replayed(settled)
        problems.recall()
        if current is not None:
            bring.origin(current.id)
        if current is not None and current.state == "failed":
            failed(current)
        if current is not None:
            broken_run(current)
