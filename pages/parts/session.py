"""What a session holds, and what each part of it is where nothing was chosen yet.

Streamlit forgets the value of a control that a script run did not draw: one of another page, or one
that the run had not come to when a quick click broke it off. Whoever uses a key therefore declares
it with its default; what it held last is remembered, and put back before anything is drawn.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

KEPT = "kept"  # by key, what it held last
_defaults: dict[str, Callable[[], Any]] = {}


def declare(key: str, default: Callable[[], Any]) -> str:
    """Says what a key of the session is where it has no value; returns the key."""
    _defaults[key] = default
    return key


def declared() -> list[str]:
    """Every key that was declared."""
    return list(_defaults)


def value(key: str) -> Any:
    """What a declared key holds, or held last, or its default."""
    state = st.session_state
    held = state.get(key)
    if held is None:
        held = state.get(KEPT, {}).get(key)
    return _defaults[key]() if held is None else held


def restore(all_of_them: bool = False) -> None:
    """Gives keys that Streamlit forgot their values back. `all_of_them`: sets the others, too,
    which a control that is new to the browser needs to show what its key holds."""
    for key in _defaults:
        if all_of_them or st.session_state.get(key) is None:
            st.session_state[key] = value(key)


def keep() -> None:
    """Remembers what the keys hold."""
    state = st.session_state
    held = {key: state[key] for key in _defaults if state.get(key) is not None}
    state[KEPT] = {**state.get(KEPT, {}), **held}
