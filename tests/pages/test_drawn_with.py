"""A page that is drawn while its runs go on, and a session that has lost what it held."""

from collections.abc import Callable
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.parts import session
from playground.runs.store import RunRecord
from playground.runs.supervisor import Supervisor
from playground.spec import RunSpec
from playground.training.events import Failed, Preparing
from tests.pages.conftest import FRAME, Visit, said
from tests.pages.test_playground import begun

PAGES = ["", "feature_maps.py", "embedding.py", "fitting.py", "named_losses.py"]
DIGITS = RunSpec(dataset="digits")


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> dict[str, float | None]:
    """How often each fragment of a page looks, in seconds, by its function."""
    found: dict[str, float | None] = {}
    fragment = st.fragment

    def noted(function: Callable[..., None], run_every: float | None = None) -> Any:
        found[function.__name__] = run_every
        return fragment(function, run_every=run_every)

    monkeypatch.setattr(st, "fragment", noted)
    return found


@pytest.mark.parametrize("at", PAGES[:4])
def test_a_run_that_fails_while_the_page_is_drawn_leaves_nothing_stuck(
    visit: Visit,
    warm: Supervisor,
    monkeypatch: pytest.MonkeyPatch,
    ticks: dict[str, float | None],
    at: str,
) -> None:
    """Whichever of the page's looks at it is the first to find it failed: the page has its end or
    goes on looking."""
    read = warm.store.run
    page = visit(at=at)
    for looks in range(1, 20):
        run_id = warm.store.create(DIGITS, "me")
        warm.store.record(run_id, Preparing("Reading"))
        left = looks

        def failing(asked: str, run_id: str = run_id) -> RunRecord | None:
            nonlocal left
            left -= asked == run_id
            if left == 0:
                warm.store.record(run_id, Failed(0, "spec", f"Teacher {run_id}.", "Take another."))
            return read(asked)

        monkeypatch.setattr(warm.store, "run", failing)
        page.session_state["run"] = run_id
        page.run()
        assert not page.exception, page.exception
        while page.button(key="train").disabled and left <= 0:
            assert ticks["_steering"], looks
            page.run()
        if left > 0:
            break
        assert not page.button(key="train").disabled, looks
        assert page.button(key="stop").disabled, looks
        assert f"Teacher {run_id}." in said(page), looks
    assert looks > 1


def test_who_can_steer_nothing_looks_less_often(
    visit: Visit, warm: Supervisor, ticks: dict[str, float | None]
) -> None:
    """A tick is a script run, and thirty who look at one run are thirty of them."""
    page = visit()
    for owner, seconds in ((page.session_state["visitor"], 1.0), ("somebody", 5.0)):
        page.session_state["run"] = warm.store.create(DIGITS, owner)
        page.run()
        assert ticks["_steering"] == seconds


@pytest.mark.parametrize("at", PAGES[:4])
def test_train_is_free_when_the_shown_run_has_ended_and_one_beside_it_has_not(
    visit: Visit, warm: Supervisor, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    shown, beside = begun(warm, DIGITS), begun(warm, DIGITS.model_copy(update={"seed": 1}))
    page = visit(f"run={shown}&compare={beside}", at=at)
    assert page.button(key="train").disabled
    read, left = warm.store.run, 1

    def ending(asked: str) -> RunRecord | None:
        nonlocal left
        found = read(asked)
        if asked == shown and left:
            left = 0
            warm.store.set_state(shown, "stopped", "")
        return found

    monkeypatch.setattr(warm.store, "run", ending)
    page.run()
    assert not page.button(key="train").disabled


@pytest.mark.parametrize("at", PAGES)
@pytest.mark.parametrize("first", range(3))
def test_a_key_that_the_session_has_lost_is_what_it_was(
    visit: Visit, warm: Supervisor, first: int, at: str
) -> None:
    """As after a script run that a quick click broke off before it came to a control."""
    query = "dataset=digits&smoothing=0.3&log=1&width=8&metrics=brier&loss=focal&loss.gamma=3"
    before = visit(query + "&sweep=l2&lesson=2&group=Robust&image=3", at=at)
    address = dict(before.query_params)
    held = {key: before.session_state[key] for key in session.declared()}
    rest = {key: before.session_state[key] for key in ("kept", "url_spec", "page", "visitor")}
    lost = session.declared()[first::3]
    page = AppTest.from_file(str(FRAME), default_timeout=30)
    for key, value in {**rest, **held}.items():
        if key not in lost:
            page.session_state[key] = value
    if at:
        page.switch_page(at)
    page.run()
    assert not page.exception, (lost, page.exception)
    assert {key: page.session_state[key] for key in lost} == {key: held[key] for key in lost}
    assert dict(page.query_params) == address


@pytest.mark.parametrize("at", PAGES)
def test_a_session_that_has_lost_everything_is_a_first_visit(
    visit: Visit, warm: Supervisor, at: str
) -> None:
    known = visit(at=at)
    page = AppTest.from_file(str(FRAME), default_timeout=30)
    page.session_state["url_spec"] = {}
    page.session_state["page"] = known.session_state["page"]
    if at:
        page.switch_page(at)
    page.run()
    assert not page.exception, page.exception
