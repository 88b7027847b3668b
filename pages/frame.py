"""What every page shares: its frame, its style and the way to the others."""

from pathlib import Path

import streamlit as st

from pages.parts import login, pinned, rerun, retry
from pages.parts.task_page import PLAYGROUND
from pages.parts.visitor import person
from playground.tasks import TASKS

parts = Path(__file__).parent / "parts"
st.set_page_config(
    page_title="Loss Playground",
    page_icon=parts / "icon.svg",
    layout="wide",
    initial_sidebar_state="auto",
)
st.html(parts / "page.css")

# The mark with the name beside it, in the ink of the scheme, of whose change no script hears.
WORDMARK = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 190 32">{mark}
<style>text {{ fill: #1d2125 }} @media (prefers-color-scheme: dark) {{ text {{ fill: #e4e6e8 }} }}
</style><text x="42" y="22" font-family="system-ui, sans-serif" font-size="17" font-weight="600"
 textLength="146" lengthAdjust="spacingAndGlyphs">Loss Playground</text></svg>"""
mark = (parts / "icon.svg").read_text()
st.logo(WORDMARK.format(mark=mark.replace("<svg", '<svg width="32"')))

NOT_PINNED = ("runs", "class")  # which everybody sees differently
login.door()
rerun.begin()
shown = st.navigation(
    [
        st.Page(f"{PLAYGROUND}.py", title="Playground", icon=":material/show_chart:", default=True),
        *(
            st.Page(f"{task.page}.py", title=task.title, icon=task.icon, url_path=task.name)
            for task in TASKS.values()
            if task.page != PLAYGROUND
        ),
        st.Page("feature_maps.py", title="Feature maps", icon=":material/grid_view:"),
        st.Page("embedding.py", title="Embedding", icon=":material/scatter_plot:"),
        st.Page("runs.py", title="Runs", icon=":material/list_alt:"),
        st.Page("race.py", title="Race", icon=":material/flag:"),
        st.Page("fitting.py", title="Fitting", icon=":material/stacked_line_chart:"),
        st.Page("named_losses.py", title="Losses", icon=":material/apps:", url_path="losses"),
        *(
            [st.Page("class_runs.py", title="Class", icon=":material/groups:", url_path="class")]
            if person().teaches
            else []
        ),
    ]
)
login.account(pinned.pinning if shown.url_path not in NOT_PINNED else None)
retry.drawn(shown.run)
