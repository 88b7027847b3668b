"""A start that fails, as an ASGI server hears of it."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware

from pages.live.startup import Startup
from playground.errors import StoreError


def heard(fault: BaseException | None) -> list[dict[str, Any]]:
    """What an app says whose lifespan raises this at its start."""
    said: list[dict[str, Any]] = []

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        if fault is not None:
            raise fault
        yield

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.shutdown" if said else "lifespan.startup"}

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    app = Starlette(lifespan=lifespan, middleware=[Middleware(Startup)])
    scope = {"type": "lifespan", "state": {}}
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(app(scope, receive, send))).result(10)
    return said


def test_a_fault_of_the_surroundings_is_said_in_words() -> None:
    error = StoreError("/srv/store cannot be used: Permission denied.", "Use another folder.")
    assert heard(error) == [
        {
            "type": "lifespan.startup.failed",
            "message": "/srv/store cannot be used: Permission denied. Use another folder.",
        }
    ]


def test_a_fault_of_our_own_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        heard(ZeroDivisionError())


def test_a_start_that_succeeds_is_left_alone() -> None:
    ended = [message["type"] for message in heard(None)]
    assert ended == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
