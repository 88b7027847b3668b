"""The page by itself: a real store and a supervisor whose workers were never started."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import streamlit as st
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.testing.v1 import AppTest

import losses
from playground import datasets
from playground.runs import supervisor as module
from playground.runs.store import open_store
from playground.runs.supervisor import Supervisor
from playground.settings import Settings

FRAME = Path(__file__).parents[2] / "pages" / "frame.py"
Visit = Callable[..., AppTest]


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    """The service of the page under test; no data set but digits is on this machine."""
    config = Settings(home=tmp_path, data=tmp_path / "data", download=False, workers=1)
    found = Supervisor(config, open_store(config))
    monkeypatch.setattr(module, "service", lambda: found)
    # A page that looks would start a worker.
    monkeypatch.setattr(found.questions, "start_looking", lambda: None)
    for each in (datasets, datasets.files):
        monkeypatch.setattr(each, "settings", lambda: config)
    st.cache_data.clear()
    st.cache_resource.clear()
    yield found
    found.store.close()


@pytest.fixture
def warm(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    """The same with answers about losses, without the numbers that need TensorFlow."""

    def check(text: str, parameters: dict[str, float], **_: Any) -> dict[str, Any]:
        found = {"ok": True, "error": None, "warnings": [], "inputs": [], "parameters": []}
        if not text.isidentifier():
            found = losses.check(text, numeric=False, **parameters)
        return found

    status = supervisor.status
    monkeypatch.setattr(supervisor, "status", lambda: {**status(), "checking": True})
    answer(
        monkeypatch,
        supervisor,
        check=check,
        doctor=lambda text, parameters, task, classes: {"findings": verdicts(text)},
        catalog=lambda: [info.as_dict() for info in losses.catalog()],
        metrics=lambda: [info.as_dict() for info in losses.metrics()],
        metric=lambda text, classes: losses.check(text, metric=True),
    )
    return supervisor


def answer(
    monkeypatch: pytest.MonkeyPatch, supervisor: Supervisor, **answers: Callable[..., Any]
) -> None:
    """Lets these functions answer the questions of their names, in the place of a worker."""
    before = supervisor.questions.ask

    def ask(name: str, visitor: str = "", newest: bool = False, /, **fields: Any) -> Any:
        if name in answers:
            return answers[name](**fields)
        return before(name, visitor, newest, **fields)

    monkeypatch.setattr(supervisor.questions, "ask", ask)


def verdicts(text: str) -> list[dict[str, Any]]:
    """What the doctor might say: proper where the text has a logarithm in it."""
    states = dict.fromkeys(("sound", "calibrated"), "yes")
    states |= {"proper": "yes" if "log" in text else "no", "symmetric": "n/a", "convex": "unknown"}
    return [
        {"name": name, "title": name.title(), "state": state, "sentence": f"{name} is {state}.",
         "evidence": {}}
        for name, state in states.items()
    ]  # fmt: skip


@pytest.fixture
def visit(supervisor: Supervisor) -> Visit:
    """Opens the app as a visitor ("me" unless said otherwise) with a query, and walks to the page
    `at`, if one is named."""

    def opened(query: str = "", visitor: str = "me", at: str = "") -> AppTest:
        page = AppTest.from_file(str(FRAME), default_timeout=30)
        page.session_state["visitor"] = visitor
        for name, value in parse_qsl(query, keep_blank_values=True):
            page.query_params[name] = value
        page.run()
        if at:
            page.switch_page(at).run()
        assert not page.exception, page.exception
        return page

    return opened


def slid(page: AppTest, key: str) -> dict[str, Any]:
    """What a slider of ours is given."""
    given: dict[str, Any] = json.loads(_slider(page, key).proto.json)
    return given


def slide(page: AppTest, key: str, value: Any) -> None:
    """Moves a slider of ours, as its script says that to the page."""
    said = {"moved": {"value": value, "moves": slid(page, key)["heard"] + 1}}
    states = page._tree.get_widget_states()
    kept = [each for each in states.widgets if each.id != _slider(page, key).proto.id]
    moved = WidgetState(id=_slider(page, key).proto.id, json_value=json.dumps(said))
    page._run(WidgetStates(widgets=[*kept, moved]))


def _slider(page: AppTest, key: str) -> Any:
    (found,) = (each for each in page.get("bidi_component") if each.proto.id.endswith(f"-{key}"))
    return found


def said(page: AppTest) -> str:
    """All plain text and captions on the page."""
    return "\n".join(element.value for element in [*page.text, *page.caption])
