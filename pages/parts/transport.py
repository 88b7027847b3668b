"""Train, pause, step, stop, reset: what the visitor does to a run, and when it is allowed."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages.parts import draft, loss_card, metrics, problems, runs, together, whole
from pages.parts.browser import copy_link, keys
from pages.parts.url import MOST_COMPARED
from pages.parts.visitor import visitor
from playground.errors import PlaygroundError
from playground.runs import supervisor
from playground.runs.store import LIVE, RunRecord
from playground.spec import RunSpec, is_name, knobs
from playground.training.changes import LOSS, as_changed, broken, loss_change
from playground.training.events import Changed

TICK_SECONDS = 1.0
KEPT_BESIDE = 3  # earlier runs that Train leaves on the charts by itself
OBEYED = {"pause", "resume", "stop"}  # commands that change a run's state
OBEYED_SECONDS = 0.25
ASKED = "asked"  # numbers that runs were sent: by run and what, the last value and its mark's place
Asked = dict[tuple[str, str], tuple[float, int]]
LABELS = {"pause": "Pause", "resume": "Resume"}
ICONS = {
    "pause": ":material/pause:",
    "resume": ":material/play_arrow:",
    "step": ":material/skip_next:",
    "stop": ":material/stop:",
}


def transport(
    current: RunRecord | None, compared: list[RunRecord], settled: RunSpec | None
) -> None:
    """The row of buttons. Pause, Step and Stop follow the run in a fragment of their own, so that
    the rest of the page rests while it trains."""
    live = any(one.state in LIVE for one in together.shown())
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
        st.fragment(_steering, run_every=TICK_SECONDS if live else None)(
            current.id if current is not None else "", live, _broken(current) is not None
        )
        st.button(
            "Reset",
            key="reset",
            icon=":material/replay:",
            disabled=current is None,
            on_click=reset,
            help="Back to the untrained network. Stops the run if it is yours; it stays in Runs.",
        )
        st.space("stretch")
        runs.chooser(current, compared)
        copy_link("copy-link")


def _train_help(steerable: bool, settled: RunSpec | None) -> str:
    if settled is None:
        return "A setting is out of its range: mend it first."
    if steerable:
        return "Your run is under way: stop it to train another."
    return "Trains a new network with these settings. Key: Space"


def _steering(run_id: str, known_live: bool, known_broken: bool) -> None:
    """Pause, Step and Stop as the runs' states allow; refreshed while one is live."""
    records = together.shown()
    mine = together.steerable(records)
    states = {one.state for one in mine}
    whole.follow()
    broke = _broken(next((one for one in records if one.id == run_id), None)) is not None
    if any(one.state in LIVE for one in records) != known_live or broke != known_broken:
        st.rerun()
    turn = "resume" if "paused" in states and "running" not in states else "pause"
    steps = bool(states & {"running", "paused"})
    theirs = [one for one in records if one.id == run_id and one.owner != visitor()]
    whose = " Only the browser that started this run can steer it." if theirs else ""
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
                help=f"{meaning}{whose}",
            )


def beneath(current: RunRecord | None, settled: RunSpec | None) -> None:
    """The line under the buttons: whom the run obeys and what moved settings mean for it."""
    if current is None or current.state not in LIVE:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="beneath"):
        if current.owner != visitor():
            st.caption("Only the browser that started this run can steer it.", width="content")
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
        if settled is not None and loss_moved(current, settled):
            st.button(
                "New loss: apply to this run",
                key="apply-loss",
                type="tertiary",
                icon=":material/subdirectory_arrow_left:",
                on_click=steer,
                args=("change", LOSS, loss_change(settled)),
                help="The network goes on learning from this loss; every chart is marked.",
            )
        for what, old, new in changes(current, settled):
            st.button(
                f"{_label(what)} {old:g} → {new:g}: apply to this run",
                key=f"apply-{what}",
                type="tertiary",
                icon=":material/subdirectory_arrow_left:",
                on_click=steer,
                args=("change", what, new),
            )


def loss_moved(current: RunRecord, settled: RunSpec) -> bool:
    """Whether the controls hold another loss than the one that the run learns from by now."""
    return settled.loss != spec_by_now(current).loss and loss_card.fault() is None


def changes(current: RunRecord, settled: RunSpec | None) -> list[tuple[str, float, float]]:
    """Settings that can be changed mid-run and differ from the run's: what, its value, the new."""
    if settled is None:
        return []
    by_now = spec_by_now(current)
    try:
        rates = ["learning_rate", *(["center_rate"] if has_centers(current) else [])]
    except PlaygroundError as error:
        problems.remember(error)
        return []
    found = []
    for name in rates:
        old, new = getattr(by_now, name), getattr(settled, name)
        if old != new:
            found.append((name, old, new))
    if settled.loss == by_now.loss:
        defaults: Mapping[str, float] = st.session_state.get("loss_defaults", {})
        held = {**defaults, **by_now.loss_parameters}
        wanted = {**defaults, **settled.loss_parameters}
        for name, value in wanted.items():
            old = held.get(name)
            if isinstance(old, float | int) and old != value:
                found.append((name, float(old), value))
    return found


def has_centers(record: RunRecord) -> bool:
    """Whether the loss of a run that has begun asks for moving class centres. Raises StoreError."""
    started = supervisor.service().store.started(record.id)
    return started is not None and "centers" in started.loss.get("inputs", ())


def spec_by_now(current: RunRecord) -> RunSpec:
    """The run's spec as it is once it has obeyed what this visitor asked of it."""
    marks = _marks(current)
    asked: Asked = st.session_state.setdefault(ASKED, {})
    waiting = [
        Changed(current.step, what, value)
        for (run_id, what), (value, place) in asked.items()
        if run_id == current.id and _count(marks, what) < place
    ]
    return as_changed(current.spec, [*marks, *waiting])


