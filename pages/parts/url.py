"""The URL reproduces the screen: one mechanism for the settings, the run shown and the view.

`follow` reads the URL where the visitor came by it (a link, a reload, Back), and a link that was
pressed on a page of ours; `write` changes it to
what the controls say at the end of every script run. Any other URL that the browser sends is one
that it had not heard to be out of date, and is not read: it would undo what was done since.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.live.component import AXES, Seen
from pages.parts import draft, runs_address, session
from pages.parts.session import Key
from pages.parts.visitor import owners, visitor
from playground import replay
from playground.errors import SpecError, StoreError
from playground.knobs import is_name
from playground.runs import supervisor
from playground.runs.store import RunRecord
from playground.spec import DEFAULT_TASK, RunSpec, knobs
from playground.sweeps import SWEEPS
from playground.tasks import TASKS
from playground.training.changes import STEERED

SMOOTHING = 0.6
SMOOTHING_KEY = session.declare("view.smoothing", lambda: SMOOTHING)
LOG_KEY = session.declare("view.log", bool)
AXIS = AXES[0]
AXIS_KEY = session.declare("view.axis", lambda: AXIS)
MOST_COMPARED = 7
MOST_LESSONS = 6
SWEEP = "width"
SWEEP_KEY = session.declare("view.sweep", lambda: SWEEP)
GROUPS_KEY: Key[list[str]] = session.declare("view.groups", list)
HAS_KEY: Key[list[str]] = session.declare("view.has", list)
BESIDE_KEY: Key[list[str]] = session.declare("view.beside", list)
SEEN = session.declare("seen", Seen)
LISTS = {"group": GROUPS_KEY, "has": HAS_KEY, "beside": BESIDE_KEY}  # of the page Losses
VIEW_KEYS = (
    "run",
    "compare",
    "smoothing",
    "log",
    "along",
    "mode",
    "image",
    "at",
    "layer",
    "filter",
    "lesson",
    "sweep",
    replay.KEY,
    "race",
    "setup",
    "vary",
    runs_address.KEY,
    *LISTS,
)
RACE_PAGE = "race"  # the only one whose URL holds a race
RACE_ID = re.compile(r"[A-Za-z0-9]{1,64}")
MOST_SETUP = 20_000  # characters of a race in a URL
LAYER = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True)
class View:
    """What is looked at, and how; all else in a URL is the spec's."""

    run: str = ""
    compare: tuple[str, ...] = ()
    smoothing: float = SMOOTHING  # 0 (raw) to 0.99
    log: bool = False
    axis: str = AXIS  # what the curves are drawn over
    seen: Seen = field(default_factory=Seen)  # what is looked at in the network
    lesson: int = 0  # of the page Fitting, 1 to MOST_LESSONS; 0 is none
    sweep: str = SWEEP  # the setting that its sweep varies
    # Of the named losses: which groups, with which properties, and which are compared.
    group: tuple[str, ...] = ()
    has: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    race: str = ""  # the shown race's id
    setup: str = ""  # or, of one that is not kept here, all of it as JSON
    vary: str = ""  # the sweep that is set up beside it, where it is not the usual one
    listed: str = ""  # what the page Runs lists (`runs_address`)

    def to_query(self, mode: str, loss: str) -> dict[str, str]:
        """What differs from the plain view; the mode only where the loss does not tell it."""
        query = {}
        if self.run:
            query["run"] = self.run
        if self.compare:
            query["compare"] = ",".join(self.compare)
        if self.smoothing != SMOOTHING:
            query["smoothing"] = f"{self.smoothing:g}"
        if self.log:
            query["log"] = "1"
        if self.axis != AXIS:
            query["along"] = self.axis
        if mode == "write" and is_name(loss):
            query["mode"] = mode
        if self.seen.image:
            query["image"] = str(self.seen.image)
        if self.seen.step is not None:
            query["at"] = str(self.seen.step)
        if self.seen.layer:
            query["layer"] = self.seen.layer
            if self.seen.unit >= 0:
                query["filter"] = str(self.seen.unit)
        if self.lesson:
            query["lesson"] = str(self.lesson)
        if self.sweep != SWEEP:
            query["sweep"] = self.sweep
        if self.race:
            query["race"] = self.race
        if self.setup:
            query["setup"] = self.setup
        if self.vary:
            query["vary"] = self.vary
        if self.listed:
            query[runs_address.KEY] = self.listed
        for name in LISTS:
            if getattr(self, name):
                query[name] = ",".join(getattr(self, name))
        return query

    @classmethod
    def from_query(cls, query: dict[str, str]) -> tuple["View", list[str]]:
        """The inverse, and a note on each value that fell back."""
        notes = []
        smoothing = SMOOTHING
        try:
            smoothing = float(query.get("smoothing", SMOOTHING))
            if not 0 <= smoothing <= 0.99:
                raise ValueError
        except ValueError:
            notes.append(
                f"smoothing: expected 0 to 0.99; got {query['smoothing'][:20]!r}; using {SMOOTHING}"
            )
            smoothing = SMOOTHING
        if query.get("log", "0") not in {"0", "1"}:
            notes.append(f"log: expected 0 or 1; got {query['log'][:20]!r}; using 0")
        axis = query.get("along", AXIS)
        if axis not in AXES:
            notes.append(f"along: expected one of {', '.join(AXES)}; got {axis[:20]!r}")
            axis = AXIS
        if query.get("mode", "pick") not in {"pick", "write"}:
            notes.append(f"mode: expected pick or write; got {query['mode'][:20]!r}")
        compare = [part for part in query.get("compare", "").split(",") if part]
        run = query.get("run", "")
        compare = list(dict.fromkeys(part for part in compare if part != run))
        seen = _seen(query, notes)
        log = query.get("log") == "1"
        lesson = query.get("lesson", "0")
        if not re.fullmatch(f"[0-{MOST_LESSONS}]", lesson):
            notes.append(f"lesson: expected 1 to {MOST_LESSONS}; got {lesson[:20]!r}; using none")
            lesson = "0"
        sweep = query.get("sweep", SWEEP)
        if sweep not in SWEEPS:
            notes.append(f"sweep: expected one of {', '.join(SWEEPS)}; got {sweep[:20]!r}")
            sweep = SWEEP
        race = query.get("race", "")
        if race and not RACE_ID.fullmatch(race):
            notes.append(f"race: expected the id of a race; got {race[:20]!r}; using none")
            race = ""
        setups: dict[str, Any] = {name: query.get(name, "") for name in ("setup", "vary")}
        for name, text in setups.items():
            if len(text) > MOST_SETUP:
                notes.append(f"{name}: expected at most {MOST_SETUP:,} characters; using none")
                setups[name] = ""
        listed = query.get(runs_address.KEY, "")
        try:
            runs_address.parsed(listed)
        except SpecError as error:
            notes.append(f"{error}; using none")
            listed = ""
        compared = tuple(compare[:MOST_COMPARED])
        lists: dict[str, Any] = {name: _words(query.get(name, "")) for name in LISTS}
        found = cls(run, compared, smoothing, log, axis, seen, int(lesson), sweep, **lists)
        return replace(found, race=race, listed=listed, **setups), notes


