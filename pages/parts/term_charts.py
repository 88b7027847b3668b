"""The terms of a composite loss while it trains: their charts, and a conflict by name."""

import streamlit as st

from pages.live import component
from pages.parts import rerun, runs
from playground import naming
from playground.errors import PlaygroundError
from playground.runs import supervisor
from playground.runs.store import LIVE, RunRecord
from playground.tasks import TASKS
from playground.verdicts import conflict

TICK_SECONDS = 5.0  # what it says is of evaluations
SHORT = 40  # characters of a term's text


def names(record: RunRecord | None) -> list[str]:
    """The texts of the terms that a run watches; none where its loss has a single one."""
    if record is None:
        return []
    try:
        started = supervisor.service().store.started(record.id)
    except PlaygroundError:
        return []  # the page says elsewhere that the store cannot be read
    return list(started.loss.get("terms", [])) if started is not None else []


def charts(record: RunRecord | None) -> list[component.Metric]:
    """Charts of what the shown run's task says of each term, and of each two terms' cosine."""
    texts = names(record)
    if record is None or not texts:
        return []
    found = []
    for i, text in enumerate(texts, start=1):
        for each in TASKS[record.spec.task].of_terms(record.spec):
            said = each.title or naming.cut(text, SHORT)
            short = each.key.strip("_") or "term"
            title = f"Term {i}: {said}"
            found.append(component.Metric(f"term{i}{each.key}", title, f"{short} {i}", each.unit))
    count = len(texts)
    for i in range(1, count + 1):
        for j in range(i + 1, count + 1):
            title = f"Cosine of terms {i} and {j}, at {TASKS[record.spec.task].felt_at}"
            found.append(component.Metric(f"cosine{i}{j}", title, f"cos {i},{j}"))
    return found


def monitor(record: RunRecord | None) -> None:
    """A line on whether the terms of the shown run conflict, kept up while it trains."""
    texts = names(record)
    if record is None or not texts:
        return
    live = record.state in LIVE
    st.fragment(_line, run_every=TICK_SECONDS if live else None)(record.id, len(texts))


def _line(run_id: str, count: int) -> None:
    rerun.follow()
    record = runs.find(run_id)
    with st.container(key="lesson-terms"):
        if record is None:
            return
        where = TASKS[record.spec.task].felt_at
        st.caption(conflict.verdict(dict(record.metrics), count, where))
