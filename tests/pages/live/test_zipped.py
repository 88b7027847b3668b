"""Streamlit's scripts are zipped once, and all else is as Streamlit gives it."""

import gzip
from pathlib import Path

import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Message, Receive, Scope, Send
from streamlit.web.server.starlette.starlette_static_routes import create_streamlit_static_handler

from pages.live import zipped
from tests.pages.live.test_feed import finished
from tests.pages.live.test_routes import Answer, ask

STATIC = Path(st.__file__).parent / "static"
SCRIPT = min((STATIC / "static" / "js").glob("index.*.js"), key=lambda each: each.stat().st_size)
PATH = f"/static/js/{SCRIPT.name}"
ZIPS = {"accept_encoding": "gzip, deflate, br"}


@pytest.fixture
def asked() -> list[str]:
    """What came to Streamlit."""
    return []


@pytest.fixture
def app(asked: list[str]) -> Starlette:
    static = create_streamlit_static_handler(directory=str(STATIC), base_url=None)

    async def noted(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        asked.append(scope["path"])
        await static(scope, receive, send)

    async def other(request: Request) -> Response:
        return PlainTextResponse("x" * 9999)

    routes = [Route("/other", other), Mount("/", app=noted)]
    return Starlette(routes=routes, middleware=[Middleware(zipped.Zipped)])


def test_a_script_is_read_and_zipped_once(app: Starlette, asked: list[str]) -> None:
    for _ in range(3):
        found = finished(ask(app, PATH, Answer(), **ZIPS))
        assert gzip.decompress(found.body) == SCRIPT.read_bytes()
        assert found.headers["content-encoding"] == "gzip"
        assert int(found.headers["content-length"]) == len(found.body)
        assert "immutable" in found.headers["cache-control"]
        assert "javascript" in found.headers["content-type"] and "etag" not in found.headers
    assert asked == [PATH]


def test_of_the_names_of_a_file_one_is_kept_and_nobody_writes_into_what_is(
    app: Starlette, asked: list[str]
) -> None:
    middleware = zipped.Zipped(app.router)
    for path in ("/static/./js/", "/static//js/", "/static/js/././"):
        finished(ask(middleware, path + SCRIPT.name, Answer(), **ZIPS))
    assert not middleware._kept

    async def adding(scope: Scope, receive: Receive, send: Send) -> None:
        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("set-cookie", "a=b")
            await send(message)

        await middleware(scope, receive, add)

    for _ in range(2):
        found = finished(ask(adding, PATH, Answer(), **ZIPS))
        assert found.headers["set-cookie"] == "a=b"
    [kept] = middleware._kept.values()
    assert b"set-cookie" not in dict(kept[0]["headers"])


def test_who_takes_nothing_zipped_or_a_part_gets_it_as_it_is(
    app: Starlette, asked: list[str]
) -> None:
    assert finished(ask(app, PATH, Answer())).body == SCRIPT.read_bytes()
    part = finished(ask(app, PATH, Answer(), **ZIPS, range="bytes=0-9"))
    assert part.status == 206 and part.body == SCRIPT.read_bytes()[:10]
    assert finished(ask(app, PATH, Answer(), method="HEAD", **ZIPS)).body == b""
    for refuses in ("gzip;q=0", "br, gzip ; q=0.0", "gzip;q=0, br", "notgzip, x-gzip2", ""):
        assert finished(ask(app, PATH, Answer(), accept_encoding=refuses)).body[:2] != b"\x1f\x8b"
    assert len(asked) == 8
    for takes in ("gzip", "GZIP;q=0.5", "br,gzip;q=1.0", "br, gzip ,x"):
        assert finished(ask(app, PATH, Answer(), accept_encoding=takes)).body[:2] == b"\x1f\x8b"


def test_what_is_not_there_or_no_text_or_elsewhere_is_not_kept(
    app: Starlette, asked: list[str]
) -> None:
    font = next((STATIC / "static" / "media").glob("*.woff2"))
    for _ in range(2):
        page = finished(ask(app, "/static/js/none.js", Answer(), **ZIPS))
        assert page.body == (STATIC / "index.html").read_bytes()  # as a page of the app
        found = finished(ask(app, f"/static/media/{font.name}", Answer(), **ZIPS))
        assert found.body == font.read_bytes()
        assert finished(ask(app, "/other", Answer(), **ZIPS)).body == b"x" * 9999
    assert len(asked) == 4
