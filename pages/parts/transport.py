"""Train, pause, step, stop, reset: what the visitor does to a run, and when it is allowed."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from pages.parts import (
    broken_run,
    draft,
    going_on,
    loss_card,
    metrics,
    midrun,
    problems,
    rerun,
    runs,
    session,
    together,
)
from pages.parts.browser import copy_link, keys
from pages.parts.steering import steer
from pages.parts.url import MOST_COMPARED
from pages.parts.visitor import whose
from playground import replay
from playground.errors import PlaygroundError
from playground.runs.store import LIVE, RunRecord
from playground.spec import RunSpec, knobs

TICK_SECONDS = 1.0
# Of one who can steer none of the runs: what moves comes by the stream, and each tick is a script
# run, of which a class that looks at one run would cause more than all else of a server.
LOOK_SECONDS = 5.0
KEPT_BESIDE = 3  # earlier runs that Train leaves on the charts by itself
LABELS = {"pause": "Pause", "resume": "Resume"}
ICONS = {
    "pause": ":material/pause:",
    "resume": ":material/play_arrow:",
    "step": ":material/skip_next:",
    "stop": ":material/stop:",
}


@dataclass(frozen=True)
class DrawnWith:
    """What a page was drawn with: whether each run on the screen is live, whether the shown one
    waits because its loss broke, what is offered to it, and whether the terms of its loss have been
    measured, which have charts of their own."""

    live: tuple[bool, ...]
    broke: bool
    offers: tuple[midrun.Offer, ...]
    terms: bool


def drawn_with(
    current: RunRecord | None, compared: Sequence[RunRecord], settled: RunSpec | None
) -> DrawnWith:
    """What a page of these records is drawn with."""
    records = [*([current] if current is not None else []), *compared]
    return DrawnWith(
        tuple(one.state in LIVE for one in records),
        broken_run.broken_of(current) is not None,
        midrun.offers(current, settled),
        current is not None and "validation_term1" in current.metrics,
    )


def transport(
    current: RunRecord | None, compared: list[RunRecord], settled: RunSpec | None, now: DrawnWith
) -> None:
    """The row of buttons. Pause, Step and Stop follow the run in a fragment of their own, so that
    the rest of the page rests while it trains."""
    steerable = current is not None and bool(together.steerable([current]))
    keys("keys", {" ": ["resume", "pause", "train"], ".": ["step"]})
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="buttons"):
        st.button(
            "Train",
            key="train",
            type="primary",
            icon=":material/play_arrow:",
            disabled=steerable or settled is None,
            on_click=train,
            help=_train_help(steerable, settled),
        )
        st.fragment(_steering, run_every=_every(current, compared) if any(now.live) else None)(now)
        st.button(
            "Reset",
            key="reset",
            icon=":material/replay:",
            disabled=current is None,
            on_click=reset,
            help="Back to the untrained network. Stops the run if it is yours; it stays in Runs.",
        )
        st.space("stretch")
        going_on.chooser(current, settled)
        runs.chooser(current, compared)
        copy_link("copy-link", "" if settled is None else replay.made(settled))


def _every(current: RunRecord | None, compared: Sequence[RunRecord]) -> float:
    """Seconds between two looks at the runs on the screen."""
    shown = [*([current] if current is not None else []), *compared]
    return TICK_SECONDS if together.steerable(shown) else LOOK_SECONDS


def _train_help(steerable: bool, settled: RunSpec | None) -> str:
    if settled is None:
        return "A setting is out of its range: mend it first."
    if steerable:
        return "Your run is under way: stop it to train another."
    return "Trains a new network with these settings. Key: Space"


def _steering(drawn: DrawnWith) -> None:
    """Pause, Step and Stop as the runs' states allow; refreshed while one is live. Draws the whole
    page where it was drawn with something else than this."""
    rerun.follow()
    current, compared = together.on_screen()
    if drawn_with(current, compared, draft.spec()[0]) != drawn:
        st.rerun()
    mine = together.steerable([*([current] if current is not None else []), *compared])
    states = {one.state for one in mine}
    turn = "resume" if "paused" in states and "running" not in states else "pause"
    steps = bool(states & {"running", "paused"})
    obeys = f" {whose(current.owner)}" if current is not None else ""
    which, what = ("", "the run") if len(mine) < 2 else (" all", f"the {len(mine)} runs")
    buttons = [
        (turn, LABELS[turn] + which, ICONS[turn], steps, f"{LABELS[turn]} {what}. Key: Space."),
        ("step", "Step", ICONS["step"], steps, "One batch, then pause. Key: full stop."),
        ("stop", "Stop" + which, ICONS["stop"], bool(mine), f"Ends {what}; all is kept."),
    ]
    with st.container(horizontal=True, gap="small", width="content", key="steering"):
        for do, label, icon, enabled, meaning in buttons:
            st.button(
                label,
                key=do,
                icon=icon,
                disabled=not enabled,
                on_click=steer,
                args=(do,),
                help=f"{meaning}{obeys}".rstrip(),
            )
        if not mine and current is not None and going_on.resumable(current):
            st.button(
                "Resume run",
                key="go-on",
                icon=":material/play_arrow:",
                on_click=going_on.resume,
                args=(current.id,),
                help="It goes on from its last checkpoint, with the numbers it would have had.",
            )


def beneath(current: RunRecord | None, now: DrawnWith) -> None:
    """The line under the buttons: whom the run obeys and what moved settings mean for it."""
    if current is None or current.state not in LIVE:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="beneath"):
        if whose(current.owner):
            st.caption(whose(current.owner), width="content")
            st.button(
                "Train a copy",
                key="train-copy",
                type="tertiary",
                on_click=train_copy,
                args=(current.spec,),
                help="Takes this run's settings and trains a run of your own.",
            )
            return
        st.caption("These settings apply to the next run.", width="content")
        for offer in now.offers:
            st.button(
                offer.label,
                key=f"apply-{offer.kind}-{offer.name}".rstrip("-"),
                type="tertiary",
                icon=":material/subdirectory_arrow_left:",
                on_click=steer,
                args=("change", offer.kind, offer.name, offer.value),
                help="The network goes on learning from it; every chart is marked.",
            )


def train() -> None:
    """Starts a run of the present settings; the one before stays on the charts."""
    rerun.ask()
    loss_card.sync()
    settled, faults = draft.spec()
    if settled is None:
        field, message = next(iter(faults.items()))
        label = knobs()[field].label if field in knobs() else field
        problems.remember(PlaygroundError(f"{label}: {message}"), "Not started", about="settings")
        return
    fault = metrics.fault()
    if fault is not None:
        problems.remember(fault, "Not started", about="metric")
        return
    _submit(settled)


def train_copy(spec: RunSpec) -> None:
    """Takes another run's settings and trains a run of this visitor's own."""
    rerun.ask()
    draft.take(spec)
    _submit(spec)


def _submit(spec: RunSpec) -> None:
    started = together.start([spec])
    if not started:
        return
    draft.settle()
    before, beside = runs.find(session.RUN.get()), session.COMPARE.get()
    if before is not None and before.step and before.spec.dataset == spec.dataset:
        room = max(KEPT_BESIDE, len(beside))
        session.COMPARE.set([before.id, *beside][: min(room, MOST_COMPARED)])
    session.RUN.set(started[0])


def reset() -> None:
    """Puts the shown run away; stops it first if it is live and this visitor's."""
    rerun.ask()
    if together.steerable(together.shown()):
        steer("stop")
    session.RUN.set("")
    problems.forget()
