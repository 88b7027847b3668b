"""What every answer of the server carries: the page's security policy and a visitor's cookie."""

import base64
import hashlib
import re
import secrets
from functools import cache
from http.cookies import CookieError, SimpleCookie
from pathlib import Path

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages.live import front

VISITOR_COOKIE = "playground_visitor"
TOKEN = re.compile(r"[A-Za-z0-9_-]{16,128}")
NOBODY = "nobody"  # everyone without a cookie, who are one visitor
YEAR = 365 * 24 * 3600


def visitor_of(request: HTTPConnection) -> str:
    """The token of the browser that asks; NOBODY without one of ours."""
    token = request.cookies.get(VISITOR_COOKIE, "")
    return token if TOKEN.fullmatch(token) else NOBODY


@cache
def policy() -> str:
    """The Content-Security-Policy: this server and nobody else.

    Streamlit's own page holds an inline script, and `front` puts one beside it, allowed by their
    hashes; it loads components' inline JavaScript from blob: URLs and sets styles from its scripts.
    """
    page = (Path(st.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    inline = [
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        for script in [*re.findall(r"<script>(.*?)</script>", page, re.DOTALL), front.script()]
    ]
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self' blob: " + " ".join(f"'sha256-{digest}'" for digest in inline),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "media-src 'self' blob:",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "frame-src 'self'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        ]
    )


class SafeHeaders:
    """Adds the headers to every answer, and the cookie to a page's first."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI interface."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = policy()
                headers["X-Content-Type-Options"] = "nosniff"
                headers["X-Frame-Options"] = "SAMEORIGIN"
                headers["Referrer-Policy"] = "same-origin"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                is_page = headers.get("content-type", "").startswith("text/html")
                if is_page and not _known(scope):
                    headers.append("Set-Cookie", _cookie(secure=scope["scheme"] == "https"))
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _known(scope: Scope) -> bool:
    try:
        cookies = SimpleCookie(Headers(scope=scope).get("cookie", ""))
    except CookieError:
        return False
    return VISITOR_COOKIE in cookies


def _cookie(secure: bool) -> str:
    name = f"{VISITOR_COOKIE}={secrets.token_urlsafe(24)}"
    rest = f"Path=/; Max-Age={YEAR}; HttpOnly; SameSite=Lax"
    return f"{name}; {rest}; Secure" if secure else f"{name}; {rest}"
