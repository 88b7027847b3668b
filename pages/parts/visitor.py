"""Who is looking: a random token that says which browser started a run, and nothing else."""

import re
import secrets

import streamlit as st

COOKIE = "playground_visitor"  # set by app.py: HttpOnly, SameSite=Lax


def visitor() -> str:
    """This browser's token; where cookies are off, this tab's."""
    token = st.context.cookies.get(COOKIE)
    if isinstance(token, str) and re.fullmatch(r"[A-Za-z0-9_-]{16,128}", token):
        return token
    return st.session_state.setdefault("visitor", secrets.token_urlsafe(24))
