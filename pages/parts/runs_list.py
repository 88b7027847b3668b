"""Which runs the page Runs lists: those of this browser and those whose links it came by, searched,
narrowed down, grouped and put into an order."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.parts import problems, session
from pages.parts.visitor import owners, visitor
from playground.errors import StoreError
from playground.races import members
from playground.races.members import Group
from playground.runs import columns, lineage, supervisor
from playground.runs.columns import Column
from playground.runs.listing import MOST, Listed
from playground.runs.records import STATES

MOST_CONDITIONS = 8
ALL, ALONE, FAMILIES = "", "alone", "families"
SHOWN = {ALL: "All runs", ALONE: "Without runs of races", FAMILIES: "Families of branches"}
SEARCH = session.declare("runs-search", str)
SHOW = session.declare("runs-show", str)
TASKS: session.Key[list[str]] = session.declare("runs-tasks", list)
DATA: session.Key[list[str]] = session.declare("runs-data", list)
STATE: session.Key[list[str]] = session.declare("runs-state", list)
STARRED = session.declare("runs-starred", bool)
CONDITIONS: session.Key[list[str]] = session.declare("runs-conditions", list)
BOUNDS: session.Key[dict[str, float | None]] = session.declare("runs-bounds", dict)
SORT = session.declare("runs-sort", lambda: "created")
ASCENDING = session.declare("runs-ascending", bool)
CHOSEN: session.Key[list[str]] = session.declare("runs-columns", list)
AMONG = ((TASKS, "task"), (DATA, "dataset"))
Test = Callable[[Listed], bool]
NARROWING: tuple[session.Key[Any], ...] = (SEARCH, SHOW, TASKS, DATA, STATE, STARRED, CONDITIONS)


@dataclass(frozen=True)
class Found:
    """The runs of a visitor: `every` that is not deleted, those that were and can be brought back,
    those that are `shown`, in their order, with how deep in its family each is; all `columns`; the
    races and sweeps by their ids."""

    every: list[Listed]
    deleted: list[Listed]
    shown: list[Listed]
    depths: Mapping[str, int]
    columns: Mapping[str, Column]
    groups: Mapping[str, Group]


def found() -> Found | None:
    """The runs as they are now, as the controls narrow them down; None if the store cannot be read,
    which is then said."""
    store = supervisor.service().store
    try:
        listed = store.listing.runs(owners(), visitor())
        races = members.groups(store.races.of(owners()))
    except StoreError as error:
        problems.problem("The history cannot be read", error.message, error.hint, key="unread")
        return None
    every = [row for row in listed if row.deleted is None]
    known = columns.columns(every)
    deleted = [row for row in listed if row.deleted is not None]
    tests = _tests(known, races)
    kept = [row for row in every if all(test(row) for test in tests)]
    column = known.get(SORT.get(), known["created"])
    kept = columns.arranged(kept, column, ASCENDING.get())
    depths: dict[str, int] = {}
    if SHOW.get() == FAMILIES:
        kept, depths = _by_family(kept, every)
    return Found(every, deleted, kept, depths, known, races)


def controls(runs: Found) -> None:
    """Search, what is listed, filters, order and columns."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="runs-controls"):
        st.text_input(
            "Search",
            key=SEARCH,
            max_chars=200,
            placeholder="Name, loss, notes, data, state",
            icon=":material/search:",
        )
        _show(runs)
        _filters(runs)
        _order(runs)
    if len(runs.every) >= MOST:
        st.caption(f"The newest {MOST:,} runs are listed.")


def clear() -> None:
    """Takes all that narrows the list down away."""
    for key in (*NARROWING, BOUNDS):
        key.set(key.default())


def narrowed() -> bool:
    """Whether anything narrows the list down."""
    return any(bool(key.get()) for key in (SEARCH, SHOW, TASKS, DATA, STATE, STARRED, CONDITIONS))


def _show(runs: Found) -> None:
    titles = {**SHOWN, **{name: group.title for name, group in runs.groups.items()}}
    if SHOW.get() not in titles:
        SHOW.set(ALL)
    st.selectbox("Show", list(titles), format_func=lambda name: titles[name], key=SHOW)


def _filters(runs: Found) -> None:
    count = sum(map(bool, (TASKS.get(), DATA.get(), STATE.get(), STARRED.get())))
    count += len(CONDITIONS.get())
    label = f"Filter · {count}" if count else "Filter"
    with st.popover(label, key="runs-filter", icon=":material/filter_list:"):
        st.toggle("With a star", key=STARRED)
        for among, name in AMONG:
            column = runs.columns[name]
            _among(among, column.title, sorted({column.value(row) for row in runs.every}))
        _among(STATE, "State", sorted(STATES))
        options = [
            key
            for key, column in runs.columns.items()
            if key not in ("run", "starred", "task", "dataset", "state", "created")
        ]
        CONDITIONS.set([key for key in CONDITIONS.get() if key in options])
        st.multiselect(
            "By a setting or number",
            options,
            format_func=lambda key: runs.columns[key].title,
            key=CONDITIONS,
            max_selections=MOST_CONDITIONS,
        )
        for key in CONDITIONS.get():
            _condition(runs.columns[key], runs.every)
        st.button("Clear all", key="runs-clear", on_click=clear, disabled=not narrowed())


