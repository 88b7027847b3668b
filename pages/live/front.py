"""Tells Streamlit's page where its server is.

Opened at a page of the app, its script would try that page's own path first, fail twice, and go on
without it: two errors in the console, and a while lost (streamlit/streamlit#7074).
"""

import gzip
import json

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages.live.files import base

HEAD = b"<head>"


def script() -> str:
    """What the page runs first, as its policy has to allow it."""
    return f"window.__streamlit={{BACKEND_BASE_URL:location.origin+{json.dumps(base() + '/')}}}"


class Front:
    """Puts the script into the head of every HTML page."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI interface."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        asked = Headers(scope=scope)
        zips = "gzip" in asked.get("accept-encoding", "")
        if "text/html" in asked.get("accept", ""):  # a page: it comes plain, and is zipped here
            plain = [each for each in scope["headers"] if each[0] != b"accept-encoding"]
            scope = {**scope, "headers": plain}
        start: Message | None = None  # of a page, kept until its body is whole
        body = b""

        async def send_told(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_page(message):
                start = message
                return
            if start is None:
                await send(message)
                return
            body += message.get("body", b"")
            if message.get("more_body"):
                return
            told = body.replace(HEAD, HEAD + f"<script>{script()}</script>".encode(), 1)
            headers = MutableHeaders(scope=start)
            if zips:
                told = gzip.compress(told, 6, mtime=0)
                headers["content-encoding"] = "gzip"
            headers["vary"] = "Accept-Encoding"
            headers["content-length"] = str(len(told))
            for validator in ("etag", "last-modified"):  # of the file, which is another
                del headers[validator]
            await send(start)
            await send({"type": "http.response.body", "body": told})

        await self.app(scope, receive, send_told)


def _is_page(start: Message) -> bool:
    headers = MutableHeaders(scope=start)
    html = headers.get("content-type", "").startswith("text/html")
    return bool(start["status"] == 200 and html and "content-encoding" not in headers)
