"""Who logs in, and what a teacher sees and may do: by pages and by routes."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from streamlit.testing.v1 import AppTest

from pages.live import doors
from playground import logs
from playground.people import person_of
from playground.runs.records import TERMINAL
from playground.runs.supervisor import Supervisor
from playground.settings import settings
from playground.spec import RunSpec
from tests.pages.conftest import FRAME, said
from tests.pages.live.test_routes import Answer, ask, finished

PUPIL = {"is_logged_in": True, "iss": "https://id.example", "sub": "1", "name": "*Ada*"}
TEACHER = {**PUPIL, "sub": "2", "name": "Grace", "email": "t@x", "email_verified": True}
Seen = Callable[..., AppTest]


@pytest.fixture
def login(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """How it is set: "required", unless a test says otherwise."""
    how = getattr(request, "param", "required")
    monkeypatch.setenv("PLAYGROUND_LOGIN", how)
    monkeypatch.setenv("PLAYGROUND_TEACHERS", "t@x")
    settings.cache_clear()
    yield how
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def seen(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> Seen:
    """The page Class as somebody sees it."""

    def at(user: dict[str, Any], page: str = "class_runs.py") -> AppTest:
        test = AppTest.from_file(FRAME, default_timeout=60)
        test.user = user
        test.run()
        return test.switch_page(page).run() if page else test

    return at


def owner(claims: dict[str, Any]) -> str:
    return person_of(claims, "", settings()).owner


def begun(supervisor: Supervisor, owner: str, loss: str = "cross_entropy") -> str:
    return supervisor.store.create(RunSpec(dataset="digits", loss=loss), owner)


def test_a_teacher_sees_the_runs_of_all_and_stops_one(
    seen: Seen, login: str, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, ...]] = []
    monkeypatch.setattr(supervisor, "command", lambda *given: told.append(given))
    run = begun(supervisor, owner(PUPIL), "-log(p_true)  # **bold** <b>")
    mine, terminals = begun(supervisor, owner(TEACHER)), begun(supervisor, TERMINAL)
    page = seen(TEACHER)
    assert not page.exception and [title.value for title in page.title] == ["Class"]
    shown = "\n".join(text.value for text in page.text)
    assert logs.who(owner(PUPIL)) in shown and "a terminal" in shown
    stops = {button.key for button in page.button if str(button.key).startswith("stop-")}
    assert stops == {f"stop-{run}", f"stop-{mine}"} and f"stop-{terminals}" not in stops
    page.button(key=f"stop-{run}").click().run()
    assert told == [(run, owner(PUPIL), "stop")]


@pytest.mark.parametrize("user", [PUPIL, {"is_logged_in": False}, {}])
def test_nobody_else_sees_them_whatever_they_open(
    login: str, supervisor: Supervisor, user: dict[str, Any]
) -> None:
    begun(supervisor, owner(TEACHER))
    page = AppTest.from_file(FRAME.parent / "class_runs.py", default_timeout=60)
    page.user = user
    page.run()
    assert not page.exception and said(page) == "This page is for teachers." and not page.button


def test_the_menu_has_the_page_for_teachers_alone(seen: Seen, login: str) -> None:
    with pytest.raises(ValueError, match="class_runs"):
        seen(PUPIL)


def test_a_pupil_in_a_session_that_taught_before_stops_nothing(
    seen: Seen, login: str, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The button was drawn for a teacher, and is pressed by somebody else."""
    run = begun(supervisor, "you" * 10)
    page = seen(TEACHER)
    page.user = PUPIL
    page.button(key=f"stop-{run}").click().run()
    assert supervisor.store.run(run).live


def test_who_logs_in_has_own_runs_in_every_browser(
    seen: Seen, login: str, supervisor: Supervisor
) -> None:
    page = seen(PUPIL, page="")
    assert not page.exception
    assert "*Ada*" in [text.value for text in page.sidebar.text]  # as text, no Markdown
    assert any(logs.who(owner(PUPIL)) in (text.help or "") for text in page.sidebar.text)


@pytest.mark.parametrize("login", ["offered", "required"], indirect=True)
def test_the_door_is_shut_where_a_login_is_required(
    seen: Seen, login: str, supervisor: Supervisor
) -> None:
    page = seen({"is_logged_in": False}, page="")
    assert not page.exception
    trains = any(button.key == "train" for button in page.button)
    assert trains == (login == "offered")
    assert any(button.key == "log-in" for button in page.button)


def test_without_a_login_nothing_is_said_of_one(seen: Seen) -> None:
    page = seen(TEACHER, page="")
    assert not [button for button in page.button if str(button.key).startswith("log-")]
    assert "Grace" not in said(page)


# Routes

ME = "m" * 32


def answer(path: str, cookie: str = f"playground_visitor={ME}") -> int:
    async def plain(request: Any) -> PlainTextResponse:
        return PlainTextResponse("here")

    app = doors.Door(Starlette(routes=[Route("/{path:path}", plain)]))

    async def scenario() -> Answer:
        return await ask(app, path, Answer(), host="localhost", cookie=cookie)

    return finished(scenario).status


@pytest.mark.parametrize("login", ["offered", "required"], indirect=True)
def test_routes_answer_browsers_that_are_logged_in(
    login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    own = doors.Doors(lambda: now[0])
    monkeypatch.setattr(doors, "doors", own)
    shut = 401 if login == "required" else 200
    for path in ("/live/stream?runs=x", "/live/check", "/live/strip/x.png", "/live/assetsx"):
        assert answer(path) == shut
    assert answer("/live/assets/1/view.js") == answer("/healthz") == answer("/") == 200
    own.admit(ME)
    assert answer("/live/stream?runs=x") == 200
    assert answer("/live/stream?runs=x", "playground_visitor=short") == shut
    assert answer("/live/stream?runs=x", "") == shut
    now[0] += doors.ADMITTED_SECONDS + 1
    assert answer("/live/stream?runs=x") == shut
    own.admit(ME)
    own.shut(ME)
    assert answer("/live/stream?runs=x") == shut


@pytest.mark.parametrize("user", [PUPIL, {"is_logged_in": False}])
def test_who_watches_a_run_for_hours_stays_admitted(
    login: str, monkeypatch: pytest.MonkeyPatch, user: dict[str, Any]
) -> None:
    """The page is drawn once; after that only the fragments that follow the run are."""

    def fragment() -> None:
        from pages.parts import rerun

        rerun.follow()

    own = doors.Doors()
    monkeypatch.setattr("pages.parts.login.doors", own)
    page = AppTest.from_function(fragment)
    page.user, page.session_state["visitor"] = user, ME
    page.run()
    assert not page.exception and own.open(ME) == (user == PUPIL)


def test_only_so_many_browsers_are_remembered() -> None:
    own = doors.Doors()
    for number in range(doors.MOST + 5):
        own.admit(f"{number:032}")
    assert not own.open(f"{0:032}") and own.open(f"{doors.MOST:032}")
    own.admit("nobody")
    assert not own.open("nobody")
