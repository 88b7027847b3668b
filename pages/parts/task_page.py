"""What the pages share on which a task is set up, trained and watched.

Such a page is opened with `begin`, draws what it wants of the parts below and what is its own, and
ends with `end`:

    page = task_page.begin("playground")
    with st.sidebar:
        task_page.settings(page)
    task_page.head(page)
    task_page.loss(page)
    task_page.curves(page)
    ...
    task_page.end(page)

A link of a task that has a page of its own opens that page. Walking from one such page to another
keeps each task's settings, text and runs for when it is come back to.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from pages.parts import draft, metrics, runs, session, together, url
from pages.parts.caution import caution
from pages.parts.corner import corner
from pages.parts.data_card import data_card
from pages.parts.head import head as head_of
from pages.parts.knobs import group, in_group
from pages.parts.loss_card import loss_card
from pages.parts.results import curves_card, network_card
from pages.parts.results import network as network_size
from playground import datasets, models
from playground.figures.network import stages
from playground.runs import supervisor
from playground.runs.store import RunRecord
from playground.spec import DEFAULT_TASK, RunSpec
from playground.tasks import TASKS, Task

PLAYGROUND = "playground"  # the page of every task that has none of its own


@dataclass(frozen=True)
class Opened:
    """A page at one moment: its task, the settings (None, and what is wrong with which field, where
    they make no spec), the shown run and those beside it."""

    task: Task
    settled: RunSpec | None
    faults: Mapping[str, str]
    current: RunRecord | None
    compared: list[RunRecord]

    @property
    def run_id(self) -> str | None:
        """The shown run's id."""
        return self.current.id if self.current is not None else None

    @property
    def spec(self) -> RunSpec | None:
        """What the shown run was trained with; without a run, the settings."""
        return self.current.spec if self.current is not None else self.settled

    @property
    def shown(self) -> list[RunRecord]:
        """The shown run and those beside it."""
        return [*([self.current] if self.current is not None else []), *self.compared]

    @property
    def class_names(self) -> list[str]:
        """The classes of the shown run's data set; without a run, of the chosen one."""
        return runs.class_names(self.current, self.settled)


def begin(page: str, default: str = DEFAULT_TASK) -> Opened:
    """Follows the URL to this file of `pages`, whose task is `default` where nothing says another.
    Walks to another task's page where the URL is a link of that."""
    by_link = url.follow(page, default)
    task = draft.chosen_task()
    if TASKS[task].page != page:
        if by_link:
            st.switch_page(f"{TASKS[task].page}.py")
        draft.choose(default)
    leave_out(page)
    settled, faults = draft.spec()
    current, compared = together.on_screen()
    task = runs.task(current, settled) if current or settled else draft.chosen_task()
    return Opened(TASKS[task], settled, faults, current, compared)


def leave_out(page: str) -> None:
    """Takes runs off the screen whose task has another page than this: that one shows them."""
    shown = {each.id: runs.page_of(each) == page for each in together.shown()}
    if not shown.get(session.RUN.get(), True):
        session.RUN.set("")
    session.COMPARE.set([each for each in session.COMPARE.get() if shown.get(each, True)])


def settings(page: Opened) -> None:
    """The controls of data, model, optimiser, regularisation and augmentation."""
    st.subheader("Data", anchor=False)
    data_card(page.settled, page.faults)
    st.subheader("Model", anchor=False)
    network_size(page.settled)
    group("model", page.faults)
    corner(page.settled)
    caution(page.settled)
    st.subheader("Optimiser", anchor=False)
    group("optimiser", page.faults)
    st.subheader("Regularisation", anchor=False)
    group("regularisation", page.faults)
    if in_group("augmentation"):
        # Drawn when it is opened, or has a fault to tell of: most visits do without.
        augmentation = st.expander("Augmentation", key="augmentation", on_change="rerun")
        if augmentation.open or page.faults.keys() & set(in_group("augmentation")):
            with augmentation:
                group("augmentation", page.faults)


def head(page: Opened) -> None:
    """The buttons, the progress and the notices."""
    measured = metrics.described(page.current.spec.metrics if page.current is not None else ())
    pictured = [] if page.settled is None else stages(models.plan(page.settled))
    head_of(page.current, page.compared, page.settled, measured, pictured)


def loss(page: Opened) -> None:
    """The loss, picked or written, and its studio."""
    with st.container(key="panel-loss"):
        loss_card(lambda: _write(page))


def curves(page: Opened) -> None:
    """The curves of the task's measures and of the loss' terms."""
    with st.container(key="panel-curves", gap="xsmall"):
        curves_card(page.current, page.compared, lambda: _write(page))


def network(page: Opened) -> None:
    """The picture of the network that the settings make."""
    with st.container(key="panel-network", gap="xsmall"):
        network_card(page.settled)


def end(page: Opened) -> None:
    """Puts what is on the screen into the URL, and has what is about to be trained prepared."""
    url.write(page.settled, page.current)
    if page.settled is not None and datasets.available(page.settled.dataset) == "here":
        supervisor.service().prepare(page.settled)


def _write(page: Opened) -> None:
    url.write(draft.spec()[0], page.current)
