"""The runs on the screen: what they are called, which colour is whose, and how they are chosen."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages.live import component
from pages.parts import draft, export_menu, problems, session
from pages.parts.url import MOST_COMPARED
from pages.parts.visitor import owners, person
from playground import datasets, naming
from playground.errors import RunError, StoreError
from playground.figures import palette
from playground.knobs import is_name
from playground.runs import supervisor
from playground.runs.records import TERMINAL
from playground.runs.store import RunRecord
from playground.settings import settings
from playground.spec import RunSpec, knobs
from playground.tasks import TASKS

TEXT_CHARACTERS = 26
MOST_TEXT = 300  # characters of a loss that a tooltip says
MOST_ANCESTORS = 32  # of a branch, that its colour is looked for
MOST_GONE = 5  # of the runs that went, so many are named


def find(run_id: str) -> RunRecord | None:
    """The run, or None if there is none or the store cannot be read (which is then said)."""
    if not run_id:
        return None
    try:
        found = supervisor.service().store.run(run_id)
    except StoreError as error:
        problems.remember(error, "The history cannot be read")
        return None
    if found is not None and found.deleted is not None:
        deleted = RunError(f"Run #{found.number} was deleted.", "Undo stands on the page Runs.")
        problems.remember(deleted, "This run cannot be shown")
        return None
    if found is not None and found.foreign:
        problems.remember(RunError(found.foreign), "This run cannot be shown")
        return None
    return found


def mine(limit: int = 50) -> list[RunRecord]:
    """This browser's runs and, on this machine, those of its terminals, newest first; none if the
    store cannot be read (which is then said)."""
    try:
        return supervisor.service().store.runs(limit=limit, owner=owners())
    except StoreError as error:
        problems.remember(error, "The history cannot be read")
        return []


def task(current: RunRecord | None, settled: RunSpec | None) -> str:
    """The task of the shown run; without a run, of the settings."""
    spec = current.spec if current is not None else settled
    return (spec or RunSpec()).task


def class_names(current: RunRecord | None, settled: RunSpec | None) -> list[str]:
    """The classes of the shown run's data set; without a run, of the chosen one."""
    spec = current.spec if current is not None else settled
    return datasets.source_of(spec.dataset if spec is not None else RunSpec().dataset).class_names


def loss_name(spec: RunSpec) -> str:
    """A short plain name for a spec's loss: its own, that of its function, or its last line."""
    return naming.cut(naming.loss_name(spec.loss), TEXT_CHARACTERS)


def names(records: Sequence[RunRecord]) -> dict[str, str]:
    """Names that tell these runs apart: its number, and then the name that it was given; without
    one, of runs that share a loss what differs before that loss, where a narrow place cuts it off
    last."""
    full = [naming.loss_name(record.spec.loss) for record in records]
    short = naming.distinct(full, TEXT_CHARACTERS)
    found = {}
    for record, loss, shown in zip(records, full, short, strict=True):
        if record.name:
            found[record.id] = f"#{record.number} {record.name}"
            continue
        alike = [one for one, other in zip(records, full, strict=True) if other == loss]
        own = _own_line(record, alike)
        left = f"from step {record.parent_step:,}" if record.parent else ""
        parts = [*([left] if left else []), *([own] if own else []), *_differences(record, alike)]
        if not own or loss not in map(str.strip, naming.code_lines(record.spec.loss)):
            parts.append(shown)  # a name; of a text's last line the one that differs says more
        found[record.id] = f"#{record.number} {' · '.join(parts)}"
    return found


def text(record: RunRecord) -> str:
    """The code of a loss whose name does not say all of it, on a line; empty of others."""
    lines = naming.code_lines(record.spec.loss)
    if is_name(record.spec.loss) or [line.strip() for line in lines] == [
        naming.loss_name(record.spec.loss)
    ]:
        return ""
    return naming.cut("; ".join(line.strip() for line in lines), MOST_TEXT)


def drawn(
    records: Sequence[RunRecord], titles: Mapping[str, str] | None = None
) -> list[component.Run]:
    """These runs as views draw them; `titles` are names by id that go before their own."""
    called, colors = {**names(records), **(titles or {})}, colours(records)
    return [component.Run(one.id, called[one.id], colors[one.id], text(one)) for one in records]


def colours(records: Sequence[RunRecord]) -> dict[str, int | str]:
    """The colour of each run: its place in the palette; of a branch its family's, with how far it
    is shaded ("2~1" is the first shade of the third colour)."""
    placed = places([record for record in records if _root(record) == record.number])
    found: dict[str, int | str] = dict(placed)
    roots = {record.number: record.id for record in records if record.id in placed}
    shades: dict[int, int] = {}
    for record in sorted(records, key=lambda record: record.number):
        if record.id in found:
            continue
        root = _root(record)
        place = placed.get(roots.get(root, ""), (root - 1) % palette.COUNT)
        shades[root] = shades.get(root, 0) + 1
        found[record.id] = f"{place}~{shades[root]}"
    return found


def _root(record: RunRecord) -> int:
    """The number of the run that a family of branches begins with, as far as it is known."""
    for _ in range(MOST_ANCESTORS):
        above = supervisor.service().store.run(record.parent) if record.parent else None
        if above is None:
            break
        record = above
    return record.number


