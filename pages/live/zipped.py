"""Streamlit's own scripts and styles, zipped once for all browsers.

A browser that was never here loads some sixty of them. Streamlit reads each from the disk anew, in
parts of 64 kB that pass a thread and all layers, and sends it as it is: 0.15 s of CPU and 4 MB a
browser, which is more than all else that opening a page costs.
"""

import gzip
import posixpath
import re

import anyio.to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages.live.files import base

MOST = 512  # files that are kept; there are some 320, of 7 MB when zipped
# Among the encodings that a browser takes (RFC 9110, 12.5.3); with a weight of 0 it refuses one.
ZIPS = re.compile(r"(^|,)\s*gzip\s*(?!\s*;\s*q=0(\.0*)?\s*(,|$))(,|;|$)", re.IGNORECASE)
TEXTS = ("text/css", "text/javascript", "application/javascript", "application/json")


class Zipped:
    """Keeps what comes from `static/` and never changes, for browsers that take it zipped."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._kept: dict[str, list[Message]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI interface."""
        if not _may_be_kept(scope):
            await self.app(scope, receive, send)
            return
        messages = self._kept.get(scope["path"])
        if messages is None:
            messages = await self._ask(scope, receive)
        start, *rest = messages
        await send({**start, "headers": list(start["headers"])})  # to which others add
        for message in rest:
            await send(message)

    async def _ask(self, scope: Scope, receive: Receive) -> list[Message]:
        """The whole answer, zipped and kept where it may be."""
        came: list[Message] = []

        async def note(message: Message) -> None:
            came.append(message)

        await self.app(scope, receive, note)
        if not _never_changes(came[0]):
            return came
        plain = b"".join(message.get("body", b"") for message in came[1:])
        body = await anyio.to_thread.run_sync(lambda: gzip.compress(plain, 6, mtime=0))
        headers = MutableHeaders(scope=came[0])
        for of_the_file in ("etag", "last-modified", "accept-ranges"):  # which is another
            del headers[of_the_file]
        headers["content-encoding"], headers["vary"] = "gzip", "Accept-Encoding"
        headers["content-length"] = str(len(body))
        start = {**came[0], "headers": headers.raw}
        messages: list[Message] = [start, {"type": "http.response.body", "body": body}]
        if len(self._kept) < MOST:
            self._kept[scope["path"]] = messages
        return messages


def _may_be_kept(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    asked = Headers(scope=scope)
    wants = ZIPS.search(asked.get("accept-encoding", "")) and "range" not in asked
    # A file has many names, such as with /./ in it, of which one is kept.
    named = posixpath.normpath(scope["path"]) == scope["path"]
    return bool(wants) and named and scope["path"].startswith(f"{base()}/static/")


def _never_changes(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    return (
        start["status"] == 200
        and "immutable" in headers.get("cache-control", "")
        and headers.get("content-type", "").startswith(TEXTS)
        and "content-encoding" not in headers
    )
