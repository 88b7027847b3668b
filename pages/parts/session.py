"""What a session holds, and what each part of it is where nothing was chosen yet.

Streamlit forgets the value of a control that a script run did not draw: one of another page, or one
that the run had not come to when a quick click broke it off. Whoever uses a key therefore declares
it with its default; what it held last is remembered, and put back before anything is drawn.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import streamlit as st

from playground.spec import DEFAULT_LOSS

T = TypeVar("T")
KEPT = "kept"  # by key, what it held last
_defaults: dict[str, Callable[[], Any]] = {}


class Key(str, Generic[T]):
    """A key of the session, with the type of what it holds; a string, to be a widget's key."""

    default: Callable[[], T]

    def __new__(cls, name: str, default: Callable[[], T]) -> "Key[T]":
        key = super().__new__(cls, name)
        key.default = default
        return key

    def get(self) -> T:
        """What it holds, or held last, or its default."""
        state = st.session_state
        held: T | None = state.get(str(self))
        if held is None and self in _defaults:
            held = state.get(KEPT, {}).get(str(self))
        return self.default() if held is None else held

    def set(self, value: T) -> None:
        """Lets it hold this."""
        st.session_state[str(self)] = value

    def drop(self) -> None:
        """Lets it hold nothing."""
        st.session_state.pop(str(self), None)


def declare(key: str, default: Callable[[], T]) -> Key[T]:
    """A key that is remembered, and what it is where it has no value."""
    _defaults[key] = default
    return Key(key, default)


def declared() -> list[str]:
    """Every key that was declared."""
    return list(_defaults)


def value(key: str) -> Any:
    """What a key holds, or held last; of a declared one else its default."""
    return Key[Any](key, lambda: _defaults[key]()).get()


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


# What is on the screen: `pages.parts.url` reads and writes them.
RUN: Key[str] = declare("run", str)  # the shown run's id, "" for none
COMPARE: Key[list[str]] = declare("compare", list)  # the ids of those beside it
RACE: Key[str] = declare("race", str)  # the shown race's id, "" for none
SETUP: Key[str] = declare("setup", str)  # the race that is being set up, its JSON; "" for none
VARY: Key[str] = declare("vary", str)  # the sweep that is being set up, the same; "" for the usual
LESSON: Key[int] = declare("lesson", int)  # of the page Fitting, 0 for none
REPLAY: Key[tuple[str, str]] = declare("replay", lambda: ("", ""))  # a digest, a sentence
NOTES: Key[list[str]] = declare("notes", list)  # what in a link was not taken as it stood
# The loss: `pages.parts.draft` says what each is.
EXAMPLE = "gamma = 2.0  # 0..5\n-(1 - p_true)**gamma * log(p_true)"
LOSS_MODE: Key[str] = declare("loss_mode", lambda: "pick")
LOSS_NAME: Key[str] = declare("loss_name", lambda: DEFAULT_LOSS)
LOSS_TEXT: Key[str] = declare("loss_text", lambda: EXAMPLE)
LOSS_PARAMETERS: Key[dict[str, dict[str, float]]] = declare(
    "loss_parameters", lambda: {"pick": {}, "write": {}}
)
RACE_CAME: Key[bool] = declare("race_came", bool)  # a link brought one that is not taken up yet
# What is not remembered where Streamlit forgets it.
PAGE: Key[str | None] = Key("page", lambda: None)  # the one that was drawn last
ADDRESS: Key[dict[str, str]] = Key("address", dict)  # what was put into it last
LINK: Key[dict[str, str] | None] = Key("link", lambda: None)  # one that the next page is to follow
URL_SPEC: Key[dict[str, str] | None] = Key("url_spec", lambda: None)  # the settings' half of it
ADDRESS_IS_BARE: Key[bool] = Key("address_is_bare", bool)  # after a walk to another page
PROBLEM: Key[tuple[str, str, str] | None] = Key("problem", lambda: None)  # title, message, hint
PROBLEM_ABOUT: Key[str] = Key("problem_about", str)
METRIC_FAULT: Key[str] = Key("metric_fault", str)
UNDERSTOOD: Key[str | None] = Key("understood", lambda: None)  # the last text that was checked
START_FROM: Key[str | None] = Key("start_from", lambda: None)
