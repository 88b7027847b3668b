"""The metrics beside loss and accuracy: choosing named ones, writing one, what they are called.

The chosen ones, names and texts, are a field of the spec like any other: `chosen()` is its value.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

from pages.live import component
from pages.parts import draft, problems, rerun, session
from pages.parts.visitor import visitor
from playground import naming, trainable
from playground.errors import PlaygroundError, WorkerError
from playground.knobs import is_name, metric_key
from playground.runs import supervisor
from playground.spec import MAX_METRICS
from playground.tasks import Task

KEY = draft.field_key("metrics")
NAMED = "metrics-named"
EDITOR = "metric-editor"
TEXT = session.declare("metric_text", str)  # of the editor
EDITOR_HEIGHT = 52  # pixels
ALWAYS = "accuracy"  # is measured in any case, and has a chart
TITLE_CHARACTERS = 60
SHORT_CHARACTERS = 14


def chosen() -> list[str]:
    """The metrics of the next run: names and texts."""
    held: list[str] = session.value(KEY)
    return held


def main_of(task: Task) -> component.Metric:
    """The measure of a task that stands for all where there is room for one."""
    main = task.main
    return component.Metric(main.key, main.title, main.title, main.unit, main.better)


def of_task(task: Task) -> list[component.Metric]:
    """The measures of a task that have no panel of their own."""
    return [
        component.Metric(each.key, each.title, each.title, each.unit, each.better)
        for each in task.measures
        if each.key not in task.panels
    ]


def described(metrics: Iterable[str]) -> list[component.Metric]:
    """What the live views need to know of these names and texts."""
    known = {info["name"]: info for info in _catalog() or []}
    return [_described(text, known.get(text)) for text in metrics if text != ALWAYS]


def fault() -> PlaygroundError | None:
    """Why a chosen metric cannot be measured, as far as the checking worker has said."""
    known = {info["name"] for info in _catalog() or []}
    if not known:
        return None  # the training worker checks them as well
    try:
        for text in chosen():
            found = "" if text in known else _fault(text)
            if found:
                return PlaygroundError(
                    f"The metric {naming.cut(naming.name(text), TITLE_CHARACTERS)}: {found}"
                )
    except WorkerError:
        return None
    return None


def chooser() -> None:
    """A pop-over to choose named metrics and to write others."""
    metrics = chosen()
    known = {info["name"]: info for info in _catalog() or [] if info["name"] != ALWAYS}
    label = f"Metrics · {len(metrics)}" if metrics else "Metrics"
    with st.popover(label, key="metrics-popover", icon=":material/straighten:", type="tertiary"):
        st.caption(
            "Measured beside loss and accuracy, on all validation images of an evaluation at once, "
            f"from the next run on; at most {MAX_METRICS}."
        )
        if known:
            _named(known, metrics)
        else:
            st.caption("TensorFlow is starting: the list follows in a few seconds.")
        # A name that is no metric's is a text, such as p_true; without the list nobody knows.
        _written([text for text in metrics if text not in known and (known or not is_name(text))])
        _write(full=len(metrics) >= MAX_METRICS)
        for name in metrics:
            if name in known:
                _about(known[name])


def _named(known: Mapping[str, Mapping[str, Any]], metrics: list[str]) -> None:
    """Those that the chosen task has, to choose from, and why it does not have the others. One of
    these that is chosen stands among the first, marked, to be taken away."""
    lacking = trainable.untrainable(known.values(), draft.chosen_task())
    offered = [name for name in known if name in metrics or name not in lacking]
    st.session_state[NAMED] = [name for name in metrics if name in known]
    if offered:
        st.pills(
            "Metrics",
            offered,
            selection_mode="multi",
            format_func=lambda name: (
                f"{known[name]['title']}{' (not here)' if name in lacking else ''}"
            ),
            key=NAMED,
            on_change=_choose,
            args=(list(known),),
            label_visibility="collapsed",
        )
    for why in dict.fromkeys(lacking.values()):
        titles = [known[name]["title"] for name in lacking if lacking[name] == why]
        st.caption(f"Not here: {', '.join(titles)}. Each {why}.")


def _about(info: Mapping[str, Any]) -> None:
    with st.container(key=f"metric-about-{info['name']}"):
        st.caption(
            f"**{info['title']}** $\\;{info['latex']}$  \n"
            f"{info['when']} {info['better'].capitalize()} is better. {info['paper']}."
        )


def _choose(known: list[str]) -> None:
    picked: list[str] = st.session_state[NAMED]
    kept = [text for text in chosen() if text not in known or text in picked]
    new = [name for name in picked if name not in kept]
    st.session_state[KEY] = [*kept, *new][:MAX_METRICS]


def _written(texts: list[str]) -> None:
    for text in texts:
        with st.container(horizontal=True, vertical_alignment="center", key=_key("row", text)):
            st.code(text, language=None, wrap_lines=True)
            st.button(
                "Remove",
                key=_key("remove", text),
                icon=":material/close:",
                type="tertiary",
                on_click=_remove,
                args=(text,),
            )


def _write(full: bool) -> None:
    """An editor for one more."""
    state = st.session_state
    with st.container(key="metric-write", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", key="metric-write-head"):
            st.caption(
                "Or write one in the language of the losses; a comment above names it",
                width="content",
            )
            st.space("stretch")
            st.button(
                "Add",
                key="add-metric",
                icon=":material/add:",
                disabled=full,
                on_click=_add,
                help=f"There are {MAX_METRICS} already: remove one first." if full else None,
            )
        typed = component.editor(
            EDITOR,
            state[TEXT],
            height=EDITOR_HEIGHT,
            kind="metric",
            task=draft.chosen_task(),
            classes=draft.classes(),
        )
        state[TEXT] = typed.text
        if session.METRIC_FAULT.get():
            with st.container(key="fault-metric"):
                st.text(session.METRIC_FAULT.get())


def _add() -> None:
    """Takes the written metric over, if there is nothing wrong with it."""
    state = st.session_state
    typed = component.edited(EDITOR)
    text = (typed if typed is not None else session.value(TEXT)).strip("\n")
    try:
        found = _fault(text) if text.strip() else "Write a metric first, for example p_true > 0.9"
    except WorkerError as error:
        found = f"{error.message} {error.hint}".strip()
    if found:
        state[TEXT] = text
        session.METRIC_FAULT.set(found)
        return
    session.METRIC_FAULT.drop()
    state[TEXT] = ""
    if text.strip() != ALWAYS:
        # Blanks around a single line say nothing; of several lines they are the indentation.
        text = text if "\n" in text else text.strip()
        state[KEY] = list(dict.fromkeys([*chosen(), text]))


def _remove(text: str) -> None:
    st.session_state[KEY] = [other for other in chosen() if other != text]
    if problems.about("metric"):
        problems.forget()
        rerun.ask()


def _fault(text: str) -> str:
    """What is wrong with a text, and where; nothing if nothing is. Raises WorkerError."""
    ask = supervisor.service().questions.ask
    error = ask("metric", visitor(), text=text, classes=draft.classes()).get("error")
    if not error:
        return ""
    place = f"Line {error['line']}, column {error['column']}: " if error.get("line") else ""
    message = f"{place}{error['message']}"
    return f"{message}. {error['hint']}" if error.get("hint") else message


def _described(text: str, info: Mapping[str, Any] | None) -> component.Metric:
    if info is None:
        name = naming.name(text)
        return component.Metric(
            metric_key(text), naming.cut(name, TITLE_CHARACTERS), naming.cut(name, SHORT_CHARACTERS)
        )
    return component.Metric(
        metric_key(text), info["title"], info["short"], info["unit"], info["better"]
    )


def _catalog() -> list[dict[str, Any]] | None:
    """Every named metric; None while the checking worker cannot say."""
    service = supervisor.service()
    try:
        return service.questions.ask("metrics") if service.status()["checking"] else None
    except WorkerError:
        return None  # the loss card says what is wrong with the worker


def _key(what: str, text: str) -> str:
    return f"metric-{what}-{metric_key(text)}"
