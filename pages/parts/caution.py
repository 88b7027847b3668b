"""What of the settings seldom goes well, said before training, and the click that mends it."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.parts import draft
from playground.cautions import cautions
from playground.spec import RunSpec


def caution(settled: RunSpec | None) -> None:
    """Each caution with a button; nothing where there is none."""
    found = [] if settled is None else cautions(settled)
    for place, each in enumerate(found):
        with st.container(key=f"caution-{place}", gap=None):
            st.caption(each.message)
            st.button(
                "Mend it",
                key=f"mend-caution-{place}",
                type="tertiary",
                icon=":material/build:",
                on_click=_mend,
                args=(each.change,),
            )


def _mend(change: Mapping[str, Any]) -> None:
    for name, value in change.items():
        st.session_state[draft.field_key(name)] = value
