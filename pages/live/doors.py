"""Where a login is required, whom the live routes answer: browsers one of whose pages is logged in.

The login is Streamlit's and known to its sessions alone. A session that is logged in admits its
browser here, by the random cookie that the browser sends with each request.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pages.live import files
from pages.live.headers import NOBODY, visitor_of
from playground.settings import settings

ADMITTED_SECONDS = 3600.0  # after a page of the browser, or a part that follows a run, was drawn
MOST = 10_000


class Doors:
    """The browsers that are admitted. Thread-safe: each change is one step of a dict."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: OrderedDict[str, float] = OrderedDict()

    def admit(self, token: str) -> None:
        """A page of this browser is logged in."""
        self._until[token] = self._clock() + ADMITTED_SECONDS
        self._until.move_to_end(token)
        while len(self._until) > MOST:
            self._until.popitem(last=False)

    def shut(self, token: str) -> None:
        """It is logged out."""
        self._until.pop(token, None)

    def open(self, token: str) -> bool:
        """Whether this browser is admitted."""
        return token != NOBODY and self._until.get(token, 0.0) > self._clock()


doors = Doors()


class Door:
    """Refuses what is asked of the live routes by a browser that is not admitted, but for the
    scripts and styles, which are the same for all."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI interface."""
        app = self.app
        if _guarded(scope) and not doors.open(visitor_of(HTTPConnection(scope))):
            said = {"refused": "Log in first.", "hint": "Reload the page."}
            app = JSONResponse(said, 401, headers={"Cache-Control": "no-store"})
        await app(scope, receive, send)


def _guarded(scope: Scope) -> bool:
    if scope["type"] != "http" or settings().login != "required":
        return False
    live, path = f"{files.base()}/live/", scope["path"]
    return path.startswith(live) and not path.startswith(f"{live}assets/")
