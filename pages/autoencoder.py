"""Autoencoder: reconstructions, the plane of codes and what the decoder makes of each place."""

import streamlit as st

from pages.live import component
from pages.parts import starts, task_page, upload
from playground import datasets
from playground.figures import palette
from playground.runs import supervisor
from playground.tasks.autoencoder import TASK

page = task_page.begin("autoencoder", TASK.name)
supervisor.service().questions.start_looking()

with st.sidebar:
    starts.chooser()
    task_page.settings(page)
    st.subheader("Your own picture", anchor=False)
    picture = upload.picture(page.spec.dataset if page.spec is not None else "mnist")
    with st.container(key="lesson-own-picture"):
        st.caption(
            "It is cut square, resized and, where the data set is white on black, inverted. Its "
            "code and its reconstruction show beneath the plane."
        )

task_page.head(page)
task_page.loss(page)
task_page.curves(page)

with st.container(key="panel-reconstructions", gap="xsmall"):
    st.subheader("Reconstructions", anchor=False)
    component.reconstructions("reconstructions", page.run_id, page.class_names)
    with st.container(key="lesson-reconstructions"):
        st.caption(
            "Test images above, and beneath each what the decoder makes of the mean of its code."
        )

with st.container(key="panel-latent", gap="xsmall"):
    st.subheader("The code", anchor=False)
    with st.container(key="lesson-latent"):
        st.caption(
            "Left: where the encoder puts up to 2,000 test images. Drag the ring, or move it with "
            "the arrow keys, and the decoder draws that place at once. Right: what it makes of the "
            "plane, at quantiles of the normal distribution, so that each image stands for an "
            "equal share of the codes that it is to be drawn from."
        )
    component.latent(
        "latent",
        page.run_id,
        page.class_names,
        {"light": palette.CLASSES_LIGHT, "dark": palette.CLASSES_DARK},
        datasets.source_of(page.spec.dataset if page.spec is not None else "mnist").shape,
        upload=picture,
        conditional=bool(page.spec is not None and getattr(page.spec, "conditional", False)),
    )

task_page.network(page)
task_page.end(page)
