"""The loss: picked by name or written, its formula, its parameters, and what it does."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from pages.live import component
from pages.parts import checked, draft, midrun, problems, rerun, session
from pages.parts.checked import asked
from pages.parts.properties import properties
from playground import trainable
from playground.errors import WorkerError
from playground.runs import supervisor

MODES = {"pick": "Pick", "write": "Write"}
EDITOR_HEIGHT = 108  # pixels
EDITOR = "editor"
BEFORE = "loss_before"  # the visitor's text that a named loss took the place of
WARM_SECONDS = 1.0
# The numbers that a written text stated last.
STATED: session.Key[Any] = session.declare("loss_stated", tuple)
# Of the parameters that have a slider.
DEFAULTS: session.Key[dict[str, float]] = session.declare("loss_defaults", dict)


def loss_card(after: Callable[[], None]) -> None:
    """Both halves of the row, and then `after`: a fragment, so that typing and moving a parameter
    leave the rest of the page alone. Until the checking worker is warm it looks again by itself."""
    waiting = not supervisor.service().status()["checking"]
    st.fragment(_loss_card, run_every=WARM_SECONDS if waiting else None)(waiting, after)


def _loss_card(waited: bool, after: Callable[[], None]) -> None:
    rerun.follow()
    ready = supervisor.service().status()["checking"]
    if waited and ready:
        st.rerun()
    left, right = st.columns(2, gap="medium")
    with left, st.container(gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", key="loss-head"):
            st.subheader("The loss", anchor=False, width="content")
            st.space("stretch")
            back = st.empty()
            if draft.mode() == "write" and ready:
                _start()
            st.segmented_control(
                "Pick or write the loss",
                list(MODES),
                required=True,
                format_func=lambda mode: MODES[mode],
                key="loss_mode",
                label_visibility="collapsed",
            )
        if draft.mode() == "write":
            report = _write(ready)
            with back:  # now that the text is known
                _way_back()
        else:
            report = _pick(ready)
        if report is not None:
            _report(report)
    with right, st.container(gap="xsmall"):
        component.studio(
            "studio",
            draft.values()["loss"],
            written=draft.mode() == "write",
            parameters=session.LOSS_PARAMETERS.get()[draft.mode()],
            names=list(session.value(DEFAULTS)),
            run=session.RUN.get(),
            task=draft.chosen_task(),
            classes=draft.classes(),
        )
        row = st.container(
            horizontal=True,
            vertical_alignment="center",
            gap="xsmall",
            key="verdicts-stale" if _stale() else "verdicts",
        )
    session.keep()
    midrun.follow()
    after()
    if report is not None and report["ok"]:
        with row:  # last: everything else is on the screen while the doctor looks
            properties(asked(_shown()), report, draft.chosen_task(), draft.classes())


def sync() -> None:
    """Takes over what was typed last, even if the editor's own turn has not come."""
    typed = component.edited(EDITOR)
    if typed is not None:
        session.LOSS_TEXT.set(typed)


def show(text: str, parameters: Mapping[str, float]) -> None:
    """Puts a text with its parameters into the editor; what was written there is kept."""
    session.LOSS_PARAMETERS.get()["write"] = dict(parameters)
    session.LOSS_MODE.set("write")
    _open(text)


def _pick(ready: bool) -> Mapping[str, Any] | None:
    """A named loss: its title, formula, when to use it, paper and parameters; and, when the worker
    is `ready`, the report on it."""
    catalog = _catalog() if ready or supervisor.service().questions.knows("catalog") else {}
    if not catalog:
        st.selectbox("Loss", [session.LOSS_NAME.get()], disabled=True, label_visibility="collapsed")
        if not ready:
            _warming()
        return None
    picked = session.LOSS_NAME.get()
    session.LOSS_NAME.set(picked)  # said anew: new to the browser, it would show its first choice
    st.selectbox(
        "Loss: type to search by name, group or purpose",
        list(catalog) if picked in catalog else [picked, *catalog],
        format_func=lambda name: _entry(catalog[name]) if name in catalog else name,
        filter_mode="contains",
        key="loss_name",
        on_change=_forget_parameters,
        label_visibility="collapsed",
    )
    if session.LOSS_NAME.get() not in catalog:
        message = f"There is no loss named {session.LOSS_NAME.get()[:40]!r}."
        problems.problem("Unknown", message, "Pick one of the list, or write it.", key="no-loss")
        return None
    info = catalog[session.LOSS_NAME.get()]
    st.latex(info["latex"])
    with st.container(key="lesson-loss"):
        st.caption(f"{info['when']} Paper: {info['paper']}.")
    _parameters(info["parameters"])
    st.button(
        "Edit as text",
        key="edit-as-text",
        icon=":material/edit:",
        type="tertiary",
        on_click=_edit,
        args=(info["text"],),
        help="Opens this loss in the editor, to change it.",
    )
    if not ready:
        _warming()
        return None
    return _check(session.LOSS_NAME.get())


