"""Draws the whole page where only a fragment would be drawn.

Streamlit's browser side sends all changes of one moment as one message, for the fragment of the
first: a click on Train that comes together with the editor's text runs its callback, but then only
the editor's fragment. What changes more than a fragment therefore says so.
"""

import streamlit as st

from pages.parts import login, session

KEY = session.declare("whole_page", bool)


def ask() -> None:
    """What a callback did concerns the whole page."""
    st.session_state[KEY] = True


def begin() -> None:
    """The whole page is being drawn."""
    st.session_state[KEY] = False


def follow() -> None:
    """At the start of a fragment: leaves it and draws the whole page if that was asked for. Who
    watches a run sees nothing else drawn, for hours, and stays admitted to the live routes."""
    login.admit()
    session.restore()
    if st.session_state[KEY]:
        st.rerun()
