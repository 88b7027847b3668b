"""Streamlit's page is told where its server is, and nothing else is touched."""

import base64
import gzip
import hashlib
from pathlib import Path

import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, PlainTextResponse
from starlette.routing import Route

from pages.live import front
from pages.live.headers import SafeHeaders, policy
from tests.pages.live.test_feed import finished
from tests.pages.live.test_routes import Answer, ask

PAGE = Path(st.__file__).parent / "static" / "index.html"


@pytest.fixture
def app() -> Starlette:
    async def page(request: object) -> FileResponse:
        return FileResponse(PAGE)

    async def text(request: object) -> PlainTextResponse:
        return PlainTextResponse("<head>")

    return Starlette(
        routes=[Route("/losses", page), Route("/text", text)],
        middleware=[Middleware(SafeHeaders), Middleware(front.Front)],
    )


def test_a_page_is_told_before_its_own_scripts_and_its_policy_allows_it(app: Starlette) -> None:
    found = finished(ask(app, "/losses", Answer()))
    whole = PAGE.read_bytes()
    tag = f"<script>{front.script()}</script>".encode()
    assert found.body == whole.replace(b"<head>", b"<head>" + tag)
    assert found.body.index(tag) < found.body.index(b'type="module"')
    digest = base64.b64encode(hashlib.sha256(front.script().encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy()
    assert 'location.origin+"/"' in front.script()


def test_a_browser_gets_it_zipped(app: Starlette) -> None:
    zipping = Starlette(
        routes=app.routes, middleware=[*app.user_middleware, Middleware(GZipMiddleware)]
    )
    headers = {"accept": "text/html,*/*;q=0.8", "accept_encoding": "gzip, deflate"}
    found = finished(ask(zipping, "/losses", Answer(), **headers))
    assert front.script().encode() in gzip.decompress(found.body)


def test_what_is_no_page_stays_as_it_is(app: Starlette) -> None:
    assert finished(ask(app, "/text", Answer())).body == b"<head>"
    assert finished(ask(app, "/losses", Answer(), method="HEAD")).body == b""
    assert finished(ask(app, "/nothing", Answer())).status == 404
