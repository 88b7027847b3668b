"""The run being prepared: what the controls hold, and the RunSpec that it amounts to.

A control is a widget whose key is `field_key(name)`.

The loss is held apart, because both ways of giving one keep their own: `loss_mode` is "pick" or
"write", `loss_name` the picked name, `loss_text` the written text, and `loss_parameters` the
values that were moved away from their defaults in each mode.
"""

from functools import partial
from typing import Any

import streamlit as st
from pydantic import ValidationError

from pages.parts import session
from pages.parts.session import Key
from playground import datasets
from playground.knobs import is_name
from playground.spec import DEFAULT_TASK, RunSpec, fields, knobs, spec_errors

LOSS_FIELDS = ("loss", "loss_parameters")
BEGUN: Key[RunSpec | None] = Key("begun", lambda: None)  # what a page began with, unchanged
# By task, what the controls held when another was chosen.
APART: Key[dict[str, dict[str, Any]]] = session.declare("drafts", dict)
RUNS = (session.RUN, session.COMPARE)


def field_key(name: str) -> str:
    """The widget key of a field of RunSpec."""
    return f"spec.{name}"


def _plain(name: str) -> Any:
    value = getattr(RunSpec(), name, fields()[name].default)
    return list(value) if isinstance(value, tuple) else value


for _name in knobs():  # of all tasks: one flat table
    if _name not in LOSS_FIELDS:
        session.declare(field_key(_name), partial(_plain, _name))
LOSS_KEYS = (session.LOSS_MODE, session.LOSS_NAME, session.LOSS_TEXT, session.LOSS_PARAMETERS)


def own_fields(task: str) -> list[str]:
    """The fields of a task's spec that have a control; those of its loss are held apart."""
    return [name for name in knobs(task) if name not in LOSS_FIELDS]


def held(name: str) -> Any:
    """What the control of a field holds; None where the chosen task has no such field."""
    return session.value(field_key(name)) if name in own_fields(chosen_task()) else None


def chosen_task() -> str:
    """The task that the controls are for."""
    return str(session.value(field_key("task")))


def classes() -> int:
    """How many classes the chosen data set has; ten where it is not known."""
    known = datasets.find(session.value(field_key("dataset")))
    return len(known.class_names) if known is not None else 10


def choose(task: str) -> None:
    """The controls and the runs on the screen are of this task from now on: as they were left when
    another was chosen, or as the task begins."""
    state, before = st.session_state, chosen_task()
    if task == before:
        return
    settle()
    apart = dict(session.value(APART))
    apart[before] = {key: session.value(key) for key in _keys(before)}
    state[APART] = apart
    if task in apart:
        state.update(apart[task])
        session.keep()
    else:
        session.RUN.set("")
        session.COMPARE.set([])
        take(RunSpec(task=task))


def choose_one_with_a_run() -> None:
    """For a page that looks into a run of any task: where the chosen one has none on the screen and
    the default one has, that one is chosen. A glance at a task's page does not lose the run."""
    kept = session.value(APART).get(DEFAULT_TASK, {})
    if not session.RUN.get() and kept.get(session.RUN):
        choose(DEFAULT_TASK)


def _keys(task: str) -> list[str]:
    """The keys that hold a task's settings, its loss and the runs on the screen."""
    return [*map(field_key, own_fields(task)), *LOSS_KEYS, *RUNS]


def take(spec: RunSpec, wanted: str = "") -> None:
    """Sets every control to this spec; `wanted` ("pick" or "write") decides how its loss is shown
    where both would do."""
    settle()
    state = st.session_state
    for name in own_fields(spec.task):
        value = getattr(spec, name)
        state[field_key(name)] = list(value) if isinstance(value, tuple) else value
    session.LOSS_MODE.set("pick" if is_name(spec.loss) and wanted != "write" else "write")
    session.LOSS_PARAMETERS.set({"pick": {}, "write": {}})
    session.LOSS_PARAMETERS.get()[session.LOSS_MODE.get()] = dict(spec.loss_parameters)
    if state.loss_mode == "pick":
        session.LOSS_NAME.set(spec.loss)
    else:
        session.LOSS_TEXT.set(spec.loss)
    session.keep()


def begin(suited: RunSpec) -> None:
    """Sets every control to what suits a page, where nothing was chosen yet."""
    if spec()[0] == RunSpec():
        take(suited)
        BEGUN.set(suited)


def settle() -> None:
    """The settings were trained with: they are the visitor's by now."""
    BEGUN.drop()


def leave() -> None:
    """Another page is gone to: what the last one began with, and nobody changed, stays there."""
    suited = BEGUN.get()
    BEGUN.drop()
    if suited is not None and spec()[0] == suited:
        take(RunSpec())


def values() -> dict[str, Any]:
    """The fields of the RunSpec as the controls hold them, unchecked."""
    names = own_fields(chosen_task())
    found = {name: session.value(field_key(name)) for name in names}
    found["loss"] = (session.LOSS_TEXT if mode() == "write" else session.LOSS_NAME).get()
    found["loss_parameters"] = session.LOSS_PARAMETERS.get()[mode()]
    return found


def mode() -> str:
    """Whether the loss is picked ("pick") or written ("write")."""
    return session.LOSS_MODE.get()


def spec() -> tuple[RunSpec | None, dict[str, str]]:
    """The spec the controls amount to, or None and what is wrong with which field."""
    try:
        return RunSpec(**values()), {}
    except ValidationError as error:
        faults = spec_errors(error)
        return None, {each.field: str(each).removeprefix(f"{each.field}: ") for each in faults}


def choose_dataset() -> None:
    """The fields whose best value depends on the data set take the new one's defaults."""
    chosen = st.session_state[field_key("dataset")]
    if chosen in datasets.KNOWN:
        try:
            plain = RunSpec(task=chosen_task(), dataset=chosen)
        except ValidationError:
            return  # images that the task cannot take: the control says so
        every = [*datasets.SETS.values(), datasets.source_of(chosen)]
        suited = {name for each in every for name in each.defaults}
        for name in sorted(suited & set(own_fields(chosen_task()))):  # and not another task's
            st.session_state[field_key(name)] = getattr(plain, name)
        if st.session_state[field_key("train_images")] > datasets.source_of(chosen).train_count:
            st.session_state[field_key("train_images")] = plain.train_images
        room = datasets.source_of(chosen).train_count - (
            st.session_state[field_key("train_images")] or 50
        )
        if st.session_state[field_key("validation_images")] > room:
            st.session_state[field_key("validation_images")] = plain.validation_images


def switch_dataset(name: str) -> None:
    """Chooses a data set on the visitor's behalf."""
    st.session_state[field_key("dataset")] = name
    choose_dataset()
