"""Which detector is trained: one stage or two, with the settings of each."""

import streamlit as st

from pages.parts import draft, session
from pages.parts.knobs import group, knob
from pages.parts.task_page import Opened
from playground.tasks.detection import OBJECTIVES, STAGES

FIELD = "stages"


def chooser(page: Opened) -> None:
    """The choice, and what is set of the chosen one alone."""
    st.subheader("Detector", anchor=False)
    knob(FIELD, page.faults, on_change=_choose)
    group(STAGES[str(draft.held(FIELD))].lower(), page.faults)


def _choose() -> None:
    """A text that the visitor has not touched gives way to that of the chosen stages; his own
    stays, and where it names what is not there that is said."""
    if draft.mode() != "write" or session.LOSS_TEXT.get() not in OBJECTIVES.values():
        return
    session.LOSS_TEXT.set(OBJECTIVES[str(st.session_state[draft.field_key(FIELD)])])
    session.LOSS_PARAMETERS.set({**session.LOSS_PARAMETERS.get(), "write": {}})
