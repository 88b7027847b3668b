"""Pages of tasks: a page for each task that has its own, with settings and runs of its own."""

from pathlib import Path

import pytest

from pages.parts import draft, session
from playground.runs.supervisor import Supervisor
from playground.spec import RunSpec
from playground.tasks import TASKS
from tests.pages.conftest import Visit, said
from tests.pages.test_playground import begun
from tests.playground.toy import Toy

PAGE = """
import streamlit as st
from pages.parts import task_page
page = task_page.begin({name!r}, "toy")
with st.sidebar:
    task_page.settings(page)
task_page.head(page)
task_page.loss(page)
task_page.curves(page)
task_page.network(page)
task_page.end(page)
"""


@pytest.fixture
def toy_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The toy task with a page of its own, a file that lies elsewhere; returns its path."""
    name = str(tmp_path / "toy_page")
    toy = Toy()
    toy.page = name
    Path(f"{name}.py").write_text(PAGE.format(name=name))
    monkeypatch.setitem(TASKS, "toy", toy)
    key = draft.field_key("neurons")  # which the draft declares of the tasks that it finds
    monkeypatch.setitem(session._defaults, key, lambda: 8)
    return f"{name}.py"


def test_each_task_keeps_its_settings_text_and_run(
    visit: Visit, supervisor: Supervisor, toy_page: str
) -> None:
    mine = begun(supervisor, RunSpec(dataset="digits"))
    page = visit(f"run={mine}&dataset=digits&width=24&loss=focal")
    page.switch_page(toy_page).run()
    assert page.session_state["spec.task"] == "toy" and page.session_state.run == ""
    assert page.session_state["loss_text"] == RunSpec(task="toy").loss
    assert page.query_params["task"] in ("toy", ["toy"])
    page.slider(key="spec.neurons").set_value(32).run()
    page.switch_page("playground.py").run()
    assert page.session_state["spec.task"] == "classification"
    assert page.session_state["spec.width"] == 24 and page.session_state.run == mine
    assert page.session_state.loss_name == "focal"
    assert "task" not in page.query_params
    page.switch_page(toy_page).run()
    assert page.slider(key="spec.neurons").value == 32
    page.switch_page("fitting.py").run()
    assert page.session_state["spec.task"] == "classification" and not page.exception


@pytest.mark.parametrize("at", ["feature_maps.py", "embedding.py"])
def test_a_glance_at_another_task_does_not_lose_the_run_that_is_looked_into(
    visit: Visit, supervisor: Supervisor, toy_page: str, at: str
) -> None:
    mine = begun(supervisor, RunSpec(dataset="digits"))
    page = visit(f"run={mine}", at=toy_page)
    assert page.session_state.run == ""
    page.switch_page(at).run()
    assert page.session_state.run == mine
    theirs = begun(supervisor, RunSpec(task="toy", dataset="digits"))
    page = visit(f"run={theirs}", at=at)
    assert page.session_state.run == theirs


def test_a_link_of_another_task_opens_its_page(
    visit: Visit, supervisor: Supervisor, toy_page: str
) -> None:
    run_id = begun(supervisor, RunSpec(task="toy", dataset="digits", neurons=4))
    page = visit(f"run={run_id}")
    assert page.session_state.page == toy_page.removesuffix(".py")
    assert page.slider(key="spec.neurons").value == 4 and page.session_state.run == run_id
    bare = visit("task=toy&neurons=16")
    assert bare.slider(key="spec.neurons").value == 16


def test_runs_of_another_task_are_not_offered_nor_drawn(
    visit: Visit, supervisor: Supervisor, toy_page: str
) -> None:
    mine = begun(supervisor, RunSpec(dataset="digits"))
    theirs = begun(supervisor, RunSpec(task="toy", dataset="digits"))
    page = visit(f"run={mine}&compare={theirs}")
    assert page.session_state.run == mine and page.session_state.compare == []
    offered = page.selectbox(key="run-shown").options
    assert any("#1" in each for each in offered) and not any("#2" in each for each in offered)
    assert "error has occurred" not in said(page)
