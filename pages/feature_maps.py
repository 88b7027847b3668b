"""Feature maps: what every layer of the shown run's network makes of an image, while it learns."""

from dataclasses import replace

import streamlit as st

from pages.live import component
from pages.parts import draft, runs, session, together, upload, url
from pages.parts.head import head
from playground import datasets, models
from playground.runs import supervisor
from playground.tasks import TASKS

BESIDE: session.Key[str] = session.declare("maps.beside", str)  # the id of a compared run

url.follow("feature maps")
draft.choose_one_with_a_run()
settled, _ = draft.spec()
current, compared = together.on_screen()
shown_id = current.id if current is not None else None
spec = current.spec if current is not None else settled
fitting = {each.id for each in compared if spec and each.spec.dataset == spec.dataset}
drawn = runs.drawn([*([current] if current else []), *compared])
dataset = spec.dataset if spec is not None else "mnist"
picture, shape = None, datasets.source_of(dataset).shape
if spec is not None:  # of a task that puts pictures together, another
    height, width, channels = next(iter(models.plan(spec).inputs.values()))
    shape = (height, width, channels)
sights = TASKS[spec.task].sights(spec) if spec is not None else ()
supervisor.service().questions.start_looking()

if shape == datasets.source_of(dataset).shape:
    with st.sidebar:
        st.subheader("Your own picture", anchor=False)
        picture = upload.picture(dataset)
        st.caption(
            "It is cut square, resized and, where the data set is white on black, inverted: what "
            "you see is what the network gets."
        )

head(current, compared, settled)

beside = [each for each in drawn if each.id in fitting]
names = {each.id: each.name for each in beside}
if BESIDE.get() not in names:
    BESIDE.set(beside[0].id if beside else "")

with st.container(key="panel-maps", gap="xsmall"):
    if len(beside) < 2:
        st.subheader("Feature maps", anchor=False)
    else:
        with st.container(horizontal=True, vertical_alignment="center", key="maps-head"):
            st.subheader("Feature maps", anchor=False, width="content")
            st.selectbox(
                "The run beside it",
                list(names),
                format_func=lambda run_id: f"Beside {names[run_id]}",
                key=BESIDE,
                label_visibility="collapsed",
                width=320,
                help="Which of the runs that are compared, such as the lanes of a race, stands "
                "beside the shown one.",
            )
    seen = component.maps(
        "maps",
        shown_id,
        runs.class_names(current, settled),
        shape,
        url.SEEN.get(),
        sights=[each.input for each in sights] or ["images"],
        tells=any(each.logits for each in sights) or not sights,
        other=next((each for each in beside if each.id == BESIDE.get()), None),
        upload=picture,
    )
    url.SEEN.set(replace(seen, step=url.SEEN.get().step))

url.write(settled, current)
