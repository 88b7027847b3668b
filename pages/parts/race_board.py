"""What has come of a race: how far it is, the verdict, the scoreboard, the charts, the files."""

import math
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

import streamlit as st

from pages.parts import problems, race_lanes, race_sweep, rerun, runs, session, take_home
from pages.parts.visitor import owners, visitor
from playground.errors import PlaygroundError, SpecError, StoreError
from playground.figures.race import curves_chart, points_chart
from playground.races import feeder, links, reports
from playground.races.curves import DRAWN, curves
from playground.races.judgement import BETTER, OPEN, SMALL, WORSE, differences
from playground.races.progress import Progress, may_be_tried_again
from playground.races.race import RACE, Race
from playground.races.results import MEASURES, WHY_NO_LOSS, Results
from playground.races.verdict import verdict
from playground.runs import supervisor
from playground.runs.race_rows import ACTIVE, DONE, RaceRecord
from playground.runs.records import RunRecord
from playground.runs.store import Store

TICK_SECONDS = 2.0
BADGES: dict[str, tuple[str, Any]] = {
    BETTER: ("better", "green"),
    WORSE: ("worse", "red"),
    SMALL: ("hardly apart", "gray"),
    OPEN: ("not enough evidence", "gray"),
}
VIEWS = {"values": "Values", "differences": "Differences to the first lane"}


def _store() -> Store:
    return supervisor.service().store


def follow(record: RaceRecord) -> tuple[Race, Progress] | None:
    """A race and how far it is; None if it cannot be read, which is then said."""
    try:
        return Race.recall(record.definition), feeder.service().follow(record)
    except PlaygroundError as error:
        problems.remember(error, "The race cannot be shown")
        return None


def lane_runs(race: Race, progress: Progress) -> dict[int, RunRecord]:
    """Of each lane its run with the first seed, which stands for it on the other pages."""
    return {
        cell.lane: cell.record
        for cell in progress.final()
        if cell.seed == 0 and cell.record is not None
    }


def colours(race: Race, progress: Progress | None) -> list[int]:
    """Each lane's place in the palette: that of the run that stands for it; before there is one,
    that of the lane."""
    found = list(range(len(race.lanes)))
    known = lane_runs(race, progress) if progress is not None else {}
    if len(known) == len(found):
        places = runs.places(list(known.values()))
        found = [places[known[lane].id] for lane in found]
    return found


def board(record: RaceRecord) -> None:
    """All of it; a fragment that looks again while the race goes on."""
    live = record.state == ACTIVE
    st.fragment(_board, run_every=TICK_SECONDS if live else None)(record.id, live)


def _board(race_id: str, was_live: bool) -> None:
    rerun.follow()
    record = _store().races.find(race_id)
    found = follow(record) if record is not None else None
    if record is None or found is None:
        return
    race, progress = found
    if (record.state == ACTIVE) != was_live:
        st.rerun()
    if race.kind == RACE:
        _stand_for(race, progress)
    _head(record, race, progress)
    try:
        results = feeder.service().reader.results(race, progress)
    except StoreError as error:
        problems.problem("The history cannot be read", error.message, error.hint)
        return
    if race.kind != RACE:
        race_sweep.board(race, progress)
        _take_home(race, progress)
        return
    places = colours(race, progress)
    if any(results.judged):
        _verdict(results, progress)
    _scoreboard(results, progress.done)
    _charts(race, progress, results, places)
    _proof(results)
    _take_home(race, progress)


def chooser() -> None:
    """This visitor's races, and on this machine those of its terminals, newest first."""
    try:
        known = _store().races.of(owners())
    except StoreError as error:
        problems.remember(error, "The history cannot be read")
        return
    if not known:
        return
    titles = {record.id: _line(record) for record in known}
    with st.popover("Races", key="races-popover"):
        st.selectbox(
            "Shown race",
            list(titles),
            index=None,
            format_func=lambda race_id: titles.get(race_id, race_id),
            key="race-chosen",
            placeholder="Choose one",
            on_change=_choose,
        )


def _line(record: RaceRecord) -> str:
    when = f"{datetime.fromtimestamp(record.created).astimezone():%Y-%m-%d %H:%M}"
    try:
        race = Race.recall(record.definition)
    except SpecError:
        return f"{when} · of another version"
    what = "lanes" if race.kind == RACE else "points"
    return f"{when} · {len(race.lanes)} {what} × {race.seeds} seeds · {race.base.dataset}"


