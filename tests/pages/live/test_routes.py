"""The routes and what stands before them, asked as ASGI applications: whom they answer, and what
unknown and too many streams get."""

import asyncio
import json
import types
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from streamlit import config

from pages.live import feed as feed_module
from pages.live import routes
from pages.live.headers import NOBODY
from pages.live.hosts import Hosts
from playground.errors import StoreError
from playground.runs.rates import TooOften
from playground.runs.store import Store
from playground.settings import Settings
from tests.browser.recording import Recording

ME = {"cookie": "playground_visitor=" + "m" * 24}


class Answer:
    """What came, and what says that the one who asked has gone."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.bodies = 0
        self.gone = asyncio.Event()
        self.ended = False

    @property
    def events(self) -> list[dict[str, Any]]:
        rows = self.body.split(b"\n\n")
        return [json.loads(row[5:]) for row in rows if row.startswith(b"data:")]


async def ask(app: Any, path: str, answer: Answer, method: str = "GET", **headers: str) -> Answer:
    """Runs until the answer has ended or `answer.gone` is set."""
    asked = [headers.pop("body", "").encode()]

    async def receive() -> Any:
        if asked:
            return {"type": "http.request", "body": asked.pop()}
        await answer.gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            answer.body += message["body"]
            answer.bodies += bool(message["body"])
            answer.ended = not message.get("more_body", False)

    route, _, query = path.partition("?")
    scope = {
        "type": "http",
        "scheme": "http",
        "method": method,
        "path": route,
        "raw_path": route.encode(),
        "query_string": query.encode(),
        "headers": [
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ],
    }
    await app(scope, receive, send)
    return answer


def finished(scenario: Any) -> Any:
    """What a coroutine function gives, from a loop in a thread of its own."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(scenario())).result(30)


async def until(condition: Any) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("waited in vain")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{(tmp_path / 'store.sqlite').as_posix()}", tmp_path)
    yield store
    store.close()


class Service:
    def __init__(self, store: Store) -> None:
        self.store = store

    def place(self, run_id: str) -> int | None:
        return None

    wait_seconds = waits_for = place


@pytest.fixture
def app(store: Store, monkeypatch: pytest.MonkeyPatch) -> Starlette:
    service = Service(store)
    monkeypatch.setattr(routes, "service", lambda: service)
    monkeypatch.setattr(routes, "settings", lambda: Settings(streams_per_visitor=2))
    monkeypatch.setattr(routes, "feed", feed_module.Feed(lambda: store, lambda: service))
    monkeypatch.setattr(routes, "streams", type(routes.streams)())
    return Starlette(routes=routes.routes())


# Streams


def test_a_stream_of_unknown_runs_says_so_and_ends(app: Starlette) -> None:
    async def scenario() -> Answer:
        return await ask(app, "/live/stream?runs=one,other", Answer(), host="localhost")

    found = finished(scenario)
    assert found.status == 200 and found.ended
    assert [(event["run"], event["state"]) for event in found.events] == [
        ("one", "unknown"),
        ("other", "unknown"),
    ]
    assert not routes.feed._watches


def test_an_unknown_run_beside_a_known_one_is_not_watched(app: Starlette, store: Store) -> None:
    run = Recording(store).begin().advance(5)

    async def scenario() -> Answer:
        answer = Answer()
        asking = asyncio.create_task(ask(app, f"/live/stream?runs=one,{run.id}", answer))
        await until(lambda: len(answer.events) == 2)
        assert list(routes.feed._watches) == [run.id]
        answer.gone.set()
        await asking
        return answer

    states = {event["run"]: event["state"] for event in finished(scenario).events}
    assert states == {"one": "unknown", run.id: "running"}


