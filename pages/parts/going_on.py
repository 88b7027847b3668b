"""Going on: a run that ended before it was done, from its last checkpoint; and branches, which
leave a run after a step with the settings of the page."""

from dataclasses import replace
from typing import Any

import streamlit as st

from pages.parts import checked, draft, midrun, problems, rerun, runs, session, url
from pages.parts.visitor import visitor
from playground.errors import PlaygroundError
from playground.runs import supervisor
from playground.runs.store import RunRecord
from playground.spec import RunSpec, knobs
from playground.training import checkpoint
from playground.training.changes import as_changed, branched

MOST_EPOCHS = 200
FRESH = "branch-fresh"


def kept(record: RunRecord | None) -> list[int]:
    """The steps of a run's checkpoints, ascending; none where the store cannot be read."""
    if record is None:
        return []
    try:
        return supervisor.service().store.snapshots(record.id, checkpoint.KIND)
    except PlaygroundError as error:
        problems.remember(error, "The history cannot be read")
        return []


def resumable(record: RunRecord | None) -> bool:
    """Whether a run ended before it was done, is this visitor's and can go on."""
    if record is None or record.owner != visitor():
        return False
    return record.state in ("stopped", "failed") and bool(kept(record))


def resume(run_id: str) -> None:
    """Lets it go on."""
    rerun.ask()
    try:
        supervisor.service().resume(run_id, visitor())
    except PlaygroundError as error:
        problems.remember(error, "It does not go on")
    else:
        problems.forget()


def step_of(steps: list[int]) -> int:
    """The kept step nearest to the moment that is looked at; the last where that is the latest."""
    wanted = url.SEEN.get().step
    return steps[-1] if wanted is None else min(steps, key=lambda one: abs(one - wanted))


def spec_of(record: RunRecord, settled: RunSpec, step: int) -> RunSpec:
    """What a branch is trained with: of the settings what a branch may have otherwise, all else as
    the run has it."""
    left = as_changed(record.spec, midrun.marks(record), step)
    values = {name: getattr(settled, name) for name in branched(left) if hasattr(settled, name)}
    return left.model_copy(update=values)


def chooser(current: RunRecord | None, settled: RunSpec | None) -> None:
    """A pop-over to leave the shown run at the moment that is looked at."""
    steps = kept(current)
    if current is None or settled is None or not steps or settled.task != current.spec.task:
        return
    step = step_of(steps)
    per_epoch = max(1, current.steps // max(1, current.spec.epochs))
    with st.popover(
        f"Go on from step {step:,}", key="branch-popover", icon=":material/fork_right:"
    ):
        least, epochs = step // per_epoch + 1, f"branch-epochs-{current.id}-{step}"
        wanted = spec_of(current, settled, step)
        longer = "epochs" in branched(current.spec)
        if step >= current.steps and not (longer and least <= MOST_EPOCHS):
            st.caption("This run is at its end: choose an earlier moment to leave it.")
            return
        st.text(
            f"A new run leaves #{current.number} after step {step:,}: its network and images, "
            "with the loss, rate and regularisers set on this page."
        )
        for line in differing(current, wanted, step):
            st.text(f"· {line}")
        if longer:
            more = least + current.spec.epochs - 1 if step >= current.steps else least
            st.number_input(
                "Epochs in all",
                min_value=least,
                max_value=MOST_EPOCHS,
                value=min(max(wanted.epochs, more), MOST_EPOCHS),
                step=1,
                key=epochs,
            )
        st.toggle(
            "New optimiser",
            key=FRESH,
            help="Forgets what it has gathered of earlier gradients. Another optimiser begins "
            "anew in any case.",
        )
        st.button(
            "Go on",
            key="branch",
            type="primary",
            icon=":material/fork_right:",
            on_click=branch,
            args=(current, step, wanted, epochs if longer else ""),
            help="The branch is drawn from where it leaves, beside the run that it leaves.",
        )


def differing(record: RunRecord, wanted: RunSpec, step: int) -> list[str]:
    """In words, what a branch has otherwise than the run that it leaves, by then."""
    left = as_changed(record.spec, midrun.marks(record), step)
    found = []
    for name, knob in knobs(record.spec.task).items():
        before, after = getattr(left, name), getattr(wanted, name)
        if before == after or name == "epochs":
            continue
        if name == "loss":
            found.append(f"{knob.label}: {runs.loss_name(left)} → {runs.loss_name(wanted)}")
        elif name == "loss_parameters":
            found.append(f"{knob.label}: {_said(after)}")
        else:
            found.append(f"{knob.label}: {_said(before)} → {_said(after)}")
    return found or ["Nothing differs yet: change a setting, or train on with the same."]


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number:g}" for name, number in value.items()) or "defaults"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def branch(current: RunRecord, step: int, wanted: RunSpec, epochs: str) -> None:
    """Starts the branch and shows it, the run that it leaves beside it; `epochs` is the key of the
    control that says how many it has."""
    rerun.ask()
    count = st.session_state.get(epochs, wanted.epochs)
    spec = wanted.model_copy(update={"epochs": count})
    fault = checked.refusal(spec)
    if fault is not None:
        problems.remember(fault, "Not started", about="loss")
        return
    try:
        spec = type(spec).parse(spec.model_dump())
        fresh = bool(st.session_state.get(FRESH, False))
        run_id = supervisor.service().branch(current.id, step, spec, visitor(), fresh)
    except PlaygroundError as error:
        problems.remember(error, "Not started")
        return
    problems.forget()
    draft.settle()
    beside = [one for one in session.COMPARE.get() if one != run_id]
    session.COMPARE.set([current.id, *beside][: url.MOST_COMPARED])
    session.RUN.set(run_id)
    url.SEEN.set(replace(url.SEEN.get(), step=None))