def _choose() -> None:
    rerun.ask()
    if chosen := st.session_state["race-chosen"]:
        session.RACE.set(chosen)
        session.RACE_CAME.set(True)


def _stand_for(race: Race, progress: Progress) -> None:
    """The lanes' first runs are those on the screen of every page."""
    known = lane_runs(race, progress)
    if len(known) == len(race.lanes):
        ids = [known[lane].id for lane in range(len(race.lanes))]
        if [session.RUN.get(), *session.COMPARE.get()] != ids:
            session.RUN.set(ids[0])
            session.COMPARE.set(ids[1:])
            session.keep()


def _head(record: RaceRecord, race: Race, progress: Progress) -> None:
    cells = progress.cells
    ended = sum(cell.record is not None and not cell.record.live for cell in cells)
    part = sum(
        cell.record.step / cell.record.steps
        for cell in progress.live
        if cell.record is not None and cell.record.steps
    )
    with st.container(horizontal=True, vertical_alignment="center", key="race-head"):
        title = "The race" if race.kind == RACE else "The sweep"
        st.subheader(title, anchor=False, width="content")
        if record.owner == visitor():
            if record.state == ACTIVE:
                st.button(
                    "Stop",
                    key="race-stop",
                    icon=":material/stop:",
                    on_click=_steer,
                    args=("stop", record.id),
                    help="Trains no more of it. What is done is kept, and it can go on later.",
                )
            elif record.state != DONE or any(map(may_be_tried_again, cells)):
                st.button(
                    "Go on",
                    key="race-resume",
                    icon=":material/play_arrow:",
                    on_click=_steer,
                    args=("resume", record.id),
                    help="Trains what is missing; nothing is trained twice.",
                )
        training = sum(cell.state == "running" for cell in progress.live)
        paused = sum(cell.state == "paused" for cell in progress.live)
        doing = f"; {training} train, {len(progress.live) - training - paused} wait"
        waits = supervisor.service().status()["waits"]
        doing += f" for {waits}" if waits else ""
        doing += f", {paused} paused: let {'it' if paused == 1 else 'them'} go on" * bool(paused)
        st.text(f"{ended} of {len(cells)} runs{doing if progress.live else ''}")
    st.progress(min(1.0, (ended + part) / max(1, len(cells))))
    if record.message:
        st.text(record.message)


def _steer(what: str, race_id: str) -> None:
    rerun.ask()
    try:
        do = {"stop": feeder.service().stop, "resume": feeder.service().resume}[what]
        do(race_id, visitor())
    except PlaygroundError as error:
        problems.remember(error, "That did not work")


def _verdict(results: Results, progress: Progress) -> None:
    decided = verdict(results, progress.done)
    with st.container(key="race-verdict", gap="xsmall"):
        st.text(decided.sentence)
        for number, (judged, sentence, evidence) in enumerate(decided.lanes, 1):
            name, colour = BADGES[judged.outcome]
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.badge(name, color=colour)
                st.text(sentence)
            if evidence:
                with st.container(key=f"evidence-{number}"):
                    st.caption(race_lanes.plain(evidence))
        for note in decided.notes:
            st.text(note)


def _scoreboard(results: Results, done: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="scoreboard-head"):
        st.subheader("Scoreboard", anchor=False, width="content")
        view = st.segmented_control(
            "What the scoreboard shows",
            list(VIEWS),
            format_func=lambda name: VIEWS[name],
            default="values",
            required=True,
            key="scoreboard-view",
            label_visibility="collapsed",
        )
    measured = results.measured()
    if not measured:
        st.caption("It fills as runs end.")
        return
    rows = _values(results, measured) if view == "values" else _differences(results, measured, done)
    st.dataframe(
        rows,
        hide_index=True,
        width="stretch",
        key=f"scoreboard-{view}-{_stage(results)}",  # anew where cells have become wider
        column_config={
            MEASURES[name].title: st.column_config.TextColumn(help=MEASURES[name].means)
            for name in measured
        },
    )
    with st.container(key="lesson-scoreboard"):
        st.caption(
            f"Mean and standard deviation over seeds; ★ is the best mean, which alone says little. "
            f"Point at a column's head for what its number means. {WHY_NO_LOSS}"
        )


