"""The lanes of a race as they are set up: one of them is in the editor of the loss at a time.

The settings of the side bar are what all lanes share. What a lane has of its own is a loss with its
parameters, and any settings that it changes, written as `dropout = 0.3, l2 = 0.001`.
"""

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.parts import checked, draft, loss_card, problems, rerun, session
from playground.errors import PlaygroundError, SpecError
from playground.knobs import is_name
from playground.races.race import JUDGES, MOST_LANES, MOST_SEEDS, TARGET, Lane, Race
from playground.races.results import MEASURES
from playground.spec import RunSpec

Values = dict[str, Any]  # a lane: title, loss, loss_parameters and what it changes
BEGIN: tuple[Values, ...] = (
    {"loss": "categorical_crossentropy", "loss_parameters": {}},
    {"loss": "gce", "loss_parameters": {}},
)
LANES: session.Key[list[Values]] = session.declare("race.lanes", lambda: [*map(dict, BEGIN)])
CHOSEN: session.Key[int] = session.declare("race.chosen", int)
TITLE: session.Key[str] = session.declare("race.title", str)
CHANGES: session.Key[str] = session.declare("race.changes", str)
SEEDS: session.Key[int] = session.declare("race.seeds", lambda: 5)
JUDGE: session.Key[str] = session.declare("race.judge", lambda: JUDGES[0])
GOAL: session.Key[float] = session.declare("race.target", lambda: TARGET)
_OWN = ("title", "loss", "loss_parameters")


def hold() -> None:
    """The lane that is being edited takes what the controls hold."""
    lanes, chosen = [dict(lane) for lane in LANES.get()], CHOSEN.get()
    held = draft.values()
    lane: Values = {"loss": held["loss"], "loss_parameters": dict(held["loss_parameters"])}
    if TITLE.get().strip():
        lane["title"] = TITLE.get().strip()
    lanes[chosen] = {**lane, "changes": CHANGES.get()}
    LANES.set(lanes)


def edit(number: int) -> None:
    """Puts a lane into the controls."""
    lane = LANES.get()[number]
    CHOSEN.set(number)
    TITLE.set(lane.get("title", ""))
    CHANGES.set(lane.get("changes", ""))
    loss, parameters = lane["loss"], dict(lane.get("loss_parameters", {}))
    if is_name(loss):
        session.LOSS_MODE.set("pick")
        session.LOSS_NAME.set(loss)
        session.LOSS_PARAMETERS.get()["pick"] = parameters
    else:
        loss_card.show(loss, parameters)


def take(race: Race) -> None:
    """Sets all controls to a race."""
    lanes = []
    for number, lane in enumerate(race.lanes):
        spec = race.spec(number)
        own = {name: value for name, value in lane.changes.items() if name not in _OWN}
        values: Values = {"loss": spec.loss, "loss_parameters": dict(spec.loss_parameters)}
        lanes.append({**values, "title": lane.title, "changes": said(own)})
    draft.take(race.base)
    LANES.set(lanes)
    SEEDS.set(race.seeds)
    JUDGE.set(race.judge)
    GOAL.set(race.target)
    edit(0)


def race(base: RunSpec) -> Race:
    """The race that the controls amount to. Raises SpecError that names the lane."""
    lanes = []
    for number, lane in enumerate(LANES.get(), 1):
        own = {"loss": lane["loss"], "loss_parameters": lane.get("loss_parameters", {})}
        changes = changed(number, lane.get("changes", ""))
        lanes.append(Lane({**own, **changes}, lane.get("title", "")))
    # The base's loss is nobody's: each lane has its own. The first's makes equal races equal.
    first = {name: lanes[0].changes[name] for name in ("loss", "loss_parameters")}
    base = RunSpec.parse({**base.model_dump(), **first, "watch_fit": True})
    return Race(base, tuple(lanes), SEEDS.get(), JUDGE.get(), GOAL.get())


def changed(number: int, text: str) -> dict[str, Any]:
    """The settings of a line such as `dropout = 0.3, optimizer = sgd`. Raises SpecError."""
    found: dict[str, Any] = {}
    for part in filter(None, (each.strip() for each in text.replace("\n", ",").split(","))):
        name, equals, value = (each.strip() for each in part.partition("="))
        if not equals or not name or not value:
            raise SpecError(
                f"lane {number}",
                f"expected settings as in dropout = 0.3, l2 = 0.001; got {part[:40]!r}",
            )
        if name in _OWN:
            raise SpecError(f"lane {number}: {name}", "the editor of the loss has it")
        found[name] = value_of(value)
    return found