def _among(key: session.Key[list[str]], label: str, values: Sequence[str]) -> None:
    key.set([value for value in key.get() if value in values])
    st.multiselect(label, values, key=key, placeholder="Any")


def _condition(column: Column, rows: Sequence[Listed]) -> None:
    """The control of one setting or number."""
    if column.kind not in columns.NUMBERS:
        values = {columns.said(column, row) for row in rows} - {""}
        # Of a column that there is, it is remembered.
        key: session.Key[list[str]] = session.declare(choices(column.key), list)
        _among(key, column.title, sorted(values))
        return
    unit = " (%)" if column.kind == columns.PERCENT else ""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for end in ("from", "to"):
            bound = f"{column.key}.{end}"
            st.number_input(
                f"{column.title}{unit} {end}",
                value=_float(BOUNDS.get().get(bound)),
                key=f"runs-bound-{bound}",
                on_change=_bind,
                args=(bound,),
            )


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)


def _bind(bound: str) -> None:
    BOUNDS.set({**BOUNDS.get(), bound: st.session_state[f"runs-bound-{bound}"]})


def choices(name: str) -> session.Key[list[str]]:
    """The values that a setting of `CONDITIONS` may have; of any name, which may be a link's."""
    return session.Key(f"runs-among-{name}", list)


def _order(runs: Found) -> None:
    with st.popover("Order and columns", key="runs-order", icon=":material/table:"):
        if SORT.get() not in runs.columns:
            SORT.drop()
        st.selectbox(
            "Sort by",
            list(runs.columns),
            format_func=lambda key: runs.columns[key].title,
            key=SORT,
            help="A click on a column's title sorts as well, in the browser.",
        )
        st.toggle("Ascending", key=ASCENDING)
        offered = [key for key in runs.columns if key not in columns.PLAIN]
        CHOSEN.set([key for key in CHOSEN.get() if key in offered])
        st.multiselect(
            "More columns",
            offered,
            format_func=lambda key: runs.columns[key].title,
            key=CHOSEN,
            placeholder="Any setting or number",
        )


def _tests(known: Mapping[str, Column], groups: Mapping[str, Group]) -> list[Test]:
    """What the controls ask of a run: read once, because a session answers slowly."""
    found: list[Test] = []
    words, states, show = SEARCH.get().split(), set(STATE.get()), SHOW.get()
    if words:
        found.append(lambda row: columns.matches(row, words))
    if STARRED.get():
        found.append(lambda row: row.starred)
    if states:
        found.append(lambda row: row.state in states)
    found += [_one_of(known[name], key.get()) for key, name in AMONG if key.get()]
    found += [_condition_of(known[key]) for key in CONDITIONS.get() if key in known]
    if show == ALONE:
        found.append(lambda row: not any(_is_of(row, group) for group in groups.values()))
    elif show in groups:
        found.append(lambda row: _is_of(row, groups[show]))
    return found


def _is_of(row: Listed, group: Group) -> bool:
    return row.parent is None and bool(group.lane_of(row.settings))


def _one_of(column: Column, values: Sequence[str]) -> Test:
    return lambda row: columns.said(column, row) in values


def _condition_of(column: Column) -> Test:
    if column.kind not in columns.NUMBERS:
        among = choices(column.key).get()
        return _one_of(column, among) if among else lambda row: True
    low, high = (BOUNDS.get().get(f"{column.key}.{end}") for end in ("from", "to"))
    if low is None and high is None:
        return lambda row: True
    scale = 100 if column.kind == columns.PERCENT else 1
    return lambda row: columns.within(row, column, low, high, scale)


def _by_family(
    kept: Sequence[Listed], every: Sequence[Listed]
) -> tuple[list[Listed], dict[str, int]]:
    """The families that have a branch and one of these runs, in their order."""
    rows = {row.id: row for row in every}
    order = {row.id: place for place, row in enumerate(kept)}
    oldest = sorted(every, key=lambda row: row.number)
    trees = [
        tree
        for tree in lineage.families({row.id: row.parent for row in oldest})
        if len(tree) > 1 and any(run_id in order for run_id, _ in tree)
    ]
    trees.sort(key=lambda tree: min(order.get(run_id, len(order)) for run_id, _ in tree))
    return [rows[run_id] for tree in trees for run_id, _ in tree], {
        run_id: depth for tree in trees for run_id, depth in tree
    }
