"""Incremental: classes come a few at a time, and one watches what is forgotten of the old ones."""

from typing import cast

import streamlit as st

from pages.live import component
from pages.parts import methods_card, task_page
from pages.parts.knobs import group
from playground.tasks.incremental import TASK, IncrementalSpec

page = task_page.begin("incremental", TASK.name)

with st.sidebar:
    st.subheader("Memory", anchor=False)
    group("memory", page.faults)
    task_page.settings(page)

task_page.head(page)
task_page.loss(page)

groups: list[list[int]] = []
if page.spec is not None:
    groups = cast(IncrementalSpec, page.spec).class_groups
names = page.class_names
arrival = [names[each] for came in groups for each in came]

left, right = st.columns(2, gap="medium")
with left, st.container(key="panel-matrix", gap="xsmall"):
    st.subheader("Accuracy by phase", anchor=False)
    component.matrix("matrix", page.run_id, names, [[names[each] for each in g] for g in groups])
    with st.container(key="lesson-matrix"):
        st.caption(
            "Validation accuracy in percent: a row after each phase, a column for each phase's "
            "classes. Down a column one sees them being forgotten."
        )
with right, st.container(key="panel-methods", gap="xsmall"):
    st.subheader("Methods side by side", anchor=False)
    methods_card.chooser(page.settled)
    methods_card.table(page.shown)

task_page.curves(page)
with st.container(key="lesson-drift"):
    st.caption(
        "The lead of new over old logits: by how much the best new class is above the best old one "
        "on images of old classes; above 0 they are taken for new ones. The drift of old class "
        "centres: how far their mean embeddings are from where they were when their phase ended; 1 "
        "is as far as their images lay from them then."
    )
    st.page_link(
        "embedding.py", label="See old centres move on Embedding", icon=":material/arrow_forward:"
    )

left, right = st.columns(2, gap="medium")
with left, st.container(key="panel-confusion", gap="xsmall"):
    st.subheader("Confusion", anchor=False)
    component.confusion("confusion", page.run_id, arrival)
    with st.container(key="lesson-confusion"):
        st.caption(
            "Classes in the order in which they came. Right of the diagonal are old classes taken "
            "for newer ones."
        )
with right, st.container(key="panel-exemplars", gap="xsmall"):
    st.subheader("Exemplars", anchor=False)
    component.exemplars("exemplars", page.run_id, names)
    with st.container(key="lesson-exemplars"):
        st.caption("The first of the images that are kept of each old class, the best first.")

task_page.network(page)
task_page.end(page)
