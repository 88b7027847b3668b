"""Lessons that a teacher pins: what everybody sees of them, and who may pin, order and unpin."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from playground.errors import StoreError
from playground.runs.pins import Pin
from playground.runs.supervisor import Supervisor
from playground.settings import settings
from playground.spec import RunSpec
from tests.pages.conftest import said
from tests.pages.test_class_page import PUPIL, TEACHER, Seen, login, owner, seen

__all__ = ["login", "seen"]  # fixtures
BOLD = "**b** <b>x</b> :red[y] $z$"


def parts() -> None:
    """All that is shown of pinned lessons, without the pages that it stands on."""
    import streamlit as st

    from pages.parts import pinned, problems, session

    session.PAGE.set("fitting")
    session.ADDRESS.set({"lesson": "3"})
    session.ADDRESS_IS_BARE.set(st.session_state.get("early", False))
    problems.recall()
    pinned.pinning()
    if st.session_state["bare"]:
        pinned.offered()
    else:
        pinned.arranging()


def part(user: dict[str, Any], bare: bool = False) -> AppTest:
    """Those that only a teacher is given, or, `bare`, what stands on everybody's page."""
    page = AppTest.from_function(parts, default_timeout=60)
    page.user, page.session_state["bare"] = user, bare
    page.run()
    assert not page.exception
    return page


def add(supervisor: Supervisor, *titles: str, page: str = "race", **query: str) -> list[Pin]:
    """The pinned lessons with these, which are new."""
    for title in titles:
        supervisor.store.pins.add(title, page, query, owner(TEACHER), 12)
    return supervisor.store.pins.listed()


def titles(supervisor: Supervisor) -> list[str]:
    return [pin.title for pin in supervisor.store.pins.listed()]


def opened(page: AppTest, number: int = 1) -> AppTest:
    """What stands there after the lesson of this number was pressed."""
    button = next(each for each in page.button if each.label == f"Lesson {number}")
    found = button.click().run()
    assert not found.exception
    return found


def test_titles_are_texts_and_no_markdown(login: str, supervisor: Supervisor) -> None:
    add(supervisor, BOLD)
    for page in (part(TEACHER), part(PUPIL, bare=True)):
        assert BOLD in [text.value for text in page.text]
        assert not any(BOLD in each.value for each in [*page.markdown, *page.caption])
        assert not any(BOLD in f"{each.label} {each.help}" for each in page.button)


def test_a_lesson_leaves_what_stood_on_the_page_before(
    seen: Seen, login: str, supervisor: Supervisor
) -> None:
    run = supervisor.store.create(
        RunSpec(task="incremental", dataset="digits", width=5), owner(TEACHER)
    )
    add(supervisor, "one", page="incremental", run=run)
    page = seen(PUPIL, page="")
    page.slider(key="spec.width").set_value(24)
    page = opened(page)
    assert page.session_state["spec.task"] == "incremental"
    assert page.session_state["run"] == run and page.slider(key="spec.width").value == 5
    page = page.switch_page("playground.py").run()
    assert page.session_state["spec.task"] == "classification"
    assert page.slider(key="spec.width").value == 24


def test_a_teacher_orders_and_unpins(login: str, supervisor: Supervisor) -> None:
    first, _, last = (pin.id for pin in add(supervisor, "one", "two", "three"))
    page = part(TEACHER)
    assert page.button(key=f"up-{first}").disabled and page.button(key=f"down-{last}").disabled
    page.button(key=f"up-{last}").click().run()
    assert titles(supervisor) == ["one", "three", "two"]
    page.button(key=f"down-{first}").click().run()
    assert titles(supervisor) == ["three", "one", "two"]
    page.button(key=f"unpin-{first}").click().run()
    assert titles(supervisor) == ["three", "two"]
    bare = [text.value for text in part(PUPIL, bare=True).text]
    assert [text for text in bare if text in ("one", "two", "three")] == ["three", "two"]


@pytest.mark.parametrize("press", ["pin", "up", "unpin"])
def test_who_is_no_teacher_pins_nothing_and_moves_nothing(
    login: str, supervisor: Supervisor, press: str
) -> None:
    """The buttons were drawn for a teacher, and are pressed by somebody else."""
    last = add(supervisor, "one", "two")[-1].id
    page = part(TEACHER)
    page.text_input(key="pin-title").set_value("three")
    page.user = PUPIL
    page.button(key=press if press == "pin" else f"{press}-{last}").click().run()
    assert titles(supervisor) == ["one", "two"]


def test_what_cannot_be_pinned_is_said_beside_the_field(login: str, supervisor: Supervisor) -> None:
    page = part(TEACHER)
    page.button(key="pin").click().run()
    assert "A pinned lesson needs a title." in said(page)
    page.session_state["early"] = True  # a page that was come to and is not drawn to its end
    page.run()
    page.text_input(key="pin-title").set_value("one")
    page.button(key="pin").click().run()
    assert "The page is not drawn yet." in said(page) and not titles(supervisor)
    page.session_state["early"] = False
    page.run()
    add(supervisor, *map(str, range(settings().pins)))
    page.text_input(key="pin-title").set_value("one")
    page.button(key="pin").click().run()
    assert "12 lessons are pinned, and there may be at most 12. Unpin one" in said(page)
    assert len(titles(supervisor)) == 12


def test_what_cannot_be_read_or_written_is_said(
    login: str, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pin,) = add(supervisor, "one")
    page = part(TEACHER)

    def fails(*_: Any) -> None:
        raise StoreError("The store is locked.", "Wait.")

    monkeypatch.setattr(supervisor.store.pins, "remove", fails)
    page.button(key=f"unpin-{pin.id}").click().run()
    assert not page.exception and "The store is locked." in said(page)
    monkeypatch.setattr(supervisor.store.pins, "listed", fails)
    assert "The store is locked." in said(part(PUPIL, bare=True))


def test_without_a_login_and_of_pages_of_another_version_there_is_nothing(
    supervisor: Supervisor, request: pytest.FixtureRequest
) -> None:
    add(supervisor, "one")
    assert "one" not in said(part(TEACHER, bare=True))
    request.getfixturevalue("login")
    assert "one" in said(part(TEACHER, bare=True))
    supervisor.store.pins.remove(supervisor.store.pins.listed()[0].id)
    add(supervisor, "two", page="holograms")
    assert "two" not in said(part(TEACHER, bare=True))
