"""Sweeps: a chart that fills as their runs finish in the background."""

import streamlit as st

from pages.parts import problems, rerun, together
from pages.parts.stored import stored
from pages.parts.url import SWEEP_KEY
from pages.parts.visitor import visitor
from playground import sweeps
from playground.errors import PlaygroundError, StoreError
from playground.figures.sweep import sweep_chart
from playground.races import feeder
from playground.races.race import SWEEP, Race
from playground.runs import supervisor
from playground.runs.race_rows import ACTIVE
from playground.runs.store import LIVE
from playground.spec import RunSpec

TICK_SECONDS = 1.5
MEANS = {
    "width": "Validation error falls, stops falling where the network can just learn every wrong "
    "label (training error reaches 0), and falls again beyond: the second descent of Nakkiran et "
    "al. 2020. Grey: a stored sweep, 400 digits, 20% of the labels wrong, means of 3 seeds; dotted "
    "what early stopping would have kept.",
    "train_images": "The learning curve: with more images training error rises, validation error "
    "falls, and the gap between them closes.",
    "dropout": "A regulariser trades training error for a smaller gap; too much of it underfits.",
    "l2": "A regulariser trades training error for a smaller gap; too much of it underfits.",
}


def sweep_card(settled: RunSpec | None) -> None:
    """The sweeps around the present settings."""
    whole_sweeps = sweeps.SWEEPS
    with st.container(horizontal=True, vertical_alignment="center", key="sweep-head"):
        st.subheader("Sweeps", anchor=False, width="content")
        st.segmented_control(
            "What is varied",
            list(whole_sweeps),
            format_func=lambda field: whole_sweeps[field].title,
            key=SWEEP_KEY,
            required=True,
            label_visibility="collapsed",
        )
    if settled is None:
        st.caption("A setting is out of its range: mend it first.")
        return
    sweep = whole_sweeps[st.session_state[SWEEP_KEY]]
    planned = sweeps.specs(sweep, settled)
    live = bool(_active(planned)) or any(point.state in LIVE for point in _points(sweep, planned))
    st.fragment(_card, run_every=TICK_SECONDS if live else None)(sweep, planned, live)


def _points(sweep: sweeps.Sweep, planned: list[RunSpec]) -> list[sweeps.Point]:
    try:
        known = supervisor.service().store.by_digest([spec.digest for spec in planned])
    except StoreError as error:
        problems.remember(error, "The history cannot be read")
        known = {}
    return sweeps.points(sweep, planned, known)


def _card(sweep: sweeps.Sweep, planned: list[RunSpec], known_live: bool) -> None:
    rerun.follow()
    found = _points(sweep, planned)
    active = _active(planned)
    live = [point for point in found if point.state in LIVE]
    if bool(live or active) != known_live:
        st.rerun()
    missing = [point.spec for point in found if point.state not in {*LIVE, "completed"}]
    done = sum(point.state == "completed" for point in found)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Run the sweep" if not done else "Run the rest",
            key="sweep-run",
            icon=":material/stacked_line_chart:",
            disabled=not missing or bool(active),
            on_click=_start,
            args=(planned,),
            help="One run for each point, with the settings on the left, in the background.",
        )
        if active:
            st.button(
                "Stop the sweep",
                key="sweep-stop",
                icon=":material/stop:",
                on_click=_stop,
                args=(active,),
                help="Keeps the points that are done; it can be taken up again.",
            )
        st.text(_said(done, len(found) - done if active else len(live), len(found)))
    before = stored("descent") if sweep.field == "width" else None
    chart = sweep_chart(sweep, found, before, st.context.theme.type == "dark")
    st.plotly_chart(
        chart,
        key="sweep-chart",
        config={"displayModeBar": False},
        alt=f"Training and validation error over {sweep.axis}.",
    )
    with st.container(key="lesson-sweep"):
        st.caption(MEANS[sweep.field])


def _active(planned: list[RunSpec]) -> str:
    """The id of this visitor's sweep over these points that goes on; "" if there is none."""
    try:
        found = feeder.service().find(Race.of(planned, SWEEP), visitor())
    except PlaygroundError:
        return ""  # too few points to sweep, or a store that `_points` has told of
    return found.id if found is not None and found.state == ACTIVE else ""


def _stop(race_id: str) -> None:
    rerun.ask()
    try:
        feeder.service().stop(race_id, visitor())
    except PlaygroundError as error:
        problems.remember(error, "Not stopped")


def _said(done: int, live: int, count: int) -> str:
    if live:
        waits = supervisor.service().status()["waits"]
        what = f", for {waits}" if waits else ""
        return f"{done} of {count} points; {live} train or wait{what}"
    return f"{done} of {count} points" if done else f"{count} runs around the present settings"


def _start(planned: list[RunSpec]) -> None:
    rerun.ask()
    together.race(planned, SWEEP)
