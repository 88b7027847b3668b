"""What the doctor finds of a loss: the leading properties as chips, all of them one click away."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages.parts.visitor import visitor
from playground.errors import WorkerError
from playground.runs import supervisor
from playground.spec import DEFAULT_TASK

Finding = Mapping[str, Any]  # `losses.diagnosis.Finding.as_dict`
# The chips, with the finding each is of.
CHIPS = {
    "sound": "sound",
    "proper": "proper",
    "calibrated": "calibrated",
    "symmetric": "symmetric",
    "convex": "convex",
}
ICONS = {
    "yes": ":material/check:",
    "no": ":material/close:",
    "unknown": ":material/question_mark:",
    "n/a": ":material/remove:",
}
BETTER_NOT = {"coupled"}  # a loss is better off without these
OPPOSITE = {"yes": "no", "no": "yes"}
SAID = {"yes": "yes", "no": "no", "unknown": "cannot be told", "n/a": "does not apply"}
MEANS = {
    "sound": "It can be trained with.",
    "proper": "The expected loss is least at the true odds, and only there.",
    "calibrated": "The expected loss is least where the likeliest class is on top.",
    "symmetric": "Over all classes as the truth it adds up to the same: it tolerates label noise.",
    "convex": "No local minima, as far as the logits go.",
    "truth": "For a one-hot target nothing costs less than the target itself.",
    "sure": "Where a wrong class is far ahead, far beyond p = 1e-7, it still teaches.",
    "coupled": "A sample's value depends on the others in its batch.",
}


def properties(
    asked: tuple[str, tuple[tuple[str, float], ...]],
    report: Mapping[str, Any],
    task: str = DEFAULT_TASK,
    classes: int = 10,
) -> None:
    """A row of chips and the whole card behind "Properties", of a loss that was checked: that it is
    sound is not said of one with which a run would learn nothing."""
    try:
        found = {each["name"]: each for each in diagnosed(*asked, task, classes)}
    except WorkerError as error:
        st.caption(f"The properties are not known: {error.message}")
        return
    if not found:
        return
    useless = report.get("refusal") or report.get("remark")
    for name, word in CHIPS.items():
        if name == "sound" and useless:
            continue
        finding = found[name]
        st.badge(
            word,
            icon=ICONS[finding["state"]],
            color="red" if name == "sound" and finding["state"] == "no" else "gray",
            help=finding["sentence"],
        )
    if found["sound"]["state"] == "no" and not useless:
        st.caption(f"The doctor warns: {found['sound']['sentence']}")
    # Drawn when it is opened: a quarter of all messages of the page would be this card.
    card = st.popover("Properties", key="verdicts-all", type="tertiary", on_change="rerun")
    if card.open:
        with card, st.container(gap="xsmall"):
            _card(list(found.values()))


def _card(found: Sequence[Finding]) -> None:
    st.caption("Computed from this loss, at the same predictions every time.")
    for finding in found:
        with st.container(gap=None):
            st.markdown(
                f"{_icon(finding)} **{finding['title']}:** {SAID[finding['state']]}",
                help=MEANS.get(finding["name"]),
            )
            st.caption(finding["sentence"])


def _icon(finding: Finding) -> str:
    """A mark of whether the answer is the better one."""
    state: str = finding["state"]
    return ICONS[OPPOSITE.get(state, state) if finding["name"] in BETTER_NOT else state]


@st.cache_data(max_entries=512, show_spinner=False)
def diagnosed(
    text: str,
    parameters: tuple[tuple[str, float], ...],
    task: str = DEFAULT_TASK,
    classes: int = 10,
) -> list[dict[str, Any]]:
    """The worker's findings on a loss of a task, of so many classes. Raises WorkerError."""
    ask = supervisor.service().questions.ask
    given = {"text": text, "parameters": dict(parameters), "task": task, "classes": classes}
    found: list[dict[str, Any]] = ask("doctor", visitor(), **given)["findings"]
    return found
