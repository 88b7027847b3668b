"""Sweeps on the page Race: what is varied and how, and what came of it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from pages.parts import checked, draft, problems, race_lanes, rerun, session
from pages.parts.visitor import visitor
from playground.errors import PlaygroundError, SpecError
from playground.figures.race import heat_map, parallel
from playground.races import design, feeder, links, race_file, search
from playground.races.progress import Progress, chosen_by, ranked, validated
from playground.races.race import JUDGES, MOST_POINTS, Race
from playground.races.results import MEASURES
from playground.runs import supervisor
from playground.spec import DEFAULT_TASK, RunSpec, fields, knobs

VARIED: session.Key[list[str]] = session.declare("sweep.varied", lambda: ["loss", "learning_rate"])
DESIGN: session.Key[str] = session.declare("sweep.design", lambda: "grid")
POINTS: session.Key[int] = session.declare("sweep.points", lambda: 16)
HALVING: session.Key[int] = session.declare("sweep.halving", int)
VALUES: session.Key[dict[str, str]] = session.declare("sweep.values", dict)
GIVEN: session.Key[str] = session.declare("sweep.given", str)  # one of a link, its JSON
_SPACED = {"log": True, "even": False}  # how the points of a range lie
TOLD = 20  # points that are listed
HALVINGS = {0: "Off", 2: "Half go on", 3: "A third goes on", 4: "A quarter goes on"}
_LEFT_OUT = ("task", "seed", "dataset", "metrics", "loss_parameters", "watch_fit", "class_weights")
_TO_BEGIN = {
    "loss": "categorical_crossentropy, gce, sce",
    "learning_rate": "0.001, 0.003, 0.01",
    "dropout": "0, 0.3, 0.6",
    "l2": "1e-5 .. 1e-2",
}


def setup(base: RunSpec | None) -> None:
    """The controls of a sweep around the settings of the side bar, and the button."""
    st.subheader("Sweep", anchor=False)
    with st.container(key="lesson-sweep-race"):
        st.caption(
            "One run for each point and seed, around the settings on the left and the loss above. "
            "Halving trains all points for few epochs first and lets the best go on, by validation "
            "images. What wins a sweep was chosen by its numbers: race it on other seeds."
        )
    parameters = [f"{design.PARAMETER}{name}" for name in session.value("loss_defaults")]
    parameters += [name for name in VARIED.get() if design.is_parameter(name)]
    kept = [name for name in fields(DEFAULT_TASK) if name not in _LEFT_OUT]
    chosen = st.multiselect(
        "What is varied",
        list(dict.fromkeys([*kept, *parameters])),
        format_func=_label,
        key=VARIED,
        max_selections=design.MOST_VARIED,
    )
    texts = {name: _text(name) for name in chosen}
    planned, faults = (None, {}) if base is None else _planned(base, texts)
    for name in chosen:
        st.session_state[f"sweep-values-{name}"] = texts[name]
        st.text_input(
            _label(name),
            key=f"sweep-values-{name}",
            help="Losses with commas between."
            if name == "loss"
            else "Values with commas between, or a range as in 0.001 .. 0.1.",
            max_chars=2000,
        )
        _fault(name, faults)
    _fault("vary", faults)
    with st.container(horizontal=True, key="sweep-knobs"):
        st.selectbox(
            "Design", list(design.DESIGNS), format_func=lambda d: design.DESIGNS[d], key=DESIGN
        )
        if DESIGN.get() != "grid":
            st.number_input("Points", 2, MOST_POINTS, key=POINTS)
        st.selectbox("Halving", list(HALVINGS), format_func=lambda h: HALVINGS[h], key=HALVING)
    for name in ("points", "halving", "epochs", "seeds"):
        if name not in chosen:
            _fault(name, faults)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Sweep",
            key="sweep-start",
            icon=":material/grid_on:",
            on_click=_start,
            args=(planned,),
            disabled=planned is None,
            help="In the background, a few runs at a time; it can be stopped and taken up again.",
        )
        if planned is not None:
            st.text(f"{len(planned.lanes)} points × {planned.seeds} seeds")
        elif "" in faults:
            st.text(faults[""])
    _given()
    _remember(planned, texts)


def _remember(planned: Race | None, texts: Mapping[str, str]) -> None:
    """The sweep for the address: one of a link, or of the controls where they are not as they were
    to begin with; while these are wrong, what it was last."""
    if GIVEN.get():
        session.VARY.set(links.setup(Race.from_json(GIVEN.get())))
        return
    keys: tuple[session.Key[Any], ...] = (VARIED, DESIGN, HALVING)
    usual = all(key.get() == key.default() for key in keys) and all(
        text == _to_begin(name) for name, text in texts.items()
    )
    if usual:
        session.VARY.set("")
    elif planned is not None:
        session.VARY.set(links.setup(planned))


def _text(name: str) -> str:
    """What the line of a varied field says, or says to begin with."""
    held = st.session_state.get(f"sweep-values-{name}")
    if isinstance(held, str):
        return held
    return VALUES.get().get(name) or _to_begin(name)


def _to_begin(name: str) -> str:
    return _TO_BEGIN.get(name) or _suggested(name)


def _fault(name: str, faults: Mapping[str, str]) -> None:
    """What is wrong with a field, beneath it."""
    if name in faults:
        with st.container(key=f"fault-sweep-{name}"):
            st.text(faults[name])


def _planned(base: RunSpec, texts: Mapping[str, str]) -> tuple[Race | None, dict[str, str]]:
    """The sweep that the controls amount to, or what is wrong, by field; "" is of none."""
    vary, faults = {}, {}
    for name, text in texts.items():
        try:
            vary[name] = values_of(name, text)
            design.axis(name, vary[name])
        except SpecError as error:
            faults[name] = _said_of(error)
    if faults:
        return None, faults
    try:
        return race(base, vary), {}
    except SpecError as error:
        field = error.field.split(": ")[-1]
        field = "loss" if field == "loss_parameters" and "loss" in texts else field
        known = {*texts, "vary", "points", "halving", "epochs", "seeds"}
        if field in known:
            return None, {field: _said_of(error)}
        return None, {"": f"{error.message} {error.hint}".strip()}


def _said_of(error: SpecError) -> str:
    return f"{error.message.removeprefix(f'{error.field}: ')} {error.hint}".strip().capitalize()


def race(base: RunSpec, vary: Mapping[str, Any]) -> Race:
    """The sweep that the controls amount to over these axes. Raises SpecError."""
    asked: dict[str, Any] = {"design": DESIGN.get(), "vary": dict(vary)}
    if DESIGN.get() != "grid":
        asked["points"] = POINTS.get()
    if HALVING.get():
        asked["halving"] = HALVING.get()
    judge = race_lanes.JUDGE.get()
    rest = {
        "base": {**base.model_dump(), "watch_fit": True},
        "seeds": race_lanes.SEEDS.get(),
        "judge": judge if judge in JUDGES else JUDGES[0],
        "target": race_lanes.GOAL.get(),
    }
    return race_file.sweep(asked, rest)


def take(found: Race) -> None:
    """Sets the controls to a sweep, with the settings that it is around."""
    draft.take(found.base)
    race_lanes.SEEDS.set(found.seeds)
    race_lanes.JUDGE.set(found.judge)
    race_lanes.GOAL.set(found.target)
    take_varied(found)


def take_varied(found: Race) -> None:
    """The same of what is varied alone. A sweep whose points do not come from the controls, such as
    a search, is kept as it is, to be started."""
    known = found.sweep.get("vary", {})
    vary = {name: known[name] for name in found.varied if name in known}  # in their order
    texts = {name: text_of(given) for name, given in vary.items()}
    GIVEN.set("")
    if not vary or any(values_of(name, texts[name]) != _plain(vary[name]) for name in vary):
        GIVEN.set(found.to_json())
        return
    VARIED.set(list(vary))
    VALUES.set({**VALUES.get(), **texts})
    for name, text in texts.items():
        st.session_state[f"sweep-values-{name}"] = text
    DESIGN.set(found.sweep.get("design", "grid"))
    POINTS.set(found.sweep.get("points", POINTS.get()))
    HALVING.set(found.halving)


def _given() -> None:
    """A sweep of a link whose points are given one by one."""
    if not GIVEN.get():
        return
    found = Race.from_json(GIVEN.get())
    with st.container(horizontal=True, vertical_alignment="center", key="sweep-given"):
        st.button(
            "Train the sweep of the link",
            key="sweep-given-start",
            icon=":material/grid_on:",
            on_click=_start,
            args=(found,),
        )
        what = ", ".join(_label(name).lower() for name in found.varied) or "settings"
        st.text(f"{len(found.lanes)} points × {found.seeds} seeds, which differ in {what}")


def values_of(name: str, text: str) -> Any:
    """What a line says of an axis: values, or the ends of a range. Raises SpecError."""
    if name != "loss" and ".." in text:
        words, log = text.split(), None
        if words and words[-1] in _SPACED:
            text, log = text.rsplit(words[-1], 1)[0], _SPACED[words[-1]]
        ends = [end.strip() for end in text.split("..")]
        try:
            low, high = (float(end) for end in ends)
        except ValueError:
            raise SpecError(
                f"vary: {name}", f"expected a range as in 0.001 .. 0.1; got {text[:40]!r}"
            ) from None
        return {"low": low, "high": high, **({} if log is None else {"log": log})}
    found = [part.strip() for part in split(text)]
    return [part if name == "loss" else race_lanes.value_of(part) for part in found if part]


def text_of(given: Any) -> str:
    """The inverse of `values_of`."""
    if isinstance(given, Mapping):
        spaced = {True: " log", False: " even", None: ""}[given.get("log")]
        return f"{given['low']!r} .. {given['high']!r}{spaced}"
    return ", ".join(each if isinstance(each, str) else json.dumps(each) for each in given)


def _plain(given: Any) -> Any:
    return dict(given) if isinstance(given, Mapping) else list(given)


def split(text: str) -> list[str]:
    """The parts of a text between its commas, but for those within brackets."""
    parts, depth = [""], 0
    for mark in text:
        depth += (mark in "([{") - (mark in ")]}")
        if mark == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += mark
    return parts


def _suggested(name: str) -> str:
    known = knobs().get(name)
    if known is None:  # a parameter of the loss
        value = float(session.value("loss_defaults").get(name.removeprefix(design.PARAMETER), 1.0))
        return f"{value / 2:g}, {value:g}, {value * 2:g}"
    if known.choices is not None:
        return ", ".join(list(known.choices)[:6])
    if known.low is not None and known.high is not None:
        return f"{known.low:g} .. {known.high:g}"
    return "true, false"


def _label(name: str) -> str:
    known = knobs().get(name)
    return known.label if known is not None else f"{name.removeprefix(design.PARAMETER)} (loss)"


def _start(planned: Race) -> None:
    rerun.ask()
    seen: set[str] = set()
    try:
        for number in range(len(planned.lanes)):
            spec = planned.spec(number)
            if spec.loss in seen:
                continue
            seen.add(spec.loss)
            if refused := checked.refusal(spec):
                raise refused
        session.RACE.set(feeder.service().begin(planned, visitor()))
    except PlaygroundError as error:
        problems.remember(error, "Not started", about="loss")
        return
    problems.forget()


def board(race: Race, progress: Progress) -> None:
    """What came of a sweep."""
    order = ranked(race, progress)
    if not order:
        st.caption("It fills as runs end.")
        return
    known = validated(race, progress.final())
    _best(race, order[0], float(np.mean(known[order[0]])))
    if len(order) > 1:
        _charts(race, order, [float(np.mean(known[lane])) for lane in order])
    _table(race, order[:TOLD], known, progress.last())


def _axes(race: Race) -> Sequence[str]:
    return race.varied or tuple(race.differing())


def _best(race: Race, lane: int, mean: float) -> None:
    measure = MEASURES[chosen_by(race)]
    with st.container(horizontal=True, vertical_alignment="center", key="sweep-best"):
        st.text(
            f"Best so far on validation images: {race.titles()[lane]}, {measure.title.lower()} "
            f"{measure.said(mean)}"
        )
        st.button(
            "Use these settings",
            key="sweep-use",
            icon=":material/tune:",
            on_click=_use,
            args=(race.spec(lane),),
            help="Sets the controls of every page to them.",
        )
        st.button(
            "Race it on fresh seeds",
            key="sweep-race",
            icon=":material/flag:",
            on_click=_race,
            args=(race, lane),
            help="Against cross-entropy, over seeds that the choice has not seen, on test images.",
        )


def _charts(race: Race, order: Sequence[int], means: Sequence[float]) -> None:
    """A heat map where two settings are varied, and lines through all of them."""
    measure, axes = MEASURES[chosen_by(race)], _axes(race)
    share = 100.0 if measure.unit == "%" else 1.0
    title = f"{measure.title}, %" if measure.unit == "%" else measure.title
    points = {name: [_at(race, lane, name) for lane in order] for name in axes}
    values = [share * mean for mean in means]
    if len(axes) == 2 and not race.halving:
        figure = heat_map(
            points[axes[0]],
            points[axes[1]],
            values,
            (_label(axes[0]), _label(axes[1])),
            title,
            measure.higher,
        )
        st.plotly_chart(figure, key="sweep-heat", config={"displayModeBar": False}, alt="Heat map")
    labels = {_label(name): given for name, given in points.items()}
    st.plotly_chart(
        parallel(labels, values, title, measure.higher, st.context.theme.type == "dark"),
        key="sweep-parallel",
        config={"displayModeBar": False},
        alt="Parallel coordinates: a line for each point through its settings to its number",
    )


def _table(
    race: Race,
    lanes: Sequence[int],
    known: Mapping[int, Sequence[float]],
    last: Mapping[int, int],
) -> None:
    measure, axes = MEASURES[chosen_by(race)], _axes(race)
    rows: dict[str, list[str]] = {measure.title: [], "Epochs": []}
    rows |= {_label(name): [] for name in axes}
    for lane in lanes:
        rows[measure.title].append(measure.summary(dict(enumerate(known[lane]))))
        rows["Epochs"].append(str(last[lane] or race.spec(lane).epochs))
        for name in axes:
            rows[_label(name)].append(_said(_at(race, lane, name)))
    st.dataframe(rows, hide_index=True, width="stretch", key="sweep-table")


def _race(found: Race, lane: int) -> None:
    rerun.ask()
    try:
        race_lanes.take(search.final(found, lane))
    except PlaygroundError as error:
        problems.remember(error, "Not a race")
        return
    session.RACE.set("")


def _at(race: Race, lane: int, name: str) -> Any:
    value = design.value_of(race.lanes[lane], name)
    return getattr(race.base, name, 0.0) if value is None else value


def _said(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else " ".join(str(value).split())


def _use(spec: RunSpec) -> None:
    rerun.ask()
    draft.take(spec)


MUTATIONS: session.Key[int] = session.declare("search.mutations", lambda: 12)


def search_setup(base: RunSpec | None) -> None:
    """The search for a loss: mutations of the one above."""
    st.subheader("Search for a loss", anchor=False)
    with st.container(key="lesson-search"):
        st.caption(
            "Changes the loss of the lane above in one or two places: an operator, a constant, a "
            "term. Those that the doctor finds sound train beside it and cross-entropy by halving, "
            "on validation images. Choose a condition on the left in which cross-entropy is weak: "
            "few images, wrong labels, rare classes. So Gonzalez & Miikkulainen (2020) found "
            "Baikal, which is among the named losses."
        )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(
            "Mutations", 2, search.MOST_MUTATIONS, key=MUTATIONS, help="About a second each."
        )
        ready = supervisor.service().status()["checking"]
        refused = checked.refusal(base) if ready and base is not None else None
        pressed = st.button(
            "Search",
            key="search-start",
            icon=":material/genetics:",
            disabled=base is None or not ready or refused is not None,
            help="Makes the mutations, then trains them in the background.",
        )
    if refused is not None:
        words = f"The loss above cannot be changed: {refused.message} {refused.hint}".strip()
        _fault("search", {"search": words})
    if pressed and base is not None:
        _search(base)


def _search(base: RunSpec) -> None:
    text, asked = draft.values()["loss"], supervisor.service().questions.ask
    bar = st.progress(0.0, "Changing the loss")
    count = MUTATIONS.get()

    def mutate(parent: str, seed: int, known: Sequence[str]) -> tuple[str, str] | None:
        bar.progress(min(1.0, seed / count), f"Changing the loss: {len(known)} sound so far")
        made = asked("mutant", visitor(), text=parent, seed=seed, known=list(known))
        return (made["text"], made["digest"]) if made else None

    try:
        texts = search.mutations(text, count, mutate)
        base = RunSpec.parse({**base.model_dump(), "watch_fit": True})
        race = search.search(base, text, texts, race_lanes.SEEDS.get())
        session.RACE.set(feeder.service().begin(race, visitor()))
        problems.forget()
    except PlaygroundError as error:
        problems.remember(error, "The search was not started", about="loss")
    st.rerun()