def _ask(run_id: str, what: str, value: float) -> None:
    """Remembers a change that the run has been sent: it is obeyed once there are as many marks of
    its kind as changes were asked for."""
    record = runs.find(run_id)
    if record is None:
        return
    asked: Asked = st.session_state.setdefault(ASKED, {})
    _, place = asked.get((run_id, what), (value, 0))
    asked[run_id, what] = (value, max(place, _count(_marks(record), what)) + 1)


def _count(marks: Sequence[Changed], what: str) -> int:
    return sum(mark.what == what for mark in marks)


def _marks(current: RunRecord) -> list[Changed]:
    try:
        return supervisor.service().store.marks(current.id)
    except PlaygroundError as error:
        problems.remember(error)
        return []


def surgeon(current: RunRecord) -> None:
    """Why a run paused by itself: what broke, where in its text, and the way on."""
    found = _broken(current)
    if found is None:
        return
    by_now = spec_by_now(current)
    text = "" if is_name(by_now.loss) else by_now.loss
    mended = found["mended"]
    hint = "" if mended else found["hint"]
    problems.problem(
        "Paused: the loss is not finite",
        found["message"],
        hint,
        found["where"],
        "broken",
        text=text,
    )
    if current.owner != visitor():
        return
    with st.container(key="surgeon", gap="xsmall"):
        if mended:
            st.text("With this text it would have been finite on the batch that broke it:")
            st.code(mended, language="python", wrap_lines=True)
        with st.container(horizontal=True, gap="small"):
            if mended:
                st.button(
                    "Use it and go on",
                    key="mend",
                    icon=":material/healing:",
                    on_click=_mend,
                    args=(by_now, mended),
                    help="The run goes on with this loss from its last finite weights.",
                )
            st.button(
                "Skip this batch",
                key="skip-batch",
                on_click=steer,
                args=("resume",),
                help="Goes on with the same loss and the next batch.",
            )


def _broken(record: RunRecord | None) -> dict[str, Any] | None:
    """What broke, of a run that waits because of it."""
    if record is None or record.state != "paused":
        return None
    found = broken(_marks(record))
    return found if found is not None and found["step"] == record.step else None


def _mend(by_now: RunSpec, text: str) -> None:
    """Lets the run go on with a text that is finite where its own was not, and shows that text."""
    whole.ask()
    mended = by_now.model_copy(update={"loss": text})
    steer("change", LOSS, loss_change(mended))
    if "problem" in st.session_state:
        return  # it was refused, and that is said
    steer("resume")
    loss_card.show(text, by_now.loss_parameters)


def train() -> None:
    """Starts a run of the present settings; the one before stays on the charts."""
    whole.ask()
    loss_card.sync()
    settled, faults = draft.spec()
    if settled is None:
        field, message = next(iter(faults.items()))
        label = knobs()[field].label if field in knobs() else field
        problems.remember(PlaygroundError(f"{label}: {message}"), "Not started", about="settings")
        return
    fault = loss_card.fault()
    if fault is not None:
        problems.remember(fault, "Not started", about="loss")
        return
    fault = metrics.fault()
    if fault is not None:
        problems.remember(fault, "Not started", about="metric")
        return
    _submit(settled)


def train_copy(spec: RunSpec) -> None:
    """Takes another run's settings and trains a run of this visitor's own."""
    whole.ask()
    draft.take(spec)
    _submit(spec)


def _submit(spec: RunSpec) -> None:
    state = st.session_state
    try:
        run_id = supervisor.service().submit(spec, visitor())
    except PlaygroundError as error:
        problems.remember(error, "Not started")
        return
    problems.forget()
    draft.settle()
    before = runs.find(state.run)
    if before is not None and before.step and before.spec.dataset == spec.dataset:
        room = max(KEPT_BESIDE, len(state.compare))
        state.compare = [before.id, *state.compare][: min(room, MOST_COMPARED)]
    state.run = run_id


def steer(do: str, what: str = "", value: float | str = 0.0) -> None:
    """Sends a command at once: a change to the shown run, others to all on the screen that can
    take them. Waits a moment for it to be obeyed, so that the buttons drawn next are those of the
    new state."""
    before = _states()
    try:
        for run_id in _addressed(do):
            supervisor.service().command(run_id, visitor(), do, what, value)
            if do == "change" and isinstance(value, float):  # a loss may yet be refused
                _ask(run_id, what, value)
    except PlaygroundError as error:
        problems.remember(error)
        whole.ask()
    else:
        problems.forget()
        until = time.monotonic() + OBEYED_SECONDS
        while do in OBEYED and time.monotonic() < until and _states() == before:
            time.sleep(0.01)


def _addressed(do: str) -> list[str]:
    """The runs a command goes to. The shown one where there is no other, even if it cannot obey:
    the visitor is then told why."""
    mine = together.steerable(together.shown())
    able = {
        "pause": {"running"},
        "resume": {"paused"},
        "step": {"running", "paused"},
        "stop": LIVE,
    }.get(do, set())
    found = [one.id for one in mine if one.state in able]
    return found or [st.session_state.run]


def _states() -> list[str]:
    return [one.state for one in together.shown()]


def reset() -> None:
    """Puts the shown run away; stops it first if it is live and this visitor's."""
    whole.ask()
    state = st.session_state
    if together.steerable(together.shown()):
        steer("stop")
    state.run = ""
    problems.forget()


def _label(what: str) -> str:
    known = knobs().get(what)
    return known.label if known is not None else what.replace("_", r"\_")
