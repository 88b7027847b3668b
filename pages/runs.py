"""Runs: everything that was trained here, found again, named, compared, taken along or deleted."""

import streamlit as st

from pages.parts import (
    bring,
    browser,
    draft,
    problems,
    rerun,
    runs,
    runs_chosen,
    runs_deleting,
    runs_list,
    runs_table,
    url,
)
from pages.parts.visitor import owners
from playground.runs import supervisor
from playground.settings import settings

TICK_SECONDS = 2.0
NEARLY_FULL = 0.8  # of a visitor's room

url.follow("runs")
settled, _ = draft.spec()
with st.container(key="page-narrow"):
    narrow = browser.narrow("narrow")


def head(found: runs_list.Found) -> None:
    """How many runs there are and what they take."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="runs-head"):
        st.subheader("Runs", anchor=False, width="content")
        if found.every:
            st.caption(storage(found), width="content")
        st.space("stretch")
        bring.run_button()
    bring.dialogs()
    most = max(taken(found).values())
    limit = settings().visitor_gib * 2**30
    if most > NEARLY_FULL * limit:
        st.warning(
            f"Your runs take {size(most)} of the {settings().visitor_gib:g} GiB that one visitor's "
            "may. Beyond it the oldest without a star are removed: star what you want to keep, and "
            "delete what you do not need.",
            icon=":material/database:",
        )
    elif supervisor.service().store.taken > NEARLY_FULL * settings().store_gib * 2**30:
        st.warning(
            "All runs on this server take nearly as much as they may. Beyond it the oldest without "
            "a star are removed: star what you want to keep.",
            icon=":material/database:",
        )
    if gone := runs.gone():
        st.caption(gone)


def storage(found: runs_list.Found) -> str:
    """What this visitor's runs, this machine's terminals' and all runs take, in words."""
    count, store = len(found.every), supervisor.service().store
    mine, *others = taken(found).values()
    of_terminals = f"those of terminals {size(others[0])} · " if any(others) else ""
    return (
        f"{count:,} run{'' if count == 1 else 's'} · yours take {size(mine)} of "
        f"{settings().visitor_gib:g} GiB · {of_terminals}all on this server {size(store.taken)} of "
        f"{settings().store_gib:g} GiB"
    )


def taken(found: runs_list.Found) -> dict[str, int]:
    """Bytes of the runs of this visitor, and of this machine's terminals, each of which has a room
    of its own; those that can be brought back included."""
    rows = [*found.every, *found.deleted]
    return {one: sum(row.bytes or 0 for row in rows if row.owner == one) for one in owners()}


def size(count: float) -> str:
    """A number of bytes in words."""
    if count < 2**20:
        return f"{count / 2**10:.0f} KiB"
    return f"{count / 2**20:.1f} MiB" if count < 2**30 else f"{count / 2**30:.2f} GiB"


def empty(found: runs_list.Found) -> None:
    """What will be here, and how to get it."""
    if not found.every:
        st.text("No run yet. Every run that you train stands here, with its settings and numbers.")
        st.page_link(
            "playground.py", label="Train the first on the Playground", icon=":material/play_arrow:"
        )
        return
    count = len(found.every)
    st.text(
        "Your one run is not like that."
        if count == 1
        else f"None of your {count:,} runs is like that."
    )
    st.button("Show all", key="runs-show-all", on_click=runs_list.clear)


def listed(was_live: bool) -> None:
    """The chosen runs' buttons and the table; looks again while a run trains."""
    rerun.follow()
    found = runs_list.found()
    if found is None:
        return
    if any(row.live for row in found.every) != was_live:
        st.rerun()
    rows = runs_table.picked(found)
    runs_chosen.buttons(found, rows)
    runs_deleting.question(found.every)
    runs_table.table(found, narrow)


with st.container(key="panel-runs", gap="small"):
    with st.container(key="notices"):
        problems.notes()
        problems.recall()
    found = runs_list.found()
    if found is not None:
        head(found)
        runs_deleting.undo(found)
        if found.every:
            runs_list.controls(found)
            found = runs_list.found() or found
        if found.shown:
            live = any(row.live for row in found.every)
            st.fragment(listed, run_every=TICK_SECONDS if live else None)(live)
        else:
            empty(found)
if found is not None:
    runs_chosen.details(found, runs_table.picked(found), narrow)

url.write(settled, None)
