"""The Playground: pick or write a loss, train on it, watch what it does."""

import streamlit as st

from pages.live import component
from pages.parts import pinned, task_page

STRIP_HEIGHT = 390  # pixels; the rest of the images scrolls

page = task_page.begin(task_page.PLAYGROUND)

with st.sidebar:
    task_page.settings(page)

task_page.head(page)
pinned.offered()
task_page.loss(page)
task_page.curves(page)
task_page.network(page)


def strip() -> None:
    """Test images with what they are taken for."""
    st.subheader("What it gets right and wrong", anchor=False)
    with st.container(height=STRIP_HEIGHT, border=False):
        component.strip("strip", page.run_id, page.class_names)
    with st.container(key="lesson-strip"):
        st.caption("Test images that it never trained on, with what it takes them for.")


def confusion() -> None:
    """Which class is taken for which."""
    st.subheader("Confusion", anchor=False)
    component.confusion("confusion", page.run_id, page.class_names)
    with st.container(key="lesson-confusion"):
        st.caption("Rows are the true classes, columns its answers: mistakes lie off the diagonal.")


VIEWS = {"strip": strip, "confusion": confusion}
views = [name for name in page.task.views if name in VIEWS]
for column, name in zip(st.columns(max(1, len(views)), gap="medium"), views, strict=False):
    with column, st.container(key=f"panel-{name}", gap="xsmall"):
        VIEWS[name]()

task_page.end(page)
