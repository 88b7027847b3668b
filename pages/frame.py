"""What every page shares: its frame, its style and the way to the others."""

from pathlib import Path

import streamlit as st

parts = Path(__file__).parent / "parts"
st.set_page_config(
    page_title="Loss Playground",
    page_icon=parts / "icon.svg",
    layout="wide",
    initial_sidebar_state="auto",
)
st.html(parts / "page.css")

st.navigation(
    [
        st.Page("playground.py", title="Playground", icon=":material/show_chart:", default=True),
    ]
).run()
