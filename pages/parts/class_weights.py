"""How much each class counts in the loss: not at all weighed, balanced, or by hand."""

from collections.abc import Mapping

import streamlit as st

from pages.parts import session
from pages.parts.draft import field_key
from playground import datasets
from playground.spec import knobs
from playground.tasks.classification import BALANCED, NONE

KEY = field_key("class_weights")
KIND = "class-weights-kind"
HAND = "hand"
KINDS = {NONE: "None", BALANCED: "Balanced", HAND: "By hand"}


def class_weights(faults: Mapping[str, str]) -> None:
    """A choice and, by hand, a number a class; the value is the field's, as link and command line
    have it."""
    described = knobs(session.value(field_key("task"))).get("class_weights")
    if described is None:
        return  # the chosen task has none
    held = str(st.session_state[KEY])
    st.session_state[KIND] = held if held in KINDS else HAND
    st.selectbox(
        described.label,
        list(KINDS),
        format_func=KINDS.__getitem__,
        key=KIND,
        help=described.help,
        on_change=_choose,
    )
    if st.session_state[KIND] == HAND:
        st.text_input(
            "A number a class", key=KEY, help=f"With commas between, for {', '.join(_names())}."
        )
    if "class_weights" in faults:
        with st.container(key="fault-class_weights"):
            st.text(faults["class_weights"])


def _names() -> list[str]:
    known = datasets.find(st.session_state[field_key("dataset")])
    return known.class_names if known is not None else []


def _choose() -> None:
    kind = st.session_state[KIND]
    st.session_state[KEY] = ",".join("1" for _ in _names()) if kind == HAND else kind
