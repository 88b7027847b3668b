"""Deleting runs and bringing them back."""

from collections.abc import Sequence

import streamlit as st

from pages.parts import problems, rerun, runs_table, session
from pages.parts.runs_list import Found
from pages.parts.visitor import owners, visitor
from playground.errors import PlaygroundError
from playground.runs import columns, supervisor
from playground.runs.listing import Listed
from playground.runs.removal import UNDO_SECONDS

ASKED: session.Key[list[str]] = session.Key("runs-delete-asked", list)  # ids of runs, some live
TOGETHER = 2.0  # seconds within which runs were deleted by one click
MOST_NAMED = 3


def button(rows: Sequence[Listed]) -> None:
    """Deletes the chosen runs; asks first where one still trains."""
    mine = _mine(rows)
    others = bool(rows) and not mine
    st.button(
        "Take off the list" if others else "Delete",
        key="runs-delete",
        icon=":material/delete:",
        disabled=not rows,
        on_click=_ask,
        args=([row.id for row in rows], [row.id for row in mine], any(row.live for row in mine)),
        help="They stay where they are; their links bring them back."
        if others
        else "It can be undone for an hour.",
    )


def question(rows: Sequence[Listed]) -> None:
    """Asks whether runs that still train are to be stopped and deleted."""
    wanted = set(ASKED.get())
    chosen = [row for row in rows if row.id in wanted]
    live = [row for row in _mine(chosen) if row.live]
    if not live:
        return
    with st.container(key="runs-question", border=True, gap="xsmall"):
        trains, them = ("train", "them") if len(live) > 1 else ("trains", "it")
        what = "it" if len(chosen) == 1 else f"all {_counted(len(chosen))}"
        st.text(f"{_named(live)} still {trains}: stop {them} and delete {what}?")
        with st.container(horizontal=True):
            st.button(
                "Stop and delete",
                key="runs-delete-sure",
                type="primary",
                on_click=_delete,
                args=([row.id for row in chosen], [row.id for row in live]),
            )
            st.button("Keep", key="runs-delete-not", on_click=_withdraw)


def undo(found: Found) -> None:
    """A line that brings the runs back that were deleted last."""
    if not found.deleted:
        return
    last = max(row.deleted or 0.0 for row in found.deleted)
    rows = [row for row in found.deleted if last - (row.deleted or 0.0) < TOGETHER]
    left = len(found.deleted) - len(rows)
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key="runs-undo-line"
    ):
        more = f" {_counted(left)} deleted before can be brought back after that." if left else ""
        st.text(f"Deleted: {_named(rows)}.{more}", width="content")
        st.button(
            "Undo",
            key="runs-undo",
            icon=":material/undo:",
            on_click=_undo,
            args=([row.id for row in rows],),
            help=f"For {UNDO_SECONDS / 60:g} minutes after they were deleted.",
        )


def _ask(run_ids: list[str], mine: list[str], live: bool) -> None:
    if live:
        ASKED.set(run_ids)
        rerun.ask()
        return
    _delete(run_ids, [], mine)


def _withdraw() -> None:
    ASKED.drop()
    rerun.ask()


def _delete(run_ids: list[str], live: list[str], mine: list[str] | None = None) -> None:
    """Stops the live ones, takes this visitor's out of all lists and others' out of this one."""
    rerun.ask()
    ASKED.drop()
    service = supervisor.service()
    problems.forget()
    try:
        for run_id in live:
            service.command(run_id, visitor(), "stop")
        own = [one for one in run_ids if one in mine] if mine is not None else _owned(run_ids)
        if own:
            service.store.labels.delete(own, owners())
        service.store.labels.unfollow([one for one in run_ids if one not in own], visitor())
    except PlaygroundError as error:
        problems.remember(error, "Not deleted")
        return
    if session.RUN.get() in run_ids:
        session.RUN.set("")
    session.COMPARE.set([one for one in session.COMPARE.get() if one not in run_ids])
    runs_table.pick([one for one in runs_table.PICKED.get() if one not in run_ids])


def _owned(run_ids: Sequence[str]) -> list[str]:
    records = [supervisor.service().store.run(run_id) for run_id in run_ids]
    return [record.id for record in records if record is not None and record.owner in owners()]


def _undo(run_ids: list[str]) -> None:
    rerun.ask()
    try:
        supervisor.service().store.labels.undo(run_ids, owners())
    except PlaygroundError as error:
        problems.remember(error, "Not brought back")
        return
    problems.forget()
    runs_table.pick(run_ids)


def _mine(rows: Sequence[Listed]) -> list[Listed]:
    known = owners()
    return [row for row in rows if row.owner in known]


def _named(rows: Sequence[Listed]) -> str:
    names = ", ".join(columns.title(row) for row in rows[:MOST_NAMED])
    left = len(rows) - MOST_NAMED
    return f"{names} and {left} more" if left > 0 else names


def _counted(count: int) -> str:
    return f"{count} run" if count == 1 else f"{count} runs"