def _report(report: Mapping[str, Any]) -> None:
    """Whether a run can be trained with the loss, and whether it would learn; one that can takes
    down what was said of the last one."""
    refused, remark = report.get("refusal"), report.get("remark")
    if refused is None and report["ok"] and not _stale() and problems.about("loss"):
        problems.forget()
        st.rerun()
    told = refused or remark
    if told is None:
        return
    with st.container(key="cannot-learn", gap="xsmall"):
        st.badge(
            "Cannot be trained here" if refused else "Trains the features only",
            icon=":material/block:" if refused else ":material/warning:",
            color="red" if refused else "orange",
        )
        st.text(f"{checked.sentence(told['message'])} {checked.sentence(told['hint'])}")
        if told["fix"]:
            st.button(
                f"{told['hint'][:1].upper()}{told['hint'][1:]}",
                key="add-term",
                icon=":material/add:",
                on_click=_take,
                args=(told["fix"],),
                help="Opens the loss with it in the editor.",
            )


def _take(text: str) -> None:
    """Opens a text in the place of the present loss, with the parameters as they were moved."""
    show(text, session.LOSS_PARAMETERS.get()[draft.mode()])
    rerun.ask()


def _edit(text: str) -> None:
    """Takes a named loss over into the editor, with the parameters as they were moved."""
    session.LOSS_PARAMETERS.get()["write"] = dict(session.LOSS_PARAMETERS.get()["pick"])
    _open(text)
    session.LOSS_MODE.set("write")


def _start() -> None:
    """The way from a named loss to a text of one's own."""
    catalog = _catalog()
    st.selectbox(
        "Start from a named loss",
        list(catalog),
        index=None,
        format_func=lambda name: _entry(catalog[name]),
        filter_mode="contains",
        placeholder="Start from …",
        key="start_from",
        on_change=_start_from,
        label_visibility="collapsed",
        width=240,
    )


def _way_back() -> None:
    """The way back to the text that a named loss took the place of."""
    if st.session_state.get(BEFORE) not in (None, session.LOSS_TEXT.get()):
        st.button(
            "My text",
            key="back-to-mine",
            icon=":material/undo:",
            type="tertiary",
            on_click=_back,
            help="Puts back what was in the editor before.",
        )


def _start_from() -> None:
    """Opens the chosen loss as text, with its own parameters."""
    name = session.START_FROM.get()
    session.START_FROM.set(None)
    if name is not None:
        sync()
        session.LOSS_PARAMETERS.get()["write"] = {}
        _open(_catalog()[name]["text"])


def _open(text: str) -> None:
    """Puts a text into the editor; what was written there is kept."""
    state = st.session_state
    if session.LOSS_TEXT.get().strip() and session.LOSS_TEXT.get() != session.EXAMPLE:
        state[BEFORE] = session.LOSS_TEXT.get()
    session.LOSS_TEXT.set(text)


def _back() -> None:
    """Puts back what was written before."""
    state = st.session_state
    session.LOSS_TEXT.set(state.pop(BEFORE))


def _warming() -> None:
    st.caption("TensorFlow is starting: the formula and its picture follow in a few seconds.")


def _write(ready: bool) -> Mapping[str, Any] | None:
    """A written loss: the editor, which shows what is wrong, and what follows from the text, or
    while that has a fault, from the last one that had none."""
    typed = component.editor(
        EDITOR,
        session.LOSS_TEXT.get(),
        height=EDITOR_HEIGHT,
        parameters=session.LOSS_PARAMETERS.get()["write"],
        task=draft.chosen_task(),
        classes=draft.classes(),
    )
    session.LOSS_TEXT.set(typed.text)
    if not ready:
        _warming()
        return None
    plain = _check(typed.text, plain=True) if typed.text.strip() else None
    if plain is not None and not plain["error"]:
        session.UNDERSTOOD.set(typed.text)
    elif understood := session.UNDERSTOOD.get():
        plain = _check(understood, plain=True)
    if plain is None or plain["error"]:
        return None
    with st.container(key="formula-stale" if _stale() else "formula"):
        st.latex(plain["latex"])
    declared = [{**each, "default": each["value"]} for each in plain["parameters"]]
    _restate(typed.set, {each["name"]: float(each["value"]) for each in declared})
    _parameters(declared)
    return _check(session.UNDERSTOOD.get() or typed.text)