def view() -> View:
    """The view the controls hold."""
    page = session.PAGE.get()
    lists: dict[str, Any] = {name: tuple(key.get()) for name, key in LISTS.items()}
    found = View(
        session.RUN.get(),
        tuple(session.COMPARE.get()),
        SMOOTHING_KEY.get(),
        LOG_KEY.get(),
        AXIS_KEY.get(),
        SEEN.get(),
        session.LESSON.get(),
        SWEEP_KEY.get(),
        **lists,
    )
    if page == runs_address.PAGE:
        return replace(found, listed=runs_address.said())
    if page != RACE_PAGE:
        return found
    race = session.RACE.get()
    setup = "" if race else session.SETUP.get()
    return replace(found, race=race, setup=setup, vary=session.VARY.get())


def show(new: View) -> None:
    """Sets the view's controls."""
    state = st.session_state
    session.RUN.set(new.run)
    session.COMPARE.set(list(new.compare))
    state[SMOOTHING_KEY], state[LOG_KEY] = new.smoothing, new.log
    state[AXIS_KEY] = new.axis
    SEEN.set(new.seen)
    session.LESSON.set(new.lesson)
    state[SWEEP_KEY] = new.sweep
    if new.race or new.setup or new.vary or session.PAGE.get() == RACE_PAGE:
        session.RACE.set(new.race)
        session.SETUP.set(new.setup)
        session.VARY.set(new.vary)
        session.RACE_CAME.set(bool(new.race or new.setup or new.vary))
    if new.listed or session.PAGE.get() == runs_address.PAGE:
        runs_address.show(runs_address.parsed(new.listed))
    for name, key in LISTS.items():
        state[key] = list(getattr(new, name))


def follow(page: str, task: str = DEFAULT_TASK) -> bool:
    """Takes the settings, the run and the view from the URL if the visitor came by it, and says
    whether it did. A URL that names no task is of `task`."""
    query = st.query_params.to_dict()
    moved = session.PAGE.get() != page
    session.restore(all_of_them=moved)
    if session.URL_SPEC.get() is None:
        session.PAGE.set(page)
        _seed(query, task)
        return True
    if moved:
        draft.leave()
        session.PAGE.set(page)
        session.ADDRESS_IS_BARE.set(True)
    link = session.LINK.get()
    if link is not None:  # on a page of ours: what stood on the last one is kept for it
        session.LINK.drop()
        draft.choose(link.get("task", task) if link.get("task", task) in TASKS else task)
        _seed(link, task)
        return True
    context = get_script_run_ctx()
    if query and context is not None and context.is_history_navigation:  # Back or Forward
        _seed(query, task)
        return True
    return False


