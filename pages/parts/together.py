"""Several runs as one: started with one click, steered with one button, drawn side by side.

Together are the shown run and those compared with it, so that a link and every page have them.
"""

from collections.abc import Iterable, Sequence

from pages.parts import checked, problems, runs, session
from pages.parts.url import MOST_COMPARED
from pages.parts.visitor import visitor
from playground.errors import PlaygroundError, RunError
from playground.races import feeder
from playground.races.race import RACE, Race
from playground.runs import supervisor
from playground.runs.store import LIVE, RunRecord
from playground.spec import RunSpec

MOST = MOST_COMPARED + 1  # runs that can be side by side


def expect(count: int) -> None:
    """Said by a page that offers to start so many runs together: their workers get warm ahead."""
    supervisor.service().expect(count)


def start(specs: Sequence[RunSpec]) -> list[str]:
    """Starts runs side by side and returns their ids; none if one of them cannot be trained or
    there is no room, which is then said."""
    for spec in specs:
        refused = checked.refusal(spec)
        if refused is not None:
            problems.remember(refused, "Not started", about="loss")
            return []
    try:
        started = supervisor.service().submit_all(specs, visitor())
    except PlaygroundError as error:
        problems.remember(error, "Not started")
        return []
    problems.forget()
    return started


def race(specs: Sequence[RunSpec], kind: str = RACE) -> Race | None:
    """Starts runs as a race, whose runs are trained as there is room and never twice, and returns
    it; None if one of them cannot be trained, which is then said."""
    for spec in specs:
        refused = checked.refusal(spec)
        if refused is not None:
            problems.remember(refused, "Not started", about="loss")
            return None
    try:
        found = Race.of(specs, kind)
        feeder.service().begin(found, visitor())
    except PlaygroundError as error:
        problems.remember(error, "Not started")
        return None
    problems.forget()
    return found


def race_together(specs: Sequence[RunSpec]) -> bool:
    """Starts up to MOST specs as the lanes of a race and shows their runs, as `train_together`;
    those that were trained before are shown as they are. Where there is no room for them yet the
    race waits, which is said; False then, too."""
    if len(specs) < 2:
        return train_together(specs)
    started = race(specs[:MOST])
    if started is None:
        return False
    try:
        digests = [started.digest_of(lane) for lane in range(len(started.lanes))]
        known = supervisor.service().store.by_digest(digests, visitor())
    except PlaygroundError as error:
        problems.remember(error, "The history cannot be read")
        return False
    ids = [known[digest].id for digest in digests if digest in known]
    if not ids:
        waiting = RunError(
            "Other runs train now: these begin by themselves as soon as there is room.",
            "Once they have begun they stand under Runs; on the page Race they are a race of "
            f"{len(started.lanes)} lanes.",
        )
        problems.remember(waiting, "Not yet")
        return False
    session.RUN.set(ids[0])
    session.COMPARE.set(ids[1:])
    return True


def train_together(specs: Sequence[RunSpec]) -> bool:
    """Starts runs of up to MOST specs and shows them, the first as the shown run, in place of
    those that were on the screen; False if they could not be started, which is then said."""
    started = start(specs[:MOST])
    if not started:
        return False
    session.RUN.set(started[0])
    session.COMPARE.set(started[1:])
    return True


def shown() -> list[RunRecord]:
    """The shown run and those beside it, in this order; none that the store does not have."""
    ids = [session.RUN.get(), *session.COMPARE.get()]
    return [one for one in map(runs.find, ids) if one is not None]


def on_screen() -> tuple[RunRecord | None, list[RunRecord]]:
    """The shown run and those beside it at one moment. A page reads them once in a script run and
    passes them on: what a run did meanwhile would leave one half of the page with its past."""
    records = shown()
    current = next((one for one in records if one.id == session.RUN.get()), None)
    return current, [one for one in records if one is not current]


def steerable(records: Iterable[RunRecord]) -> list[RunRecord]:
    """Those that are live and this visitor's."""
    return [one for one in records if one.state in LIVE and one.owner == visitor()]
