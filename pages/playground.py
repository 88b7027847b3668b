"""The Playground: pick or write a loss, train on it, watch what it does."""

import streamlit as st

from pages.live import component
from pages.parts import draft, metrics, runs, together, url
from pages.parts.corner import corner
from pages.parts.data_card import data_card
from pages.parts.head import head
from pages.parts.knobs import group
from pages.parts.loss_card import loss_card
from pages.parts.results import curves_card, network, network_card
from playground import datasets, models
from playground.figures.network import stages
from playground.runs import supervisor
from playground.tasks import TASKS

STRIP_HEIGHT = 390  # pixels; the rest of the images scrolls

url.follow("playground")
settled, faults = draft.spec()
current, compared = together.on_screen()
shown_id = current.id if current is not None else None
class_names = runs.class_names(current, settled)

with st.sidebar:
    st.subheader("Data", anchor=False)
    data_card(settled, faults)
    st.subheader("Model", anchor=False)
    network(settled)
    group("model", faults)
    corner(settled)
    st.subheader("Optimiser", anchor=False)
    group("optimiser", faults)
    st.subheader("Regularisation", anchor=False)
    group("regularisation", faults)
    with st.expander("Augmentation", key="augmentation"):
        group("augmentation", faults)

task = runs.task(current, settled)
measured = metrics.described(current.spec.metrics if current is not None else ())
pictured = [] if settled is None else stages(models.plan(settled))
head(current, compared, settled, measured, pictured)

with st.container(key="panel-loss"):
    loss_card(lambda: url.write(draft.spec()[0], current))

with st.container(key="panel-curves", gap="xsmall"):
    curves_card(current, compared, lambda: url.write(draft.spec()[0], current))

with st.container(key="panel-network", gap="xsmall"):
    network_card(settled)


def strip() -> None:
    """Test images with what they are taken for."""
    st.subheader("What it gets right and wrong", anchor=False)
    with st.container(height=STRIP_HEIGHT, border=False):
        component.strip("strip", shown_id, class_names)
    with st.container(key="lesson-strip"):
        st.caption("Test images that it never trained on, with what it takes them for.")


def confusion() -> None:
    """Which class is taken for which."""
    st.subheader("Confusion", anchor=False)
    component.confusion("confusion", shown_id, class_names)
    with st.container(key="lesson-confusion"):
        st.caption("Rows are the true classes, columns its answers: mistakes lie off the diagonal.")


VIEWS = {"strip": strip, "confusion": confusion}
views = [name for name in TASKS[task].views if name in VIEWS]
for column, name in zip(st.columns(max(1, len(views)), gap="medium"), views, strict=False):
    with column, st.container(key=f"panel-{name}", gap="xsmall"):
        VIEWS[name]()

url.write(settled, current)
if settled is not None and datasets.available(settled.dataset) == "here":
    supervisor.service().prepare(settled)