def _own_line(record: RunRecord, alike: Sequence[RunRecord]) -> str:
    """The first line of a written loss that not all the others have; empty if they have all."""
    if is_name(record.spec.loss):
        return ""
    others = [_lines(other.spec) for other in alike]
    own = [line for line in _lines(record.spec) if not all(line in lines for lines in others)]
    return naming.cut(own[0], TEXT_CHARACTERS) if own else ""


def _lines(spec: RunSpec) -> list[str]:
    return [line.strip() for line in naming.code_lines(spec.loss)]


def places(records: Sequence[RunRecord]) -> dict[str, int]:
    """Each run's place in the palette: by its number in the store, so that its colour is the same
    on every page and in every browser; of two that would share one, the later takes the next."""
    found: dict[str, int] = {}
    for record in sorted(records, key=lambda record: record.number):
        place = (record.number - 1) % palette.COUNT
        while place in found.values() and len(found) < palette.COUNT:
            place = (place + 1) % palette.COUNT
        found[record.id] = place
    return found


def chooser(current: RunRecord | None, compared: Sequence[RunRecord]) -> None:
    """A pop-over to choose the run that is shown and those drawn beside it."""
    count = len(compared)
    with st.popover("Runs" if not count else f"Runs · {count} compared", key="runs-popover"):
        offered = {record.id: record for record in [*_fitting(mine()), *compared]}
        if current is not None:
            offered[current.id] = current
        if said := gone():
            st.caption(said)
        st.page_link("runs.py", label="All runs", icon=":material/list_alt:")
        if not offered:
            st.caption("Your runs will be listed here. Press Train to make the first.")
            return
        st.session_state["run-shown"] = current.id if current is not None else ""
        st.selectbox(
            "Shown run",
            ["", *offered],
            format_func=lambda run_id: "None" if not run_id else _line(offered[run_id]),
            key="run-shown",
            on_change=_choose,
        )
        st.multiselect(
            "Compare with",
            [run_id for run_id in offered if current is None or run_id != current.id],
            format_func=lambda run_id: _line(offered[run_id]),
            key="compare",
            max_selections=MOST_COMPARED,
            help="Earlier runs, drawn in their own colours beside the one that is shown.",
        )
        if current is not None:
            st.button(
                "Use this run's settings",
                key="use-settings",
                on_click=draft.take,
                args=(current.spec,),
                help="Sets every control to what this run was trained with.",
            )
            export_menu.offer(current)


def page_of(record: RunRecord) -> str:
    """The page of a run's task."""
    return TASKS[record.spec.task].page if record.spec.task in TASKS else ""


def _fitting(records: Sequence[RunRecord]) -> list[RunRecord]:
    """Those that the present page can show: on the page of a task those of it, else all."""
    page = session.PAGE.get()
    if page not in {task.page for task in TASKS.values()}:
        return list(records)
    return [record for record in records if page_of(record) == page]


def gone() -> str:
    """Which of this visitor's runs went to make room; empty if none did."""
    try:
        numbers = [run.number for run in supervisor.service().store.removed_of(owners())]
    except StoreError:
        return ""  # `mine` has said that the store cannot be read
    if not numbers:
        return ""
    named = ", ".join(f"#{number}" for number in numbers[:MOST_GONE])
    more = f" and {len(numbers) - MOST_GONE} earlier ones" if len(numbers) > MOST_GONE else ""
    return (
        f"Removed, the oldest without a star first, to keep your runs within "
        f"{settings().visitor_gib:g} GiB and all within {settings().store_gib:g}{_days()}: "
        f"{named}{more}."
    )


def _days() -> str:
    """How long a run is kept that nobody has starred, as the rest of a sentence."""
    days = settings().run_days
    return f", or {days:g} days after their end" if days and not person().known else ""


def _choose() -> None:
    chosen = st.session_state["run-shown"]
    session.RUN.set(chosen)
    session.COMPARE.set([other for other in session.COMPARE.get() if other != chosen])


def _line(record: RunRecord) -> str:
    """What stands in the lists; the browser keeps a choice by it, so that it must not change while
    the run trains."""
    title = (knobs()["dataset"].choices or {}).get(record.spec.dataset, record.spec.dataset)
    where = " · terminal" if record.owner == TERMINAL else ""
    name = f"{record.name} · " if record.name else ""
    star = " ★" if record.starred else ""
    return f"#{record.number}{star} {name}{loss_name(record.spec)} · {title}{where}"


def _differences(record: RunRecord, alike: Sequence[RunRecord]) -> list[str]:
    found = []
    for field, knob in knobs(record.spec.task).items():
        values = [getattr(other.spec, field, None) for other in alike]
        if field in ("loss", "metrics") or all(value == values[0] for value in values):
            continue
        found.append(_said(field, knob.label, getattr(record.spec, field)))
    return [part for part in found if part][:2]


def _said(field: str, label: str, value: Any) -> str:
    if field == "loss_parameters":
        return ", ".join(f"{name} {number:g}" for name, number in value.items())
    choices = knobs()[field].choices
    if choices is not None:
        return choices.get(value, str(value))
    if isinstance(value, bool):
        return label if value else f"no {label.lower()}"
    shown = f"{value:g}" if isinstance(value, float) else f"{value:,}"
    return f"{label.lower()} {shown}"
