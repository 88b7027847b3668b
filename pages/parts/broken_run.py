"""A run that waits because its loss broke: what broke, where in its text, and the ways on."""

from typing import Any

import streamlit as st

from pages.parts import draft, loss_card, midrun, problems, rerun, session
from pages.parts.steering import steer
from pages.parts.visitor import visitor
from playground.knobs import is_name
from playground.runs.store import RunRecord
from playground.spec import RunSpec, knobs
from playground.training.changes import BACK, LOSS, RATE, broken, loss_change


def broken_run(current: RunRecord) -> None:
    """Why a run paused by itself: what broke, where in its text, and the way on."""
    found = broken_of(current)
    if found is None:
        return
    by_now = midrun.spec_by_now(current)
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
    with st.container(key="broken-run", gap="xsmall"):
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
            if "back" in found:
                rate = max(by_now.learning_rate / 10, knobs()["learning_rate"].low or 0.0)
                st.button(
                    f"Back to step {found['back']:,}, a tenth of the rate",
                    key="go-back",
                    icon=":material/undo:",
                    on_click=_go_back,
                    args=(by_now, found["back"], float(f"{rate:.6g}")),
                    help="The run goes on from the weights with the least validation loss "
                    f"so far, with a learning rate of {rate:.3g}.",
                )
            st.button(
                "Skip this batch",
                key="skip-batch",
                on_click=steer,
                args=("resume",),
                help="Goes on with the same loss and the next batch.",
            )


def broken_of(record: RunRecord | None) -> dict[str, Any] | None:
    """What broke, of a run that waits because of it."""
    if record is None or record.state != "paused":
        return None
    found = broken(midrun.marks(record))
    return found if found is not None and found["step"] == record.step else None


def _go_back(by_now: RunSpec, step: int, rate: float) -> None:
    """Lets the run go on from the weights of an earlier step with a smaller learning rate, which
    the settings take over where they had the run's."""
    rerun.ask()
    for command in (
        ("change", BACK, "", float(step)),
        ("change", RATE, "learning_rate", rate),
        ("resume",),
    ):
        steer(*command)
        if session.PROBLEM.get() is not None:
            return  # it was refused, and that is said
    key = draft.field_key("learning_rate")
    if session.value(key) == by_now.learning_rate:
        st.session_state[key] = rate


def _mend(by_now: RunSpec, text: str) -> None:
    """Lets the run go on with a text that is finite where its own was not, and shows that text."""
    rerun.ask()
    mended = by_now.model_copy(update={"loss": text})
    steer("change", LOSS, value=loss_change(mended))
    if session.PROBLEM.get() is not None:
        return  # it was refused, and that is said
    steer("resume")
    loss_card.show(text, by_now.loss_parameters)
