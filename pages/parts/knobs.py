"""One function that turns a Knob of RunSpec into a widget: nothing about a knob is said twice."""

import math
from collections.abc import Callable, Mapping

import streamlit as st

from pages.parts import session
from pages.parts.draft import field_key
from playground.knobs import Knob
from playground.spec import fields, knobs

SLIDER_STOPS = 100  # with more, a slider on a side bar cannot be aimed
MANTISSAS = (1.0, 2.0, 3.0, 5.0, 7.0)


def knob(name: str, faults: Mapping[str, str], on_change: Callable[[], None] | None = None) -> None:
    """The widget of the spec's field `name`, and beneath it what is wrong with its value; none
    where the chosen task has no such field.

    Its value is `st.session_state[field_key(name)]`, set before.
    """
    described = knobs(session.value(field_key("task"))).get(name)
    if described is None:
        return  # a setting of another task
    kind = fields()[name].annotation
    if kind is bool:
        st.toggle(described.label, key=field_key(name), help=described.help, on_change=on_change)
    elif described.choices is not None:
        _choice(name, described, on_change)
    elif kind is str:
        st.text_input(
            described.label, key=field_key(name), help=described.help, on_change=on_change
        )
    elif described.log:
        _log_slider(name, described)
    else:
        _number(name, described, whole=kind is int)
    if name in faults:
        with st.container(key=f"fault-{name}"):
            st.text(faults[name])


def _choice(name: str, described: Knob, on_change: Callable[[], None] | None) -> None:
    choices = described.choices or {}
    st.selectbox(
        described.label,
        list(choices),
        format_func=lambda value: choices.get(value, str(value)),
        key=field_key(name),
        help=described.help,
        on_change=on_change or "rerun",
    )


def _log_slider(name: str, described: Knob) -> None:
    st.select_slider(
        described.label,
        log_stops(described, st.session_state[field_key(name)]),
        format_func=lambda value: f"{value:g}",
        key=field_key(name),
        help=described.help,
    )


def log_stops(described: Knob, value: float) -> list[float]:
    """Stops of a log slider over the knob's range; `value`, wherever it lies, is among them."""
    low, high = described.low or 1e-6, described.high or 1.0
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    stops = {float(f"{mantissa:g}e{decade}") for decade in decades for mantissa in MANTISSAS}
    return sorted({stop for stop in stops if low <= stop <= high} | {value})


def _number(name: str, described: Knob, whole: bool) -> None:
    kind = int if whole else float
    low, high = kind(described.low or 0), kind(described.high or 0)
    step = kind(described.step or 1)
    label = f"{described.label} (0 = {described.zero})" if described.zero else described.label
    if (high - low) / step <= SLIDER_STOPS:
        st.slider(
            label,
            low,
            high,
            step=step,
            format="%d" if whole else f"%.{_decimals(step)}f",
            key=field_key(name),
            help=described.help,
        )
    else:
        st.number_input(
            label,
            low,
            high,
            step=step,
            format="%d" if whole else "%g",
            key=field_key(name),
            help=described.help,
        )


def _decimals(step: float) -> int:
    return max(0, -math.floor(math.log10(step)))


def in_group(name: str) -> list[str]:
    """The chosen task's fields of a group, in their order."""
    described = knobs(session.value(field_key("task")))
    return [field for field, each in described.items() if each.group == name]


def group(name: str, faults: Mapping[str, str]) -> None:
    """The widgets of all fields of a group, in their order."""
    for field in in_group(name):
        knob(field, faults)