def value_of(text: str) -> Any:
    """A number or true or false where it is one, else the text: pydantic knows the rest."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text


def said(changes: Mapping[str, Any]) -> str:
    """The inverse of `changed`."""

    def text(value: Any) -> str:
        return str(value) if isinstance(value, str) else json.dumps(value)

    return ", ".join(f"{name} = {text(value)}" for name, value in changes.items())


def editor(titles: list[str], colours: list[str], after: Any) -> None:
    """The list of lanes and the controls of the chosen one."""
    for key in (session.LOSS_MODE, session.LOSS_NAME):
        key.set(key.get())  # said anew: a control that is new to the browser shows its first choice
    count = len(LANES.get())
    with st.container(horizontal=True, vertical_alignment="center", key="lanes-head"):
        st.subheader("Lanes", anchor=False, width="content")
        st.space("stretch")
        st.button(
            "Add a lane",
            key="lane-add",
            icon=":material/add:",
            on_click=_add,
            disabled=count >= MOST_LANES,
            help="A copy of the one that is being edited.",
        )
        st.button(
            "Remove this lane",
            key="lane-remove",
            icon=":material/remove:",
            on_click=_remove,
            disabled=count <= 2,
        )
    with st.container(horizontal=True, key="lanes", gap="xsmall"):
        for number, title in enumerate(titles):
            chosen = number == CHOSEN.get()
            with st.container(key=f"lane-{number}", width="content"):
                st.html(
                    f"<style>.st-key-lane-{number} button {{ box-shadow: inset 6px 0 0 "
                    f"{colours[number]}; padding-left: 1.1rem; }}</style>"
                )
                st.button(
                    plain(title),
                    key=f"lane-edit-{number}",
                    type="primary" if chosen else "secondary",
                    on_click=_choose,
                    args=(number,),
                    help="The first lane is what the others are held against."
                    if not number
                    else "Shows this lane below, to be changed.",
                )
    with st.container(horizontal=True, key="lane-own"):
        st.text_input(
            "Name of this lane", key=TITLE, placeholder="its loss and settings", max_chars=60
        )
        st.text_input(
            "Settings that it changes",
            key=CHANGES,
            placeholder="none; for instance dropout = 0.3, l2 = 0.001",
            help="By the names that a link has for them; its loss is below, all else is shared.",
        )
    loss_card.loss_card(after)


def knobs() -> None:
    """How many seeds, what decides, which accuracy is to be reached."""
    with st.container(horizontal=True, key="race-knobs"):
        st.number_input(
            "Seeds",
            1,
            MOST_SEEDS,
            key=SEEDS,
            help="The whole race is run with each: other images, first weights and batches, the "
            "same for all lanes. Below 6 no test can decide anything.",
        )
        st.selectbox(
            "Judged by",
            JUDGES,
            format_func=lambda name: MEASURES[name].title,
            key=JUDGE,
            help="On test images. One number decides, chosen before: of many, one will look good "
            "by luck.",
        )
        st.number_input(
            "Accuracy to reach",
            0.01,
            0.999,
            step=0.01,
            format="%.3f",
            key=GOAL,
            help="The scoreboard has the steps and seconds until the validation accuracy is there.",
        )


def plain(text: str) -> str:
    """A visitor's words for a place that reads Markdown, as they are."""
    return "".join(f"\\{mark}" if mark in "\\`*_{}[]<>()#+-.!|~$:&" else mark for mark in text)


def _choose(number: int) -> None:
    rerun.ask()
    loss_card.sync()
    hold()
    edit(number)


def _add() -> None:
    rerun.ask()
    loss_card.sync()
    hold()
    lanes = LANES.get()
    copy = {name: value for name, value in lanes[CHOSEN.get()].items() if name != "title"}
    LANES.set([*lanes, copy])
    edit(len(lanes))


def _remove() -> None:
    rerun.ask()
    lanes, chosen = LANES.get(), CHOSEN.get()
    LANES.set([lane for number, lane in enumerate(lanes) if number != chosen])
    edit(max(0, chosen - 1))


def complain(error: PlaygroundError) -> None:
    """What is wrong with a lane, in its place."""
    problems.problem("Not a race yet", error.message, error.hint, key="problem-race")


def refusal(race: Race, number: int) -> PlaygroundError | None:
    """Why a lane cannot be trained, as far as the checking worker has said, with its number."""
    refused = checked.refusal(race.spec(number))
    if refused is None:
        return None
    return PlaygroundError(f"Lane {number + 1}: {refused.message}", refused.hint)
