"""The list of data sets: those of all, the visitor's own, and how to bring some."""

from collections.abc import Mapping

import streamlit as st

from pages.parts import bring, draft, session
from pages.parts.visitor import owners
from playground import datasets
from playground.datasets import own
from playground.spec import knobs

BEFORE: session.Key[str] = session.Key("data.before", lambda: "digits")  # what was chosen


def data_choice(faults: Mapping[str, str]) -> None:
    """The list, with the chosen one wherever it came from, and what is wrong with it."""
    key = draft.field_key("dataset")
    chosen = st.session_state[key]
    mine = [facts.name for facts in own.of(owners())]
    BEFORE.set(chosen)
    described = knobs()["dataset"]
    titles = described.choices or {}
    st.selectbox(
        described.label,
        list(dict.fromkeys([*datasets.SETS, *mine, chosen, bring.CHOICE])),
        format_func=lambda name: bring.TITLE if name == bring.CHOICE else titles.get(name, name),
        key=key,
        help=described.help,
        on_change=_choose,
    )
    if "dataset" in faults:
        with st.container(key="fault-dataset"):
            st.text(faults["dataset"])
    bring.dialogs()


def _choose() -> None:
    """Takes a choice over; that of bringing one's own leaves the chosen data set as it is."""
    key = draft.field_key("dataset")
    if st.session_state[key] == bring.CHOICE:
        st.session_state[key] = BEFORE.get()
        bring.ask(bring.DATA)
    else:
        draft.choose_dataset()
