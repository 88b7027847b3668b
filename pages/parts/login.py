"""The way in and out where there is a login: Streamlit's, of an OpenID Connect provider."""

from collections.abc import Callable

import streamlit as st

from pages.live.doors import doors
from pages.parts.visitor import person, token
from playground import logs
from playground.settings import settings


def door() -> None:
    """Lets in whoever may; where a login is required, anybody else sees the way to it alone."""
    if settings().login == "off":
        return
    if admit():
        return
    doors.shut(token())
    if settings().login == "required":
        st.title("Loss Playground", anchor=False)
        st.text("Log in to train networks here and to look at those of others.")
        _log_in("primary")
        st.stop()


def admit() -> bool:
    """Lets the browser of whoever has logged in ask the live routes for another while; whether
    somebody has."""
    known = settings().login != "off" and person().known
    if known:
        doors.admit(token())
    return known


def account(teaching: Callable[[], None] | None = None) -> None:
    """In the sidebar: who one is, and the way in or out; of a teacher also what is given."""
    if settings().login == "off":
        return
    somebody = person()
    with (
        st.sidebar,
        st.container(
            horizontal=True,
            vertical_alignment="center",
            horizontal_alignment="distribute",
            key="account",
        ),
    ):
        if not somebody.known:
            _log_in("tertiary")
            return
        st.text(
            f"{somebody.name or 'Logged in'}{' (teacher)' if somebody.teaches else ''}",
            width="content",
            help=f"Teachers see your runs under {logs.who(somebody.owner)}.",
        )
        st.button(
            "Log out", key="log-out", type="tertiary", icon=":material/logout:", on_click=st.logout
        )
    if somebody.teaches and teaching is not None:
        with st.sidebar:
            teaching()


def _log_in(kind: str) -> None:
    st.button(
        "Log in",
        key="log-in",
        type="primary" if kind == "primary" else "tertiary",
        icon=":material/login:",
        on_click=st.login,
    )