def write(settled: RunSpec | None, shown: RunRecord | None) -> None:
    """Puts the settings and the view into the URL; wrong settings leave the last sound ones."""
    session.keep()
    if settled is not None:
        session.URL_SPEC.set(settled.to_query(shown.spec if shown is not None else None))
    mode = draft.mode()
    query = (session.URL_SPEC.get() or {}) | view().to_query(mode, draft.values()["loss"])
    session.ADDRESS.set(query)
    # After a walk to another page the browser shows its bare address, whatever it says.
    if st.query_params.to_dict() != query or session.ADDRESS_IS_BARE.get():
        session.ADDRESS_IS_BARE.drop()
        st.query_params.from_dict(query)


def note(text: str) -> None:
    """Something the visitor is told once, above the page."""
    session.NOTES.set([*session.NOTES.get(), text])


def _seed(query: dict[str, str], task: str) -> None:
    new, notes = View.from_query(query)
    record, missing = _run(new.run)
    notes += missing
    compared = [_run(run_id) for run_id in new.compare]
    notes += [line for _, lines in compared for line in lines]
    fields = {name: value for name, value in query.items() if name not in VIEW_KEYS}
    if record is None:
        fields.setdefault("task", task)
    unknown = [name for name in fields if name not in knobs() and not name.startswith("loss.")]
    notes += [f"{name[:40]}: not a setting; left out" for name in unknown]
    spec, faults = RunSpec.from_query(fields, record.spec if record is not None else None)
    came_by = [found for found in (record, *(found for found, _ in compared)) if found is not None]
    notes += _followed(came_by)
    show(
        replace(
            new,
            run=record.id if record is not None else "",
            compare=tuple(found.id for found, _ in compared if found is not None),
        )
    )
    draft.take(spec, query.get("mode", ""))
    if replay.KEY in query:
        notes += _replayed(query[replay.KEY], spec, record)
    session.URL_SPEC.set({})
    for text in [*notes, *faults]:
        note(text)


def _followed(records: list[RunRecord]) -> list[str]:
    """Remembers the runs of others whose link this is: the page Runs lists them. A note where that
    cannot be kept."""
    known = owners()
    try:
        for record in records:
            if record.owner not in known:
                supervisor.service().store.labels.follow(record.id, visitor())
    except StoreError as error:
        return [str(error)]
    return []


def _replayed(said: str, spec: RunSpec, record: RunRecord | None) -> list[str]:
    """Remembers whether the link's numbers will be the same here; a note where it says no such."""
    try:
        found = replay.compared(said, spec)
        if record is not None and (record.parent or _changed(record)):
            found += " The run itself was changed while it trained, or leaves another."
    except (SpecError, StoreError) as error:
        return [str(error)]
    session.REPLAY.set((spec.digest, found))
    return []


def _changed(record: RunRecord) -> bool:
    marks = supervisor.service().store.marks(record.id)
    return any(mark.kind in STEERED for mark in marks)


def _seen(query: dict[str, str], notes: list[str]) -> Seen:
    """What a query wants to be looked at in the network; adds a note on what fell back."""

    def number(name: str, said: str) -> int | None:
        if name not in query:
            return None
        if re.fullmatch(r"\d{1,9}", query[name]):
            return int(query[name])
        notes.append(f"{name}: expected a whole number; got {query[name][:20]!r}; using {said}")
        return None

    image, step, unit = number("image", "0"), number("at", "the latest"), number("filter", "none")
    layer = query.get("layer", "")
    if layer and not LAYER.fullmatch(layer):
        notes.append(f"layer: expected the name of a layer; got {layer[:20]!r}; using none")
        layer = ""
    return Seen(image or 0, step, layer, unit if layer and unit is not None else -1)


def _words(text: str) -> tuple[str, ...]:
    """Short words with commas between; what each may be is known where they are used."""
    return tuple(dict.fromkeys(part for part in text.split(",")[:64] if part and len(part) <= 64))


def _run(run_id: str) -> tuple[RunRecord | None, list[str]]:
    if not run_id:
        return None, []
    try:
        record = supervisor.service().store.run(run_id)
        gone = supervisor.service().store.removed(run_id) if record is None else None
    except StoreError as error:
        return None, [str(error)]
    if gone is not None:
        why = "to make room for others" if gone.room else "by who keeps this server"
        return None, [f"run: #{gone.number} was removed on {gone.removed:%Y-%m-%d} {why}"]
    if record is None:
        return None, [f"run: there is no run {run_id[:20]!r} in this server's history"]
    if record.deleted is not None:
        return None, [f"run: #{record.number} was deleted"]
    return (None, [record.foreign]) if record.foreign else (record, [])
