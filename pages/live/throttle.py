"""How fast a visitor's messages are taken, so that a flood of them waits in the flooder's own line.

Streamlit takes every message of a websocket as it comes, in the one thread that serves everybody.
Here the next is taken only when its visitor has a token for it; meanwhile the socket is not read,
and what it sends stays with the sender (TCP's flow control). Nothing is dropped.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages.live.headers import visitor_of
from playground.settings import settings

BURST_SECONDS = 3.0  # of the allowed rate may come at once
SOCKETS = 5  # as many times one socket's rate may all of a visitor's together have


class Bucket:
    """A token bucket: `burst` at once, then `rate` a second. Times are of the caller's clock."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, max(1.0, burst)
        self._tokens = self._burst
        self._since: float | None = None

    def take(self, now: float) -> float:
        """Takes a token; gives the seconds until it is there."""
        if self._since is not None:
            grown = self._tokens + (now - self._since) * self._rate
            self._tokens = min(self._burst, grown)
        self._since = now
        self._tokens -= 1
        return max(0.0, -self._tokens / self._rate)


class Throttle:
    """Bounds the rate at which messages of websockets are taken: PLAYGROUND_MESSAGES_PER_SECOND of
    each, and SOCKETS times as many of all that one visitor has open."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._visitors: dict[str, tuple[Bucket, int]] = {}  # and how many sockets are open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI interface."""
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        rate = settings().messages_per_second
        own = Bucket(rate, rate * BURST_SECONDS)
        with self._shared(visitor_of(HTTPConnection(scope)), rate * SOCKETS) as shared:

            async def receive_slowly() -> Message:
                message = await receive()
                if message["type"] == "websocket.receive":
                    now = time.monotonic()
                    await asyncio.sleep(max(own.take(now), shared.take(now)))
                return message

            await self.app(scope, receive_slowly, send)

    @contextmanager
    def _shared(self, visitor: str, rate: float) -> Iterator[Bucket]:
        bucket, count = self._visitors.get(visitor, (Bucket(rate, rate * BURST_SECONDS), 0))
        self._visitors[visitor] = bucket, count + 1
        try:
            yield bucket
        finally:
            bucket, count = self._visitors.pop(visitor)
            if count > 1:
                self._visitors[visitor] = bucket, count - 1
