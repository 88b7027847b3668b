"""A visitor's own data looked at: counts of each class, duplicates, what was done to them."""

import streamlit as st

from pages.parts import draft, take_home
from pages.parts.visitor import owners
from playground import datasets
from playground.datasets import own

MOST_LINES = 12


def look(name: str, key: str = "own") -> None:
    """What there is to say of own data, and the images of each class, under keys of its own."""
    facts = own.facts(name)
    if facts is None:
        return  # they went meanwhile: the data card says so
    with st.container(key=f"{key}-look", gap="xsmall"):
        for line in facts.told()[:MOST_LINES]:
            st.text(line)
        st.dataframe(
            {
                "Class": facts.class_names,
                "To train on": facts.train_counts,
                "To test on": facts.test_counts,
            },
            hide_index=True,
            height=min(35 * (len(facts.class_names) + 1) + 3, 250),
            key=f"{key}-counts-{name}",
        )


def own_data(name: str) -> None:
    """Of chosen own data: the look, how long they stay, and how they go."""
    if not own.is_own(name):
        return
    mine = name in {facts.name for facts in own.of(owners())}
    with st.expander("About these images", key="own-about"):
        look(name)
        if datasets.available(name) == "here":
            st.caption(f"They go in {own.days_left(name)} days if nobody trains on them.")
            take_home.button(
                "Download as .npz",
                own.images_file(name).read_bytes,
                of=name,
                file_name="data.npz",
                mime="application/octet-stream",
                key="own-download",
                icon=":material/download:",
                help="The images as they are trained on; brought to another server they are the "
                "same data set there, and links to it work.",
            )
        if mine:
            st.button(
                "Remove",
                key="own-remove",
                icon=":material/delete:",
                on_click=_remove,
                args=(name,),
                help="The images go; runs that were trained on them stay.",
            )
        else:
            st.caption("Somebody else brought them; you came by a link.")


def _remove(name: str) -> None:
    own.forget(name, owners())
    draft.switch_dataset("digits")
