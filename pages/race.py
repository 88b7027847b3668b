"""Race: is this loss really better? Lanes from the same weights on the same batches, over seeds."""

import streamlit as st

from pages.parts import (
    draft,
    loss_card,
    problems,
    race_board,
    race_lanes,
    race_sweep,
    rerun,
    session,
    url,
)
from pages.parts.caution import caution
from pages.parts.corner import corner
from pages.parts.data_card import data_card
from pages.parts.knobs import group, knob
from pages.parts.results import network
from pages.parts.visitor import visitor
from playground.errors import PlaygroundError, SpecError, StoreError
from playground.figures import palette
from playground.races import feeder, links
from playground.races.race import RACE, Race
from playground.runs import supervisor
from playground.runs.race_rows import RaceRecord
from playground.spec import DEFAULT_TASK
from playground.tasks.classification import ClassificationSpec

# A race that takes a minute and has something to tell.
SUITED = ClassificationSpec(
    dataset="digits", label_noise=0.4, width=8, embedding=32, epochs=8, evaluations=1
)

url.follow(url.RACE_PAGE)
draft.choose(DEFAULT_TASK)
draft.begin(SUITED)


def recorded() -> RaceRecord | None:
    """The shown race, or None; one that is not there is told."""
    if not session.RACE.get():
        return None
    try:
        found = supervisor.service().store.races.find(session.RACE.get())
    except StoreError as error:
        problems.remember(error, "The history cannot be read")
        return None
    if found is None:
        url.note(f"race: there is no race {session.RACE.get()[:20]!r} in this server's history")
        session.RACE.set("")
    return found


def from_link(record: RaceRecord | None) -> None:
    """The controls are set to the race of the link."""
    try:
        if record is not None:
            _set_up(Race.from_json(record.definition))
        elif session.SETUP.get():
            _set_up(links.race_of(session.SETUP.get()))
    except SpecError as error:
        url.note(f"setup: {error}")
        session.SETUP.set("")
    try:
        if session.VARY.get():
            race_sweep.take_varied(links.race_of(session.VARY.get()))
    except SpecError as error:
        url.note(f"vary: {error}")
        session.VARY.set("")


def _set_up(race: Race) -> None:
    if race.kind == RACE:
        race_lanes.take(race)
    else:
        race_sweep.take(race)


shown = recorded()
if session.RACE_CAME.get():
    session.RACE_CAME.set(False)
    from_link(shown)
race_lanes.hold()
settled, faults = draft.spec()
planned: Race | None = None
fault: PlaygroundError | None = None
if settled is not None:
    try:
        planned = race_lanes.race(settled)
        session.SETUP.set(links.setup(planned))
    except PlaygroundError as error:
        fault = error


def start(seeds: int = 0) -> None:
    """Trains what is missing of the race that the controls amount to."""
    rerun.ask()
    loss_card.sync()
    if seeds:
        race_lanes.SEEDS.set(seeds)
    race_lanes.hold()
    held = draft.spec()[0]
    if held is None:
        return
    try:
        race = race_lanes.race(held)
        for number in range(len(race.lanes)):
            refused = race_lanes.refusal(race, number)
            if refused is not None:
                raise refused
        session.RACE.set(feeder.service().begin(race, visitor()))
    except PlaygroundError as error:
        problems.remember(error, "Not started", about="loss")
        return
    problems.forget()


with st.sidebar:
    st.subheader("Data", anchor=False)
    data_card(settled, faults)
    st.subheader("Model", anchor=False)
    network(settled)
    group("model", faults)
    corner(settled)
    caution(settled)
    st.subheader("Optimiser", anchor=False)
    for field in ("optimizer", "learning_rate", "schedule", "batch_size", "epochs", "seed"):
        knob(field, faults)
    for field in ("evaluations", "precision"):
        knob(field, faults)
    st.subheader("Regularisation", anchor=False)
    group("regularisation", faults)
    with st.expander("Augmentation", key="augmentation"):
        group("augmentation", faults)

found = race_board.follow(shown) if shown is not None else None
same = found is not None and planned is not None and found[0].same_as(planned)
titles = (
    planned.titles()
    if planned is not None
    else [f"Lane {number}" for number in range(1, len(race_lanes.LANES.get()) + 1)]
)
places = (
    race_board.colours(planned, found[1])
    if planned is not None and found is not None and len(found[0].lanes) == len(planned.lanes)
    else list(range(len(titles)))
)
dark = st.context.theme.type == "dark"


def remember() -> None:
    """After the editor was typed into: the lane has the text."""
    race_lanes.hold()


with st.container(key="panel-lanes", gap="small"):
    with st.container(key="notices"):
        problems.notes()
        problems.recall()
        if fault is not None:
            race_lanes.complain(fault)
    race_lanes.editor(titles, [palette.run_colour(place, dark) for place in places], remember)
    race_lanes.knobs()
    with st.container(horizontal=True, vertical_alignment="center", key="race-start-row"):
        count = len(titles) * race_lanes.SEEDS.get()
        st.button(
            "Race",
            key="race-start",
            type="primary",
            icon=":material/flag:",
            on_click=start,
            disabled=planned is None,
            help="Trains every lane with every seed, from the same weights on the same batches; "
            f"here up to {supervisor.service().settings.workers} at once.",
        )
        if found is not None and same:
            more = min(30, max(found[0].seeds + 5, 10))
            if more > found[0].seeds:
                st.button(
                    f"Again with {more} seeds",
                    key="race-more",
                    icon=":material/casino:",
                    on_click=start,
                    args=(more,),
                    help="Those that are done count; only the others are trained.",
                )
        st.text(f"{len(titles)} lanes × {race_lanes.SEEDS.get()} seeds: {count} runs")
        st.space("stretch")
        race_board.chooser()
    if found is not None and not same and found[0].kind == RACE:
        with st.container(key="lesson-race-other"):
            st.caption(
                "What stands below is of the race as it was started; the lanes above have been "
                "changed since. Race starts that one."
            )

with st.container(key="panel-race", gap="small"):
    if shown is not None and found is not None:
        race_board.board(shown)
    else:
        st.subheader("The race", anchor=False)
        st.caption(
            "Press Race: all lanes train side by side, and their curves, their numbers and what "
            "these prove will stand here. It goes on when this page is closed."
        )

with st.container(key="panel-race-sweep", gap="small"):
    race_sweep.setup(settled)

with st.container(key="panel-search", gap="small"):
    race_sweep.search_setup(settled)

url.write(settled, None)
