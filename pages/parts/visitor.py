"""Who is looking: a random token that says which browser started a run, and nothing else."""

import secrets

import streamlit as st

from pages.live.headers import TOKEN, VISITOR_COOKIE


def visitor() -> str:
    """This browser's token; where cookies are off, this tab's."""
    token = st.context.cookies.get(VISITOR_COOKIE)
    if isinstance(token, str) and TOKEN.fullmatch(token):
        return token
    return st.session_state.setdefault("visitor", secrets.token_urlsafe(24))
