"""Where one may begin: settings of a task by name, which a click puts into the controls."""

import streamlit as st

from pages.parts import draft, rerun
from playground.autoencoders import STARTS


def chooser() -> None:
    """The beginnings of Autoencoder, and what is to be seen in each."""
    st.subheader("Begin with", anchor=False)
    name = st.selectbox(
        "Experiment",
        list(STARTS),
        format_func=lambda name: STARTS[name].title,
        key="autoencoder-start",
        label_visibility="collapsed",
    )
    with st.container(key="lesson-start"):
        st.caption(STARTS[name].about)
    st.button(
        "Set all controls so",
        key="take-start",
        icon=":material/tune:",
        on_click=_take,
        args=(name,),
        width="stretch",
        help="The run that is shown stays.",
    )


def _take(name: str) -> None:
    rerun.ask()
    draft.take(STARTS[name].specs()[0])
