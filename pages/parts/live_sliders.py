"""λ and α under the hand: sliders of the loss' parameters and of the centres' rate. They move the
shown run while it trains, and the settings of the next run where none does."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from pages.live import component
from pages.parts import draft, problems, rerun, session, together
from pages.parts.checked import checked
from pages.parts.loss_card import WARM_SECONDS
from pages.parts.midrun import What, spec_by_now
from pages.parts.steering import steer
from playground.datasets import source_of
from playground.errors import PlaygroundError
from playground.runs import supervisor
from playground.runs.store import RunRecord
from playground.spec import RunSpec, knobs
from playground.tasks.classification import ClassificationSpec
from playground.training.changes import PARAMETER, RATE

FEW = 3  # parameters that find room beside the title
CENTER_RATE: What = (RATE, "center_rate")


def sliders(current: RunRecord | None, settled: RunSpec | None) -> None:
    """The sliders of the shown run, if it is live and this visitor's, or else of the settings."""
    live = current if current is not None and together.steerable([current]) else None
    if not supervisor.service().status()["checking"]:
        st.fragment(_wait, run_every=WARM_SECONDS)()
        return
    try:
        spec = settled if live is None else spec_by_now(live)
        if spec is None:
            return
        report = checked(spec.loss, (), spec.task, len(source_of(spec.dataset).class_names))
    except PlaygroundError as error:
        problems.remember(error)
        return
    if not {"features", "centers"} & set(report["inputs"]):
        return  # a loss that knows nothing of the embedding
    run_id = live.id if live is not None else ""
    shared = settled is not None and settled.loss == spec.loss
    for parameter in [each for each in report["parameters"] if each["low"] is not None][:FEW]:
        name = parameter["name"]
        value = spec.loss_parameters.get(name, parameter["value"])
        _slider(run_id, shared, (PARAMETER, name), parameter, float(value), name)
    if "centers" in report["inputs"] and isinstance(spec, ClassificationSpec):
        knob = knobs()["center_rate"]
        bounds = {"low": knob.low, "high": knob.high, "step": knob.step}
        _slider(run_id, True, CENTER_RATE, bounds, spec.center_rate, knob.label, knob.help)


def _wait() -> None:
    """Draws the page once who knows the loss' parameters is warm."""
    if supervisor.service().status()["checking"]:
        st.rerun()


def _slider(
    run_id: str,
    shared: bool,
    what: What,
    bounds: Mapping[str, Any],
    value: float,
    label: str,
    about: str = "",
) -> None:
    """A slider of the run, or without one of the settings; of both if they have this `shared`."""
    low, high = float(min(bounds["low"], value)), float(max(bounds["high"], value))
    component.slider(
        f"slider.{run_id}.{'.'.join(what)}",
        label,
        value,
        partial(_move, run_id, shared, what),
        low=low,
        high=high,
        step=float(bounds["step"] or 0.01),
        stops=_stops(low, high, value) if what != CENTER_RATE else None,
        about=about or "Moves the shown run while it trains; else the next run's.",
    )


def _stops(low: float, high: float, value: float) -> list[float] | None:
    """0 and 1, 2, 5 of each decade for a weight such as λ (0 to at most 1); None for others."""
    if low != 0 or high > 1:
        return None
    found = {0.0, high, value}
    found |= {digit * 10.0**power for power in range(-4, 1) for digit in (1, 2, 5)}
    return sorted({float(f"{stop:.6g}") for stop in found if stop <= high} | {value})


def _move(run_id: str, shared: bool, what: What, value: float) -> None:
    state, (_, name) = st.session_state, what
    rerun.ask()
    if run_id:
        steer("change", *what, value)
        if "problem" in state:
            return  # it was refused, and that is said
    if what == CENTER_RATE:
        state[draft.field_key(name)] = value
        session.keep()
    elif shared:
        session.LOSS_PARAMETERS.get()[draft.mode()][name] = value
