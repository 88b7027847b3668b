"""Fitting: underfitting, overfitting, noise learned by heart; curves that tell, and a verdict."""

import streamlit as st

from pages.live import component
from pages.parts import draft, pinned, rerun, runs, task_page, together, url
from pages.parts.caution import caution
from pages.parts.corner import corner
from pages.parts.data_card import data_card
from pages.parts.head import head
from pages.parts.knobs import group, knob
from pages.parts.lessons import TRIO, lessons
from pages.parts.results import along, as_table, network
from pages.parts.robust_card import robust_card
from pages.parts.sweep_card import sweep_card
from pages.parts.verdict_card import verdict_card
from playground import datasets, models
from playground.runs import supervisor
from playground.spec import DEFAULT_TASK

PANELS = ("fit_accuracy", "fit_loss", "fit_gap")

url.follow("fitting")
draft.choose(DEFAULT_TASK)  # of which its verdicts, levers and lessons are
task_page.leave_out(task_page.PLAYGROUND)
draft.begin(TRIO["About right"])  # where there is something to see
st.session_state[draft.field_key("watch_fit")] = True
settled, faults = draft.spec()
together.expect(len(TRIO))
current, compared = together.on_screen()
shown = [*([current] if current is not None else []), *compared]


def train_three() -> None:
    """Starts the three nets; the settings become those of the right one."""
    rerun.ask()
    if together.train_together(list(TRIO.values())):
        draft.take(TRIO["About right"])


with st.sidebar:
    st.subheader("Data", anchor=False)
    data_card(settled, faults)
    st.subheader("Model", anchor=False)
    network(settled)
    for field in ("width", "depth", "embedding", "batch_norm"):
        knob(field, faults)
    corner(settled)
    caution(settled)
    st.subheader("Regularisation", anchor=False)
    group("regularisation", faults)
    st.subheader("Augmentation", anchor=False)
    group("augmentation", faults)
    st.subheader("Optimiser", anchor=False)
    for field in ("optimizer", "learning_rate", "schedule", "batch_size", "epochs", "seed"):
        knob(field, faults)

head(current, compared, settled)

with st.container(key="panel-three", gap="xsmall"):
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader("Three nets, one data set", anchor=False, width="content")
        st.button(
            "Train all three",
            key="train-three",
            icon=":material/play_arrow:",
            on_click=train_three,
            disabled=bool(together.steerable(shown)),
            help="Side by side, on the same images with the same wrong labels.",
        )
    sizes = " · ".join(
        f"{name.lower()} {models.parameter_count(spec):,} weights" for name, spec in TRIO.items()
    )
    one = TRIO["About right"]
    st.caption(
        f"{one.train_images:,} handwritten digits, {one.label_noise:.0%} of the labels wrong: "
        f"{sizes}. Train, above, trains one net with the settings on the left."
    )
    pinned.offered()
    lessons(url.view().lesson)

titles = {record.id: name for record in shown for name, spec in TRIO.items() if record.spec == spec}
with st.container(key="panel-verdict", gap="small"):
    st.subheader("Verdict", anchor=False)
    verdict_card(shown, titles)

noisy = any(getattr(record.spec, "label_noise", 0) for record in shown)
with st.container(key="panel-curves", gap="xsmall"):
    with st.container(horizontal=True, vertical_alignment="center", key="curves-head"):
        st.subheader("Curves", anchor=False, width="content")
        st.space("stretch")
        along()
        as_table(current)
    drawn = runs.drawn(shown, titles)
    component.curves(
        "fit-curves",
        drawn,
        smoothing=0.0,
        axis=url.view().axis,
        panels=(*PANELS, "memory") if noisy else PANELS,
        height=240,
    )
    with st.container(key="lesson-fit"):
        st.caption(
            "Both with dropout off, on images that are the same at every look. The star is the "
            "epoch of the least validation loss; the dotted level is what guessing gives. The band "
            "around the gap is two standard errors: a gap whose band holds 0 may be chance."
        )

with st.container(key="panel-calibration", gap="small"):
    st.subheader("Calibration", anchor=False)
    component.reliability("reliability", drawn[:3])
    with st.container(key="lesson-calibration"):
        st.caption(
            "Validation images by how sure the network is of its answer. Where a bar ends below "
            "the diagonal, it is right less often than it says: overconfident."
        )

with st.container(key="panel-sweep", gap="xsmall"):
    sweep_card(settled)

with st.container(key="panel-robust", gap="small"):
    robust_card(settled, bool(together.steerable(shown)))

url.write(settled, current)
if settled is not None and datasets.available(settled.dataset) == "here":
    supervisor.service().prepare(settled)
