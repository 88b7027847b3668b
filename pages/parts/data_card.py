"""The data card: which images, how many, and what they look like."""

from collections.abc import Mapping

import streamlit as st

from pages.parts import draft
from pages.parts.class_weights import class_weights
from pages.parts.data_choice import data_choice
from pages.parts.knobs import knob
from pages.parts.own_data import own_data
from pages.parts.samples import samples
from playground import datasets
from playground.errors import DataError
from playground.spec import RunSpec, knobs

# The knobs of the group "data" that have a place of their own; a task's own follow them.
PLACED = (
    *("dataset", "train_images", "validation_images", "validation_split", "label_noise"),
    *("noise_kind", "imbalance", "class_weights", "normalise"),
)


def data_card(settled: RunSpec | None, faults: Mapping[str, str]) -> None:
    """The data set, its sample images and counts, and the knobs of the group "data"."""
    data_choice(faults)
    name = st.session_state[draft.field_key("dataset")]
    if name not in datasets.KNOWN:
        return  # the fault beneath the list says what to do
    here = datasets.available(name)
    source = datasets.source_of(name)
    with st.container(key="data-look"):
        if here == "here":
            _samples(name)
        elif here == "download":
            size = f"{source.bytes / 1e6:,.0f} MB"
            st.caption(f"{size} are fetched from the internet when you press Train.")
        else:
            _missing(name)
    if settled is not None:
        st.caption(counts(settled, source))
    own_data(name)
    for field in ("train_images", "validation_images", "validation_split", "label_noise"):
        if (
            field != "validation_split"
            or not st.session_state[draft.field_key("validation_images")]
        ):
            knob(field, faults)
    if draft.held("label_noise"):
        knob("noise_kind", faults)
    knob("imbalance", faults)
    class_weights(faults)
    knob("normalise", faults)
    for field, described in knobs(draft.chosen_task()).items():
        if described.group == "data" and field not in PLACED:
            knob(field, faults)


def counts(spec: RunSpec, source: datasets.Source) -> str:
    """How many images are trained on, kept for validation and tested on."""
    known = datasets.counts(spec)
    height, width, channels = source.shape
    kind = "grey" if channels == 1 else "colour"
    about = "about " if getattr(spec, "imbalance", 1) > 1 else ""
    return (
        f"{about}{known.trained:,} to train on · {known.held_out:,} for validation · "
        f"{known.test:,} test · "
        f"{height}×{width} {kind} · {len(source.class_names)} classes"
    )


def _samples(name: str) -> None:
    try:
        samples(name)
    except DataError as error:
        _cannot_be_read(name, error)


def _missing(name: str) -> None:
    """What is missing, where it was looked for, and the two ways on."""
    try:
        datasets.sample(name)
    except DataError as error:
        _cannot_be_read(name, error)


def _cannot_be_read(name: str, error: DataError) -> None:
    with st.container(key="data-missing", border=True, gap="xsmall"):
        st.badge("Not here", icon=":material/error:", color="red")
        st.text(error.message)
        st.text(error.hint)
        if name != "digits":
            st.button(
                "Use Digits instead",
                key="use-digits",
                on_click=draft.switch_dataset,
                args=("digits",),
                width="stretch",
            )
