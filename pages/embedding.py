"""Embedding: where the shown runs' networks put images, with moving class centres; the lab."""

from dataclasses import replace

import streamlit as st

from pages.live import component
from pages.parts import draft, lab, live_sliders, runs, together, url
from pages.parts.corner import corner
from pages.parts.head import head
from playground.figures import palette
from playground.runs import supervisor
from playground.spec import RunSpec
from playground.tasks import TASKS
from playground.training.clusters import NUMBERS, PREFIX

url.follow("embedding")
draft.choose_one_with_a_run()
settled, faults = draft.spec()
current, compared = together.on_screen()
dataset = (current.spec if current is not None else settled or RunSpec()).dataset
shown = [
    record
    for record in [*([current] if current is not None else []), *compared]
    if record.spec.dataset == dataset
]
about = runs.drawn(shown)
supervisor.service().questions.start_looking()

with st.sidebar:
    lab.chooser(settled, faults)
    corner(settled)

head(current, compared, settled)

with st.container(key="panel-embedding", gap="xsmall"):
    with st.container(horizontal=True, vertical_alignment="center", key="embedding-head"):
        st.subheader("Embedding", anchor=False, width="content")
        live_sliders.sliders(current, settled)
    seen = component.embedding(
        "embedding",
        about,
        runs.class_names(current, settled),
        {"light": palette.CLASSES_LIGHT, "dark": palette.CLASSES_DARK},
        url.SEEN.get(),
    )
    url.SEEN.set(replace(seen, step=url.SEEN.get().step))

NUMBERED = frozenset(f"validation_{PREFIX}{name}" for name in NUMBERS)


def measured(spec: RunSpec) -> bool:
    """Whether a run of this spec measures how its features part the classes."""
    return bool(NUMBERED & set(TASKS[spec.task].series(spec)))


measuring = [each for each in shown if measured(each.spec)]
if measuring or not shown:
    with st.container(key="panel-embedding-numbers", gap="xsmall"):
        st.subheader("How well it parts the classes", anchor=False)
        component.curves(
            "embedding-numbers",
            runs.drawn(measuring),
            panels=(),
            metrics=[
                component.Metric(PREFIX + name, title, title, unit, better)
                for name, (title, unit, better) in NUMBERS.items()
            ],
            height=0,
        )
        with st.container(key="lesson-embedding"):
            st.caption(
                "Measured on validation images at every evaluation. Fisher ratio: scatter between "
                "class means over scatter within classes. Recall@1: how often the nearest other "
                "image is of the same class. Angle: to the nearest other class mean, seen from the "
                "origin."
            )

url.write(settled, current)
