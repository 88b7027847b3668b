"""A flood of messages waits; whoever sends few does not."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from pages.live import throttle
from pages.live.headers import NOBODY
from pages.live.throttle import BURST_SECONDS, SOCKETS, Bucket, Throttle
from playground.settings import Settings

RATE = 10.0
BURST = int(RATE * BURST_SECONDS)
gaps = st.lists(st.floats(0.0, 2.0), min_size=1, max_size=60)


@given(st.floats(0.5, 50.0), st.integers(1, 20), gaps)
def test_never_more_than_the_burst_and_the_rate(rate: float, burst: int, gaps: list[float]) -> None:
    bucket, now, taken = Bucket(rate, burst), 0.0, []
    for gap in gaps:
        now += gap
        now += bucket.take(now)  # who waits for a token asks for no other meanwhile
        taken.append(now)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            count = last - first + 1
            assert count <= burst + (taken[last] - taken[first]) * rate + 1e-6


@given(st.floats(0.5, 50.0), st.integers(1, 20), st.integers(1, 50))
def test_who_keeps_to_the_rate_never_waits(rate: float, burst: int, count: int) -> None:
    bucket = Bucket(rate, burst)
    assert all(bucket.take(k * 1.001 / rate) == 0 for k in range(count))


class Clock:
    """Time that passes in sleeps alone."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(throttle, "time", found)
    monkeypatch.setattr(throttle, "asyncio", found)
    monkeypatch.setattr(throttle, "settings", lambda: Settings(messages_per_second=RATE))
    return found


async def take_all(receive: Callable[[], Awaitable[Any]]) -> list[Any]:
    found = []
    while (message := await receive())["type"] != "websocket.disconnect":
        found.append(message)
    return found


def socket_of(cookie: str, messages: int, app: Throttle) -> Awaitable[None]:
    """A websocket that connects, sends so many messages at once and goes."""
    sent = [
        {"type": "websocket.connect"},
        *({"type": "websocket.receive", "bytes": bytes([k % 256])} for k in range(messages)),
        {"type": "websocket.disconnect"},
    ]

    async def receive() -> Any:
        return sent.pop(0)

    async def send(message: Any) -> None:
        raise AssertionError

    headers = [(b"cookie", f"playground_visitor={cookie}".encode())] if cookie else []
    return app({"type": "websocket", "headers": headers}, receive, send)


def finished(*coroutines: Awaitable[Any]) -> None:
    async def one_after_the_other() -> None:
        for coroutine in coroutines:
            await coroutine

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, one_after_the_other()).result(30)


def throttled() -> tuple[Throttle, list[list[Any]]]:
    taken: list[list[Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        taken.append(await take_all(receive))

    return Throttle(app), taken


def test_a_flood_is_taken_at_the_rate_and_nothing_is_lost(clock: Clock) -> None:
    app, taken = throttled()
    finished(socket_of("a" * 24, 500, app))
    assert [m.get("bytes") for m in taken[0][1:]] == [bytes([k % 256]) for k in range(500)]
    assert sum(clock.slept) == pytest.approx((500 - BURST) / RATE)
    assert not app._visitors


def test_few_messages_do_not_wait(clock: Clock) -> None:
    app, _ = throttled()
    finished(socket_of("a" * 24, BURST, app))
    assert set(clock.slept) == {0.0}


@pytest.mark.parametrize("cookie", ["a" * 24, "", "<b>"])
def test_all_sockets_of_a_visitor_share_what_it_may_send(clock: Clock, cookie: str) -> None:
    """No cookie, or none of ours, makes one visitor, too."""
    app, _ = throttled()
    with app._shared(cookie if len(cookie) == 24 else NOBODY, RATE * SOCKETS):  # a page stays open
        finished(*(socket_of(cookie, BURST, app) for _ in range(SOCKETS * 4)))
    over = SOCKETS * 4 * BURST - SOCKETS * BURST
    assert sum(clock.slept) == pytest.approx(over / (RATE * SOCKETS))


def test_a_neighbour_does_not_wait(clock: Clock) -> None:
    app, _ = throttled()
    finished(socket_of("a" * 24, 300, app))
    before = len(clock.slept)
    finished(socket_of("b" * 24, BURST, app))
    assert set(clock.slept[before:]) == {0.0}
