"""Who is looking: a random token that says which browser started a run, or who has logged in, where
there is a login; and whether that browser is on this machine; nothing else."""

import secrets
from urllib.parse import urlsplit

import streamlit as st

from pages.live.headers import TOKEN, VISITOR_COOKIE
from playground.people import Person, person_of
from playground.runs.records import TERMINAL
from playground.settings import settings

# What a proxy says of whom it asks for.
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via")


def token() -> str:
    """This browser's token; where cookies are off, this tab's."""
    found = st.context.cookies.get(VISITOR_COOKIE)
    if isinstance(found, str) and TOKEN.fullmatch(found):
        return found
    return st.session_state.setdefault("visitor", secrets.token_urlsafe(24))


def person() -> Person:
    """Who looks at this page: whom Streamlit says has logged in, else an anonymous visitor."""
    claims = {} if settings().login == "off" else st.user.to_dict()
    return person_of(claims, token(), settings())


def visitor() -> str:
    """Under whom the runs of who looks at this page are kept."""
    return person().owner


def local() -> bool:
    """Whether the browser is on this machine, and no proxy between that asks for somebody else."""
    headers = st.context.headers
    host = urlsplit(f"//{headers.get('Host', '')}").hostname
    forwarded = any(name in headers for name in _FORWARDED)
    return host in ("localhost", "127.0.0.1", "::1") and not forwarded and not st.context.ip_address


def owners() -> list[str]:
    """Whose runs are listed: this browser's, and on this machine those of its terminals."""
    return [visitor(), *([TERMINAL] if local() else [])]


def whose(owner: str) -> str:
    """Who alone can steer the runs of an owner; empty if this browser can."""
    if owner == visitor():
        return ""
    if owner == TERMINAL:
        return "This run trains in a terminal: Ctrl-C there stops it."
    return "Only the browser that started this run can steer it."
