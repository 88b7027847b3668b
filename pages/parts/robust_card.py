"""Losses that bear wrong labels, and cross-entropy: a stored comparison, and the same live."""

from typing import Any

import streamlit as st

from pages.parts import draft, rerun, together
from pages.parts.stored import stored
from playground.spec import RunSpec
from playground.tasks.classification import ClassificationSpec

LOSSES = {
    "categorical_crossentropy": "Cross-entropy",
    "gce": "Generalised cross-entropy",
    "sce": "Symmetric cross-entropy",
    "mae_robust": "Mean absolute error",
}
NOISE = 0.4  # where the settings have none
STORED = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
LEARNED = {
    "mnist": "long enough for cross-entropy to learn nearly every wrong label by heart. Mean "
    "absolute error learns the fewest of them, and the least of everything else.",
    "cifar10": "long enough for cross-entropy to learn most wrong labels by heart. Symmetric "
    "cross-entropy learns fewer and answers better; mean absolute error stays near guessing.",
}


def robust_card(settled: RunSpec | None, busy: bool) -> None:
    """The table and the button."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader("Losses under label noise", anchor=False, width="content")
        st.button(
            "Train all four",
            key="train-robust",
            icon=":material/play_arrow:",
            on_click=_train,
            args=(settled,),
            disabled=busy or settled is None,
            help="The four losses from the same weights, with the settings on the left; without "
            f"label noise there, with {NOISE:.0%} of the labels wrong.",
        )
    dataset = st.segmented_control(
        "Measured on",
        list(STORED),
        format_func=lambda name: STORED[name],
        required=True,
        default="mnist",
        key="robust-dataset",
        label_visibility="collapsed",
    )
    found = stored(f"noise_{dataset}")
    rates = list(dict.fromkeys(row[0] for row in found["rows"]))
    st.table(
        {
            "Loss": list(LOSSES.values()),
            **{
                f"{rate:.0%} wrong": [_cell(found, rate, loss) for loss in LOSSES] for rate in rates
            },
        },
        hide_index=True,
        border="horizontal",
        alt="Test accuracy of four losses by share of wrong labels",
    )
    spec = found["spec"]
    with st.container(key="lesson-robust"):
        st.caption(
            f"Test accuracy{_seeds(found['seeds'])}, in brackets the share of the wrong labels "
            f"learned by heart; stored, from {spec['train_images']:,} images of {STORED[dataset]}, "
            f"{spec['epochs']} epochs at a constant learning rate: {LEARNED[dataset]}"
        )


def _seeds(count: int) -> str:
    return f" ± its spread over {count} seeds" if count > 1 else " of one seed"


def _cell(found: dict[str, Any], rate: float, loss: str) -> str:
    for row in found["rows"]:
        values = dict(zip(found["names"], row, strict=True))
        if (values["noise"], values["loss"]) == (rate, loss):
            learned = "" if values["given"] is None else f" ({values['given']:.0%})"
            spread = f" ± {100 * values['test_spread']:.1f}" if found["seeds"] > 1 else ""
            return f"{values['test']:.1%}{spread}{learned}"
    return "–"


def _train(settled: RunSpec) -> None:
    rerun.ask()
    noise = (isinstance(settled, ClassificationSpec) and settled.label_noise) or NOISE
    kept = {**settled.model_dump(), "loss_parameters": {}, "label_noise": noise}
    specs = [RunSpec(**{**kept, "loss": loss}) for loss in LOSSES]
    if together.train_together(specs):
        draft.take(specs[0])
