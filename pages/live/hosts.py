"""Whom the server answers: those who call it by its names, and requests of its own pages.

Streamlit holds a websocket's Host against `server.allowedHosts`, so that no foreign name can be
made to point here (DNS rebinding). Everything else is held against the same list here.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from pages.live import files

# Asked by machines, which know the server by its number.
FREE = ("/_stcore/health", "/_stcore/script-health-check", "/healthz", "/readyz", "/metrics")


class Hosts:
    """Refuses HTTP requests for a host that is not in `server.allowedHosts`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI interface."""
        answers = scope["type"] != "http" or _allowed(scope)
        app = self.app if answers else PlainTextResponse(_SAID, 403)
        await app(scope, receive, send)


def _allowed(scope: Scope) -> bool:
    free = scope["path"] in [files.base() + path for path in FREE]
    return free or is_host_allowed(Headers(scope=scope).get("host"))


def from_own_page(request: Request) -> bool:
    """Whether a page of this server asks, or no page at all, as far as a browser tells."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("origin")
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower() != ""
    except ValueError:
        return False


_SAID = (
    "This server does not answer to the name in the address.\n"
    "Whoever runs it can allow the name: streamlit run app.py --server.allowedHosts <name>\n"
)