def test_while_the_store_cannot_be_read_a_stream_goes_on(
    app: Starlette, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(run_id: str) -> None:
        raise StoreError("The store cannot be read.", "Free some space.")

    monkeypatch.setattr(store, "run", refuse)

    async def scenario() -> Answer:
        answer = Answer()
        asking = asyncio.create_task(ask(app, "/live/stream?runs=one", answer))
        await until(lambda: answer.events)
        answer.gone.set()
        await asking
        return answer

    assert "cannot be read" in finished(scenario).events[0]["trouble"]


@pytest.mark.parametrize("mine", [ME, {}, {"cookie": "playground_visitor=x"}])
def test_the_streams_of_a_visitor_are_bounded(app: Starlette, store: Store, mine: dict) -> None:
    run = Recording(store).begin()
    path = f"/live/stream?runs={run.id}"

    async def scenario() -> None:
        open_ones = [Answer() for _ in range(2)]
        asking = [asyncio.create_task(ask(app, path, one, **mine)) for one in open_ones]
        await until(lambda: all(one.events for one in open_ones))
        refused = await ask(app, path, Answer(), **mine)
        assert refused.status == 429 and refused.ended
        other = Answer()
        asking.append(
            asyncio.create_task(ask(app, path, other, cookie="playground_visitor=" + "o" * 24))
        )
        await until(lambda: other.events)  # a neighbour's goes on
        open_ones[0].gone.set()
        await until(lambda: routes.streams[ME["cookie"][19:] if mine == ME else NOBODY] == 1)
        again = Answer()
        asking.append(asyncio.create_task(ask(app, path, again, **mine)))
        await until(lambda: again.events)
        for one in (*open_ones, other, again):
            one.gone.set()
        await asyncio.gather(*asking)

    finished(scenario)
    assert not routes.streams and not routes.feed._watches


def test_a_viewer_gets_few_messages_however_much_happens(app: Starlette, store: Store) -> None:
    """Fifty evaluations in two and a half seconds, each of which wakes the feed."""
    run = Recording(store).begin()

    async def scenario() -> tuple[int, float, Answer]:
        answer, clock = Answer(), asyncio.get_running_loop().time
        asking = asyncio.create_task(ask(app, f"/live/stream?runs={run.id}", answer))
        await until(lambda: answer.events)
        before, began = answer.bodies, clock()
        for number in range(50):
            await asyncio.to_thread(run.advance(2).evaluate, 0.5 + number / 1000)
            routes.feed.wake(run.id)
            await asyncio.sleep(0.05)
        passed = clock() - began
        said = answer.bodies - before
        await until(lambda: answer.events[-1].get("step") == 100)
        answer.gone.set()
        await asking
        return said, passed, answer

    said, passed, answer = finished(scenario)
    assert said <= 4 * passed + 1
    ends = [event["series"]["validation_loss"]["end"] for event in answer.events[1:]
            if "validation_loss" in event.get("series", {})]  # fmt: skip
    assert ends[-1] == 100  # nothing is left out


def test_what_is_awaited_does_not_wait_for_its_turn(
    app: Starlette, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first point and a pause, however long other news are held back."""
    run = Recording(store).begin()

    async def scenario() -> Answer:
        answer = Answer()
        asking = asyncio.create_task(ask(app, f"/live/stream?runs={run.id}", answer))
        await until(lambda: answer.events)
        monkeypatch.setattr(routes, "LEAST_SECONDS", 600.0)
        monkeypatch.setattr(feed_module, "LEAST_SECONDS", 600.0)
        for state in ("", "paused", "running"):
            before = len(answer.events)
            run.change("state", "", state) if state else run.advance(5)
            routes.feed.wake(run.id, True)
            await until(lambda before=before: len(answer.events) > before)
        answer.gone.set()
        await asking
        return answer

    answer = finished(scenario)
    assert [event.get("state") for event in answer.events[-3:]] == [None, "paused", "running"]
    assert answer.events[-3]["series"]["loss"]["end"] == 5


# Whom the server answers


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Starlette:
    """Answers "here" to whoever calls it by a name of this configuration."""

    async def here(request: Any) -> PlainTextResponse:
        return PlainTextResponse("here")

    allowed = ["localhost", "127.0.0.1", "::1"]
    monkeypatch.setattr(
        config, "get_option", lambda name: allowed if name == "server.allowedHosts" else ""
    )
    paths = ["/", "/live/check", "/_stcore/health"]
    return Starlette(routes=[Route(path, here) for path in paths], middleware=[Middleware(Hosts)])


@pytest.mark.parametrize(
    ("host", "path", "status"),
    [
        ("localhost:8501", "/", 200),
        ("127.0.0.1", "/live/check", 200),
        ("[::1]:8501", "/live/check", 200),
        ("LOCALHOST", "/live/check", 200),
        ("evil.example", "/", 403),
        ("evil.example:8501", "/live/check", 403),
        ("localhost.evil.example", "/live/check", 403),
        ("localhost@evil.example", "/live/check", 403),
        ("", "/live/check", 403),
        (None, "/live/check", 403),
        ("10.0.0.7:8501", "/_stcore/health", 200),
    ],
)
def test_only_names_of_the_configuration_are_answered(
    named: Starlette, host: str | None, path: str, status: int
) -> None:
    async def scenario() -> Answer:
        return await ask(named, path, Answer(), **({} if host is None else {"host": host}))

    found = finished(scenario)
    assert found.status == status
    assert (found.body == b"here") == (status == 200)
    if status == 403:
        assert b"--server.allowedHosts" in found.body


def test_the_configuration_that_is_shipped_allows_this_machine_alone() -> None:
    import tomllib

    shipped = tomllib.loads((Path(__file__).parents[3] / ".streamlit/config.toml").read_text())
    assert shipped["server"]["address"] == "localhost"
    assert shipped["server"]["allowedHosts"] == ["localhost", "127.0.0.1", "::1"]


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({"sec_fetch_site": "same-origin"}, False),
        ({"sec_fetch_site": "none"}, False),
        ({"sec_fetch_site": "cross-site"}, True),
        ({"sec_fetch_site": "same-site", "origin": "http://localhost:8501"}, True),
        ({}, False),
        ({"origin": "http://localhost:8501"}, False),
        ({"origin": "https://localhost:8501"}, False),  # TLS ends at a proxy
        ({"origin": "http://localhost:9999"}, True),
        ({"origin": "http://evil.example"}, True),
        ({"origin": "null"}, True),
        ({"origin": "http://[bad"}, True),
        ({"origin": ""}, True),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/live/check"),
        ("POST", "/live/portrait"),
        ("POST", "/live/look"),
        ("GET", "/live/stream?runs=one"),
    ],
)
def test_another_sites_page_is_refused(
    app: Starlette, method: str, path: str, headers: dict[str, str], refused: bool
) -> None:
    async def scenario() -> Answer:
        return await ask(app, path, Answer(), method, host="localhost:8501", **headers)

    found = finished(scenario)
    assert (found.status == 403) == refused
    assert found.status != 403 or b"app's own page" in found.body


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("POST", "/live/nonsense", 404, b"no such question"),
        ("POST", "/live/file", 404, b"no such question"),  # asked by pages alone
        ("POST", "/live/sample", 404, b"no such question"),
        ("POST", "/live/look", 404, b"no such question"),  # it does not say at what
        ("GET", "/live/catalog", 404, b"no such question"),
        ("GET", "/live/check", 404, b"no such question"),
        ("POST", "/live/check", 400, b"text: expected a text"),
        ("POST", "/live/portrait", 400, b"text: expected a text"),
        ("POST", "/live/maps", 400, b"run: expected the id of a run"),
    ],
)
def test_only_public_questions_are_asked_and_a_missing_field_is_named(
    app: Starlette, method: str, path: str, status: int, said: bytes
) -> None:
    async def scenario() -> Answer:
        return await ask(app, path, Answer(), method, host="localhost:8501", body="{}")

    found = finished(scenario)
    assert found.status == status and said in found.body


def test_who_asks_too_often_is_told_when_to_ask_again(app: Starlette) -> None:
    def asked(name: str, visitor: str, newest: bool, **fields: object) -> None:
        raise TooOften("You have asked for 5 checks this minute; go on in 12 s.", 12)

    routes.service().questions = types.SimpleNamespace(ask=asked)
    found = Answer()

    async def scenario() -> Answer:
        body = json.dumps({"text": "log(p)"})
        return await ask(app, "/live/check", found, "POST", host="localhost:8501", body=body)

    finished(scenario)
    assert found.status == 429 and found.headers["retry-after"] == "12"
    assert "go on in 12 s" in json.loads(found.body)["refused"]


@pytest.mark.parametrize(
    ("of", "status"), [("images", 200), ("labels", 404), ("probabilities", 404), ("../x", 404)]
)
def test_a_strip_is_of_images_alone(app: Starlette, store: Store, of: str, status: int) -> None:
    run = Recording(store).begin()

    async def scenario() -> Answer:
        return await ask(app, f"/live/strip/{run.id}.png?of={of}", Answer(), host="localhost:8501")

    found = finished(scenario)
    assert found.status == status
    assert found.body.startswith(b"\x89PNG") == (status == 200)
