"""The table of the page Runs: rows that are chosen, what is chosen kept when rows come and go."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import streamlit as st

from pages.parts import rerun, session
from pages.parts.runs_list import CHOSEN, Found
from playground.runs import columns
from playground.runs.columns import Column
from playground.runs.listing import Listed

PICKED: session.Key[list[str]] = session.declare("runs-picked", list)  # ids
KEY = "runs-table"
DRAWN = "runs-table-drawn"  # the ids of its rows, as they were sent last
COMPACT = ("run", "result", "state")
ROW = 35  # pixels
MOST_ROWS = 14  # in sight at once
WIDTHS = {"run": 190, "starred": 42, "loss": 150, "notes": 220}  # pixels
NARROW = {"run": 118, "result": 72, "state": 70}


def table(found: Found, narrow: bool) -> None:
    """The listed runs, with the columns that were chosen; on a narrow screen few of them."""
    shown = _columns(found, narrow)
    ids = [row.id for row in found.shown]
    _hold_selection(ids)
    st.session_state[DRAWN] = ids
    st.dataframe(
        _frame(found, shown, narrow),
        key=KEY,
        on_select=_picked,
        selection_mode="multi-row",
        hide_index=True,
        height=(min(max(len(ids), 3), MOST_ROWS) + 1) * ROW + 3,
        row_height=ROW,
        column_config={column.key: _config(column, narrow) for column in shown},
        placeholder="",
        alt="Your runs, one in a row. Choose rows to open, compare, name or delete them.",
    )


def picked(found: Found) -> list[Listed]:
    """The chosen runs that are listed, in the order of the list."""
    wanted = set(PICKED.get())
    return [row for row in found.shown if row.id in wanted]


def pick(run_ids: Sequence[str]) -> None:
    """Chooses these runs."""
    PICKED.set(list(run_ids))


def _columns(found: Found, narrow: bool) -> list[Column]:
    if narrow:
        return [found.columns[key] for key in COMPACT]
    wanted = [*columns.PLAIN, *CHOSEN.get()]
    if len({columns.task_of(row) for row in found.every}) < 2:
        wanted.remove("task")
    for key in ("nll", "ece"):
        if all(found.columns[key].value(row) is None for row in found.every):
            wanted.remove(key)
    return [found.columns[key] for key in wanted if key in found.columns]


def _frame(found: Found, shown: Sequence[Column], narrow: bool) -> Any:
    return pa.table({column.key: _values(column, found, narrow) for column in shown})


def _values(column: Column, found: Found, narrow: bool) -> Any:
    values = [column.value(row) for row in found.shown]
    if column.key == "run":
        return [_title(row, found.depths.get(row.id, 0)) for row in found.shown]
    if column.key == "state" and narrow:
        return [columns.state_of(row, short=True) for row in found.shown]
    if column.key == "starred":
        return ["★" if value else "" for value in values]
    if column.kind == columns.FLAG:
        return [{True: "on", False: "off"}.get(value, "") for value in values]
    if column.kind == columns.PERCENT:
        return pa.array([None if value is None else value * 100 for value in values], pa.float64())
    if column.kind == columns.TIME:
        micros = [None if value is None else round(value * 1e6) for value in values]
        return pa.array(micros, pa.timestamp("us", st.context.timezone or "UTC"))
    if column.kind in columns.NUMBERS:
        return pa.array(values, pa.float64())
    return pa.array(values, pa.string())


def _title(row: Listed, depth: int) -> str:
    """What a run is called, a branch indented beneath what it leaves."""
    branch = "\u2003" * (depth - 1) + "└ " if depth else ""
    return branch + columns.title(row)


def _config(column: Column, narrow: bool) -> Any:
    config, help_text = st.column_config, column.help or None
    width: Any = (NARROW if narrow else WIDTHS).get(column.key)
    if column.kind == columns.PERCENT:
        return config.NumberColumn(column.title, format="%.1f%%", help=help_text, width=width)
    if column.kind == columns.SECONDS:
        return config.NumberColumn(column.title, format="%.1f s", help=help_text, width=width)
    if column.kind == columns.BYTES:
        return config.NumberColumn(column.title, format="bytes", help=help_text, width=width)
    if column.kind == columns.TIME:
        return config.DatetimeColumn(column.title, format="YYYY-MM-DD HH:mm", width=width)
    if column.kind == columns.NUMBER:
        return config.NumberColumn(column.title, format="%.4g", help=help_text, width=width)
    pinned = column.key == "run" and bool(CHOSEN.get()) and not narrow
    return config.TextColumn(column.title, help=help_text, width=width, pinned=pinned or None)


def _hold_selection(ids: Sequence[str]) -> None:
    """The table's marks stand at places: where rows have come or gone, they are set anew."""
    places = {run_id: place for place, run_id in enumerate(ids)}
    wanted = sorted(places[run_id] for run_id in PICKED.get() if run_id in places)
    if wanted != sorted(_rows()):
        st.session_state[KEY] = {"selection": {"rows": wanted}}


def _rows() -> list[int]:
    state = st.session_state.get(KEY)
    return list(state["selection"]["rows"]) if state else []


def _picked() -> None:
    """Rows were marked or unmarked: those of the table as it was drawn."""
    ids = st.session_state.get(DRAWN, [])
    PICKED.set([ids[place] for place in _rows() if place < len(ids)])
    rerun.ask()
