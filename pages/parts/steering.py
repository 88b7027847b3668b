"""The commands that a visitor's buttons send to the runs on the screen."""

import time

from pages.parts import midrun, problems, rerun, session, together
from pages.parts.visitor import visitor
from playground.errors import PlaygroundError
from playground.runs import supervisor
from playground.runs.store import LIVE

OBEYED = {"pause", "resume", "stop"}  # commands that change a run's state
OBEYED_SECONDS = 0.25


def steer(do: str, kind: str = "", name: str = "", value: float | str = 0.0) -> None:
    """Sends a command at once: a change to the shown run, others to all on the screen that can
    take them. Waits a moment for it to be obeyed, so that the buttons drawn next are those of the
    new state."""
    before = _states()
    try:
        for run_id in _addressed(do):
            supervisor.service().command(run_id, visitor(), do, kind, name, value)
            if do == "change" and isinstance(value, float):  # a loss may yet be refused
                midrun.remember(run_id, (kind, name), value)
    except PlaygroundError as error:
        problems.remember(error)
        rerun.ask()
    else:
        problems.forget()
        until = time.monotonic() + OBEYED_SECONDS
        while do in OBEYED and time.monotonic() < until and _states() == before:
            time.sleep(0.01)


def _addressed(do: str) -> list[str]:
    """The runs a command goes to. The shown one where there is no other, even if it cannot obey:
    the visitor is then told why."""
    mine = together.steerable(together.shown())
    able = {
        "pause": {"running"},
        "resume": {"paused"},
        "step": {"running", "paused"},
        "stop": LIVE,
    }.get(do, set())
    found = [one.id for one in mine if one.state in able]
    return found or [session.RUN.get()]


def _states() -> list[str]:
    return [one.state for one in together.shown()]
