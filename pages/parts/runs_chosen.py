"""What can be done with the runs that are chosen on the page Runs, and what is shown of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import streamlit as st

from pages.live import component
from pages.parts import (
    draft,
    export_menu,
    going_on,
    problems,
    rerun,
    results,
    runs,
    runs_deleting,
    runs_table,
    session,
)
from pages.parts.runs_list import Found
from pages.parts.together import MOST
from pages.parts.url import AXIS_KEY, SMOOTHING_KEY
from pages.parts.visitor import owners
from playground.errors import PlaygroundError
from playground.figures import family as family_figure
from playground.runs import columns, lineage, supervisor
from playground.runs.labels import MOST_NAME, MOST_NOTES
from playground.runs.listing import Listed
from playground.runs.records import RunRecord
from playground.tasks import TASKS

ALL_SETTINGS = session.declare("runs-all-settings", bool)
HINT = "Choose runs in the table, with Shift+Space by keyboard, to open, compare or delete them."


def buttons(found: Found, rows: Sequence[Listed]) -> None:
    """The row of buttons over the table; as high with nothing chosen."""
    one = rows[0] if len(rows) == 1 else None
    record = runs.find(one.id) if one is not None else None
    mine = bool(rows) and all(row.owner in owners() for row in rows)
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key="runs-buttons"
    ):
        _open_button(rows)
        _name_popover(one, mine)
        starred = bool(rows) and all(row.starred for row in rows)
        st.button(
            "Take the star away" if starred else "Star",
            key="runs-star",
            icon=":material/star:",
            disabled=not mine,
            on_click=_star,
            args=([row.id for row in rows], not starred),
            help="Runs with a star are the last to make room.",
        )
        if record is not None:
            _of_one(record)
        runs_deleting.button(rows)
        said = f"{len(rows):,} of {len(found.shown):,} chosen" if rows else HINT
        st.caption(said, width="content")


def details(found: Found, rows: Sequence[Listed], narrow: bool) -> None:
    """Of the chosen runs the curves on one chart, what they differ in, notes and the family."""
    if not rows:
        return
    records = [record for row in rows[:MOST] if (record := runs.find(row.id)) is not None]
    if not records:
        return
    if len(rows) > MOST:
        st.caption(f"What stands below is of the first {MOST} of the {len(rows):,} chosen runs.")
    tree = _tree(found, rows[0])
    family = [record for row, _ in tree if (record := runs.find(row.id)) is not None]
    # One run has one colour in both pictures.
    colors = runs.colours(list({record.id: record for record in [*records, *family]}.values()))
    with st.container(key="panel-runs-curves", gap="xsmall"):
        _curves(records, colors)
    if len(rows) > 1:
        with st.container(key="panel-runs-settings", gap="xsmall"):
            _settings(found, rows[:MOST])
    else:
        _about(found, rows[0])
    if len(tree) > 1:
        _family(tree, colors, narrow)


def _open_button(rows: Sequence[Listed]) -> None:
    pages = {TASKS[task].page for task in map(columns.task_of, rows) if task in TASKS}
    if st.button(
        "Open" if len(rows) < 2 else "Open side by side",
        key="runs-open",
        type="primary",
        icon=":material/open_in_new:",
        disabled=not rows or len(rows) > MOST or len(pages) != 1,
        help="On the page of their task, with charts, images and the moment to look back to."
        if len(pages) < 2
        else "Runs of tasks with pages of their own open one by one.",
    ):
        session.RUN.set(rows[0].id)
        session.COMPARE.set([row.id for row in rows[1:]])
        session.keep()
        st.switch_page(f"{pages.pop()}.py")


def _of_one(record: RunRecord) -> None:
    """What is there for one run alone."""
    if going_on.resumable(record):
        st.button(
            "Resume",
            key="runs-resume",
            icon=":material/play_arrow:",
            on_click=going_on.resume,
            args=(record.id,),
            help="It goes on from its last checkpoint, with the numbers it would have had.",
        )
    going_on.chooser(record, record.spec)
    if st.button(
        "Use its settings",
        key="runs-use",
        icon=":material/tune:",
        help="Sets every control of its task's page to what it was trained with.",
    ):
        draft.take(record.spec)
        session.RUN.set("")
        session.COMPARE.set([])
        session.keep()
        st.switch_page(f"{runs.page_of(record)}.py")
    with st.popover("Export", key="runs-export", icon=":material/download:"):
        export_menu.offer(record)


def _name_popover(one: Listed | None, mine: bool) -> None:
    """Name and notes of one run."""
    with st.popover(
        "Name and notes", key="runs-name-popover", icon=":material/edit:", disabled=not mine
    ):
        if one is None:
            st.caption("Choose one run to name it.")
            return
        with st.form(f"runs-name-{one.id}", border=False):
            st.text_input(
                f"Name of #{one.number}",
                value=one.name,
                max_chars=MOST_NAME,
                key=f"runs-name-{one.id}-name",
                placeholder=columns.loss_of(one),
            )
            st.text_area(
                "Notes", value=one.notes, max_chars=MOST_NOTES, key=f"runs-name-{one.id}-notes"
            )
            st.form_submit_button(
                "Save", key="runs-name-save", type="primary", on_click=_name, args=(one.id,)
            )


def _name(run_id: str) -> None:
    rerun.ask()
    labels, state = supervisor.service().store.labels, st.session_state
    try:
        labels.name(run_id, owners(), str(state[f"runs-name-{run_id}-name"]))
        labels.note(run_id, owners(), str(state[f"runs-name-{run_id}-notes"]))
    except PlaygroundError as error:
        problems.remember(error, "Not named")
        return
    problems.forget()


def _star(run_ids: list[str], starred: bool) -> None:
    rerun.ask()
    try:
        supervisor.service().store.labels.star(run_ids, owners(), starred)
    except PlaygroundError as error:
        problems.remember(error, "The star could not be set")
        return
    problems.forget()


def _curves(records: Sequence[RunRecord], colors: Mapping[str, int | str]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Curves", anchor=False, width="content")
        st.space("stretch")
        results.along()
    panels = [
        panel
        for panel in component.PANELS
        if all(panel in TASKS[record.spec.task].panels for record in records)
    ]
    component.curves(
        "runs-curves",
        [replace(run, color=colors[run.id]) for run in runs.drawn(records)],
        smoothing=session.value(SMOOTHING_KEY),
        axis=session.value(AXIS_KEY),
        panels=panels or ["loss"],
    )


def _settings(found: Found, rows: Sequence[Listed]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Settings and numbers", anchor=False, width="content")
        st.space("stretch")
        st.toggle("All settings", key=ALL_SETTINGS, help="Not only those in which they differ.")
    numbers = [found.columns[key] for key in ("result", "nll", "ece", "validation_loss", "seconds")]
    settings = columns.differing(rows, ALL_SETTINGS.get())
    shown = [*settings, *numbers]
    st.dataframe(
        pa.table(
            {"": [column.title for column in shown]}
            | {columns.title(row): [columns.said(column, row) for column in shown] for row in rows}
        ),
        key="runs-settings",
        hide_index=True,
        column_config={"": st.column_config.TextColumn(pinned=True, width=150)},
        alt="What the chosen runs differ in: a column for each run.",
    )
    if not settings:
        st.caption("Their settings are all alike.")


def _about(found: Found, row: Listed) -> None:
    """Notes of one run, and the race that it is of."""
    groups = [
        f"{group.title}: lane {lane}"
        for group in found.groups.values()
        if (lane := group.lane_of(row.settings)) and row.parent is None
    ]
    if not (groups or row.notes or row.message):
        return
    with st.container(key="lesson-run", gap="xsmall"):
        for line in [*groups, row.notes, row.message]:
            if line:
                st.text(line)


def _tree(found: Found, row: Listed) -> list[tuple[Listed, int]]:
    """The family of a run, each with how many branches deep it is."""
    known = {one.id: one for one in sorted(found.every, key=lambda one: one.number)}
    trees = lineage.families({one.id: one.parent for one in known.values()})
    tree = next((tree for tree in trees if row.id in dict(tree)), [])
    return [(known[run_id], depth) for run_id, depth in tree]


def _family(
    tree: Sequence[tuple[Listed, int]], colors: Mapping[str, int | str], narrow: bool
) -> None:
    """A family of branches as a tree, and buttons that choose its runs."""
    with st.container(key="panel-runs-family", gap="xsmall"):
        st.subheader("Family", anchor=False)
        dark = st.context.theme.type == "dark"
        width = family_figure.NARROW if narrow else family_figure.WIDTH
        drawn = family_figure.tree(tree, colors, dark, width)
        st.image(drawn, alt=family_figure.words(row for row, _ in tree))
        with st.container(horizontal=True, gap="small", key="runs-family-buttons"):
            for row, _ in tree:
                st.button(
                    f"#{row.number}",
                    key=f"runs-family-{row.id}",
                    on_click=_pick,
                    args=(row.id,),
                    type="tertiary",
                )
            st.button(
                "Choose all",
                key="runs-family-all",
                on_click=_pick,
                args=tuple(row.id for row, _ in tree),
                type="tertiary",
                help="Draws the family on one chart.",
            )


def _pick(*run_ids: str) -> None:
    rerun.ask()
    runs_table.pick(run_ids)