def _stage(results: Results) -> int:
    """How much stands in a cell: a number, a mean of some, or of all seeds."""
    counts = [len(found) for found in results.judged]
    return min(max(counts), 2) + (min(counts) == results.race.seeds)


def _values(results: Results, measured: Sequence[str]) -> dict[str, list[str]]:
    rows = {"Lane": results.race.titles()}
    for name in measured:
        measure, best, cells = MEASURES[name], results.best(name), []
        for lane, found in enumerate(results.values[name]):
            short = ""
            if name in ("steps", "seconds") and 0 < len(found) < len(results.judged[lane]):
                short = f" ({len(found)} of {len(results.judged[lane])})"
            cells.append(f"{measure.summary(found)}{short}{' ★' * (lane in best)}")
        rows[measure.title] = cells
    return rows


def _differences(results: Results, measured: Sequence[str], done: bool) -> dict[str, list[str]]:
    """Of each lane but the first, with 95% intervals once all seeds are `done`. They are not
    tested: only the number that the race is judged by is."""
    rows = {"Lane": results.race.titles()[1:]}
    for name in measured:
        measure, cells = MEASURES[name], []
        for difference, low, high in differences(results.values[name]):
            between = ""
            if done and math.isfinite(low):
                between = f" [{measure.said(low, True)}, {measure.said(high, True)}]"
            cells.append(f"{measure.said(difference, True)}{between}")
        rows[measure.title] = cells
    return rows


def _charts(race: Race, progress: Progress, results: Results, places: Sequence[int]) -> None:
    titles, dark = race.titles(), st.context.theme.type == "dark"
    judged = MEASURES[race.judge]
    drawn = []
    for name, (title, unit) in DRAWN.items():
        found = curves(_store(), race, progress, name)
        if found:
            target = race.target if name == "validation_accuracy" else None
            drawn.append((title, curves_chart(found, titles, places, title, unit, dark, target)))
    points = points_chart(
        results.judged, titles, places, judged.title, judged.unit, race.base.seed, dark
    )
    if any(results.judged):
        drawn.append((f"{judged.title} of every seed", points))
    for start in range(0, len(drawn), 2):
        for column, (title, figure) in zip(
            st.columns(2, gap="medium"), drawn[start : start + 2], strict=False
        ):
            with column:
                st.plotly_chart(
                    figure, key=f"race-{title}", config={"displayModeBar": False}, alt=title
                )
    if drawn:
        with st.container(key="lesson-race-curves"):
            st.caption(
                "Lines are medians over seeds, bands their middle half, dotted the accuracy to "
                "reach. Every seed's point is a whole run; the bar is the mean."
            )
        with st.container(horizontal=True, key="race-elsewhere"):
            for page, title in (
                ("feature_maps.py", "Feature maps"),
                ("embedding.py", "Embedding"),
                ("fitting.py", "Fitting"),
            ):
                st.page_link(page, label=f"The lanes on {title}")


def _proof(results: Results) -> None:
    with st.expander("What the lanes have in common", key="race-proof"):
        st.text(reports.same(results))
        rows = [
            {
                "Lane": title,
                "Seed": results.race.base.seed + seed,
                "First weights": found.get("weights", ""),
                "Images": found.get("images", ""),
                "Batch order": found.get("order", ""),
                "Evaluations": found.get("evaluations", ""),
            }
            for title, lane in zip(results.race.titles(), results.hashes, strict=True)
            for seed, found in sorted(lane.items())
        ]
        if rows:
            st.dataframe(rows, hide_index=True, width="stretch", key="race-hashes")


def _take_home(race: Race, progress: Progress) -> None:
    with st.container(horizontal=True, key="race-files"):
        for name, made, mime, icon in (
            ("Report as HTML", reports.html, "text/html", ":material/description:"),
            ("Markdown", reports.markdown, "text/markdown", ":material/article:"),
            ("CSV", reports.table, "text/csv", ":material/table:"),
        ):
            ending = {"text/html": "html", "text/markdown": "md", "text/csv": "csv"}[mime]
            take_home.button(
                name,
                partial(made, _store(), race, progress),
                of=race.to_json(),
                file_name=f"race.{ending}",
                mime=mime,
                key=f"race-{ending}",
                icon=icon,
            )
    with st.expander("A link that repeats this race anywhere", key="race-link"):
        st.code(links.link(race), language=None, wrap_lines=True)
