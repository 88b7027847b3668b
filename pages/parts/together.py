"""Several runs as one: started with one click, steered with one button, drawn side by side.

Together are the shown run and those compared with it, so that a link and every page have them.
"""

from collections.abc import Iterable, Sequence

import streamlit as st

from pages.parts import problems, runs
from pages.parts.url import MOST_COMPARED
from pages.parts.visitor import visitor
from playground.errors import PlaygroundError
from playground.runs import supervisor
from playground.runs.store import LIVE, RunRecord
from playground.spec import RunSpec

MOST = MOST_COMPARED + 1  # runs that can be side by side


def expect(count: int) -> None:
    """Said by a page that offers to start so many runs together: their workers get warm ahead."""
    supervisor.service().expect(count)


def train_together(specs: Sequence[RunSpec]) -> bool:
    """Starts runs of up to MOST specs and shows them, the first as the shown run, in place of
    those that were on the screen; False if they could not be started, which is then said."""
    try:
        started = supervisor.service().submit_all(specs[:MOST], visitor())
    except PlaygroundError as error:
        problems.remember(error, "Not started")
        return False
    problems.forget()
    st.session_state.run, st.session_state.compare = started[0], started[1:]
    return True


def shown() -> list[RunRecord]:
    """The shown run and those beside it, in this order; none that the store does not have."""
    state = st.session_state
    return [one for one in map(runs.find, [state.run, *state.compare]) if one is not None]


def steerable(records: Iterable[RunRecord]) -> list[RunRecord]:
    """Those that are live and this visitor's."""
    return [one for one in records if one.state in LIVE and one.owner == visitor()]
