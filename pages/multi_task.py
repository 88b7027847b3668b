"""Multi-task: a siamese network with three heads, whose losses pull at one trunk."""

import streamlit as st

from pages.live import component
from pages.parts import task_page
from playground.tasks.siamese import TASK

PAIRS_HEIGHT = 420  # pixels; the rest of the pairs scrolls

page = task_page.begin("multi_task", TASK.name)

with st.sidebar:
    task_page.settings(page)

task_page.head(page)
task_page.loss(page)
task_page.curves(page)

with st.container(key="panel-distances", gap="xsmall"):
    st.subheader("Same or not", anchor=False)
    component.distances("distances", page.run_id)
    with st.container(key="lesson-distances"):
        st.caption(
            "Validation pairs, half of them of one class. The dotted line is the distance that "
            "tells most of them apart. The less the two distributions overlap, the better the "
            "trunk's embedding verifies."
        )

with st.container(key="panel-pairs", gap="xsmall"):
    st.subheader("Pairs", anchor=False)
    with st.container(height=PAIRS_HEIGHT, border=False):
        component.pairs("pairs", page.run_id, page.class_names)
    with st.container(key="lesson-pairs"):
        st.caption("Pairs of test images that it never trained on, hardest for it first.")

with st.container(key="lesson-weights"):
    st.caption(
        "**Try it.** Train, then raise s until the digits get worse: see the pair's share of the "
        "total and its gradient norm at the trunk grow. Set s to 0: the embedding still verifies, "
        "as far as classes alone pull it together. Then choose another way under *Weights of the "
        "terms* and see which head gives way. Class numbers (labels_left) go with "
        "sparse_categorical_crossentropy, one-hot targets (y_left) with categorical_crossentropy: "
        "the numbers are the same."
    )

task_page.network(page)
task_page.end(page)
