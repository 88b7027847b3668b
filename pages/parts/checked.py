"""What the checking worker says of a loss, and whether a run can be trained with it."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.parts import draft, session
from pages.parts.visitor import visitor
from playground.datasets import source_of
from playground.errors import PlaygroundError, WorkerError
from playground.knobs import is_name
from playground.runs import supervisor
from playground.spec import DEFAULT_TASK, RunSpec

Asked = tuple[str, tuple[tuple[str, float], ...]]


@st.cache_data(max_entries=512, show_spinner=False)
def checked(
    text: str,
    parameters: tuple[tuple[str, float], ...],
    task: str = DEFAULT_TASK,
    classes: int = 10,
) -> Mapping[str, Any]:
    """The worker's report on a loss, named or written, of a run of a task on data of so many
    classes. Raises WorkerError."""
    report: Mapping[str, Any] = supervisor.service().questions.ask(
        "check", visitor(), text=text, parameters=dict(parameters), task=task, classes=classes
    )
    return report


def asked(text: str) -> Asked:
    """A loss with its moved parameters, as something a cache can tell apart."""
    return text, tuple(sorted(session.LOSS_PARAMETERS.get()[draft.mode()].items()))


def refusal(spec: RunSpec) -> PlaygroundError | None:
    """Why no run can be trained with the loss of a spec, as far as the checking worker has said."""
    if not supervisor.service().status()["checking"]:
        return None  # the training worker checks it as well
    try:
        classes = len(source_of(spec.dataset).class_names)
        report = checked(spec.loss, tuple(sorted(spec.loss_parameters.items())), spec.task, classes)
    except WorkerError:
        return None
    error = report.get("error")
    if not error:
        refused = report.get("refusal")
        return PlaygroundError(sentence(refused["message"]), refused["hint"]) if refused else None
    place = "" if is_name(spec.loss) else f"Line {error['line']}, column {error['column']}: "
    return PlaygroundError(f"{place}{error['message']}", error.get("hint") or "")


def sentence(words: str) -> str:
    """With a capital at its start and a full stop at its end."""
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."
