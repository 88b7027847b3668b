"""The embedding lab: experiments that one click trains side by side."""

from collections.abc import Mapping

import streamlit as st

from pages.parts import draft, problems, rerun, runs, together
from pages.parts.data_choice import data_choice
from pages.parts.knobs import knob
from playground.cnn import CnnSpec
from playground.errors import PlaygroundError
from playground.presets import PRESETS
from playground.spec import RunSpec
from playground.tasks import TASKS

KEY = "lab-preset"


def chooser(settled: RunSpec | None, faults: Mapping[str, str]) -> None:
    """The experiments, what they run on, and the button that starts the chosen one."""
    st.subheader("The lab", anchor=False)
    name = st.selectbox(
        "Experiment",
        list(PRESETS),
        format_func=lambda name: PRESETS[name].title,
        key=KEY,
        help="Runs from the same weights and batches, so that what differs comes of the loss.",
    )
    preset = PRESETS[name]
    with st.container(key="lesson-lab"):
        st.caption(preset.about)
    data_choice(faults)
    knob("epochs", faults)
    knob("seed", faults)
    count = len(preset.specs())
    together.expect(count)
    st.button(
        "Train the experiment" if count == 1 else f"Train {count} side by side",
        key="train-lab",
        icon=":material/science:",
        on_click=_start,
        args=(name,),
        width="stretch",
        help="Takes the place of the runs that are shown; those stay under Runs.",
    )
    if isinstance(settled, CnnSpec):
        task = TASKS[settled.task]
        page = "the Playground" if task.page == "playground" else task.title
        numbers = "number" if settled.embedding == 1 else "numbers"
        with st.container(key="lesson-lab-train"):
            st.text(  # not Markdown: the loss may be named by a visitor
                f"Train, above, does not train the experiment but the settings of {page}: "
                f"{runs.loss_name(settled)}, {settled.embedding} {numbers} in the embedding."
            )


def _start(name: str) -> None:
    rerun.ask()
    held = draft.values()
    changes = {field: held[field] for field in ("dataset", "epochs", "seed")}
    try:
        specs = [RunSpec.parse({**each.model_dump(), **changes}) for each in PRESETS[name].specs()]
    except PlaygroundError as error:
        problems.remember(error, "Not started", about="settings")
        return
    if together.race_together(specs):
        draft.take(specs[0])
