"""What a picture of two or three features behind ReLU would hide, and the click that mends it."""

import streamlit as st

from pages.parts import draft
from playground.cnn import CnnSpec
from playground.spec import RunSpec

PLANE = {2: "plane", 3: "space"}  # an embedding that is drawn as it is
# Test accuracy with the defaults but two features, mean of seeds 0 to 2; see the README.
COST = "Digits reach 57% in two of them and 91% in two linear ones."


def corner(settled: RunSpec | None) -> None:
    """Says that so few features behind ReLU share one corner, where these settings have that."""
    if not isinstance(settled, CnnSpec) or settled.embedding not in PLANE:
        return
    if settled.activation != "relu" or settled.linear_embedding:
        return
    with st.container(key="corner", gap=None):
        st.caption(
            f"{settled.embedding} features behind ReLU are never below 0: all classes share one "
            f"corner of the {PLANE[settled.embedding]}, and some cannot be told apart. {COST}"
        )
        st.button(
            "Let them use all of it",
            key="linear-embedding",
            type="tertiary",
            icon=":material/open_in_full:",
            on_click=_linear,
            help="Turns Linear embedding on: no activation after the features.",
        )


def _linear() -> None:
    st.session_state[draft.field_key("linear_embedding")] = True
