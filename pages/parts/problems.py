"""What went wrong, as plain text: what a visitor typed may be in it, so it is never Markdown."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from playground.errors import PlaygroundError


def problem(
    title: str,
    message: str,
    hint: str = "",
    where: Mapping[str, Any] | None = None,
    key: str = "problem",
) -> None:
    """A panel that says what failed, where in a written loss (line, column, fragment), and what to
    do about it."""
    with st.container(key=key, border=True, gap="xsmall"):
        st.badge(title, icon=":material/error:", color="red")
        st.text(message)
        if where:
            place = f"Line {where.get('line', 1)}, column {where.get('column', 1)}:"
            st.caption(place)
            if where.get("fragment"):
                st.code(str(where["fragment"]), language=None)
        if hint:
            st.text(hint)


def remember(error: PlaygroundError, title: str = "That did not work") -> None:
    """Keeps an error of a callback until `recall` shows it."""
    st.session_state.problem = (title, error.message, error.hint)


def forget() -> None:
    """The remembered error no longer matters."""
    st.session_state.pop("problem", None)


def recall() -> None:
    """Shows the remembered error, until it is dismissed or something succeeds."""
    if "problem" in st.session_state:
        problem(*st.session_state.problem, key="problem-recalled")
        st.button("Dismiss", key="dismiss-problem", on_click=forget, type="tertiary")


def notes() -> None:
    """What in the link could not be taken as it stood, until it is dismissed."""
    lines = st.session_state.get("notes", [])
    if not lines:
        return
    with st.container(key="notes", border=True, gap="xsmall"):
        st.badge("From the link", icon=":material/link_off:", color="orange")
        for line in lines:
            st.text(line)
        st.button("Dismiss", key="dismiss-notes", on_click=lines.clear, type="tertiary")