def _restate(which: int, stated: dict[str, float]) -> None:
    """A number that is changed in the text counts from then on, wherever its slider was before."""
    state = st.session_state
    stating: tuple[int, dict[str, float]] = session.value(STATED) or (-1, {})
    before_which, before = stating
    if which == before_which:
        for name in [name for name, value in stated.items() if before.get(name, value) != value]:
            session.LOSS_PARAMETERS.get()["write"].pop(name, None)
    state[STATED] = (which, stated)


def _parameters(declared: Sequence[Mapping[str, Any]]) -> None:
    """A slider for each parameter; what was moved away from its default is part of the spec."""
    moved = session.LOSS_PARAMETERS.get()[draft.mode()]
    shown = [each for each in declared if each["low"] is not None]
    for name in set(moved) - {each["name"] for each in declared}:
        del moved[name]
    st.session_state[DEFAULTS] = {each["name"]: float(each["default"]) for each in shown}
    for place in range(0, len(shown), 2):
        for column, parameter in zip(st.columns(2), shown[place : place + 2], strict=False):
            with column:
                _slider(parameter, moved)


def _slider(parameter: Mapping[str, Any], moved: dict[str, float]) -> None:
    name, default = parameter["name"], float(parameter["default"])
    key = f"parameter.{draft.mode()}.{name}"
    value = moved.get(name, default)
    low, high = min(parameter["low"], value), max(parameter["high"], value)
    if st.session_state.get(key) != value:
        st.session_state[key] = value

    def move() -> None:
        chosen = float(st.session_state[key])
        moved.pop(name, None)
        if chosen != default:
            moved[name] = chosen
        if session.RUN.get():
            rerun.ask()  # the run may take it, too: a button beside its progress offers that

    st.slider(
        name.replace("_", r"\_"),
        float(low),
        float(high),
        step=float(parameter["step"] or (high - low) / 100),
        format="%.3g",
        key=key,
        on_change=move,
    )


def _stale() -> bool:
    """Whether what is shown is of an older text than the one in the editor, which has a fault."""
    return _shown() != draft.values()["loss"]


def _shown() -> str:
    """The loss whose formula and verdicts are on the screen."""
    if draft.mode() == "pick":
        return session.LOSS_NAME.get()
    return session.UNDERSTOOD.get() or session.LOSS_TEXT.get()


def _forget_parameters() -> None:
    session.LOSS_PARAMETERS.get()["pick"] = {}


def _check(text: str, plain: bool = False) -> Mapping[str, Any] | None:
    """The report on a loss, as its text has it (`plain`) or with the parameters as they were
    moved; None if there is no answer, which is then said."""
    try:
        of = draft.chosen_task(), draft.classes()
        return checked.checked(*((text, ()) if plain else asked(text)), *of)
    except WorkerError as error:
        problems.problem("Not checked", error.message, error.hint, key="not-checked")
        return None


def _catalog() -> dict[str, dict[str, Any]]:
    """The named losses, group by group, last those that the chosen task cannot train, each with
    what it is `lacking`; none if there is no answer, which is then said."""
    try:
        found = supervisor.service().questions.ask("catalog")
    except WorkerError as error:
        problems.problem("The losses cannot be listed", error.message, error.hint, key="no-catalog")
        return {}
    groups = list(dict.fromkeys(info["group"] for info in found))
    lacking = trainable.untrainable(found, draft.chosen_task())
    found = sorted(found, key=lambda info: (info["name"] in lacking, groups.index(info["group"])))
    return {info["name"]: {**info, "lacking": lacking.get(info["name"], "")} for info in found}


def _entry(info: Mapping[str, Any]) -> str:
    """A named loss in a list: all that one may search it by, or why it cannot be trained. An
    entry of a list cannot be disabled."""
    if info["lacking"]:
        return f"{info['title']} · not here: {info['lacking']}"
    return " · ".join(filter(None, (info["title"], info["group"], info["also"])))
