"""What is done to a server, and what came of it as plain numbers."""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from playground.spec import RunSpec
from tests.load.clients import Told, get, sit, token, watch
from tests.load.server import Server, Shared

Row = dict[str, float]
POLL_SECONDS = 0.05
MIB = 2**20


def percentile(values: Sequence[float], share: float) -> float:
    """Of seconds, in seconds; NaN of none."""
    return float(np.percentile(values, share)) if len(values) else float("nan")


async def _follow(shared: Shared, run: str, seen: list[tuple[float, int]]) -> None:
    """Notes when the store first has which step."""
    while True:
        step = await asyncio.to_thread(shared.step, run)
        if not seen or step > seen[-1][1]:
            seen.append((time.monotonic(), step))
        await asyncio.sleep(POLL_SECONDS)


async def _weigh(server: Server, memory: list[int]) -> None:
    while True:
        memory.append(server.process.memory_info().rss)
        await asyncio.sleep(0.5)


def lags(seen: Sequence[tuple[float, int]], messages: Sequence[tuple[float, int]]) -> list[float]:
    """How long after the store had a step a viewer was told of it or a later one."""
    found, waiting = [], list(seen)
    for when, step in messages:
        while waiting and waiting[0][1] <= step:
            found.append(max(0.0, when - waiting.pop(0)[0]))
    return found


async def viewers(
    servers: Sequence[Server], shared: Shared, run: str, count: int, seconds: float
) -> tuple[Row, list[str]]:
    """Visitors who look at one run, each with a page and its stream, for some seconds; and what
    went wrong with them, in words."""
    told = [Told() for _ in range(count)]
    seen: list[tuple[float, int]] = []
    memory: list[list[int]] = [[] for _ in servers]
    before = _used(servers)
    first, began = shared.step(run), time.monotonic()
    tasks = [asyncio.create_task(_follow(shared, run, seen))]
    tasks += [
        asyncio.create_task(_weigh(server, each))
        for server, each in zip(servers, memory, strict=True)
    ]
    sitting = []
    for number, each in enumerate(told):
        server, cookie = servers[number % len(servers)], token()
        sitting.append(asyncio.create_task(sit(server, run, each, cookie)))
        sitting.append(asyncio.create_task(watch(server, run, each, cookie)))
        await asyncio.sleep(min(0.1, 0.2 * seconds / count))  # a class does not come in one moment
    opened, opening = time.monotonic(), _used(servers)
    own = time.process_time()
    gets: list[float] = []
    while time.monotonic() - began < seconds:
        asked = time.monotonic()
        status, _ = await get(random.choice(servers), f"/?run={run}", token())
        gets.append(time.monotonic() - asked)
        if status != 200:
            told[0].faults.append(f"a page was answered with {status}")
        await asyncio.sleep(0.2)
    now, used, own = time.monotonic(), _used(servers), time.process_time() - own
    taken, watched = now - began, now - opened
    steps = shared.step(run) - first
    for task in [*tasks, *sitting]:
        task.cancel()
    ended = await asyncio.gather(*tasks, *sitting, return_exceptions=True)
    faults = [fault for each in told for fault in each.faults]
    faults += [
        repr(one)
        for one in ended
        if isinstance(one, Exception) and not isinstance(one, asyncio.CancelledError)
    ]
    delays = [delay for each in told for delay in lags(_after(seen, opened), each.messages)]
    rss = np.array([sum(at) for at in zip(*memory, strict=False)]) / MIB
    third = max(1, len(rss) // 3)
    return {
        "viewers": count,
        "page_p50": percentile([*gets, *(one for each in told for one in each.gets)], 50),
        "page_p95": percentile([*gets, *(one for each in told for one in each.gets)], 95),
        "scripts_p95": percentile([one for each in told for one in each.scripts], 95),
        "drawn_p95": percentile([one for each in told for one in each.drawn], 95),
        "tick_p95": percentile([one for each in told for one in each.ticks], 95),
        "message_p50": percentile(delays, 50),
        "message_p95": percentile(delays, 95),
        "messages": sum(len(each.messages) for each in told),
        "errors": len(faults),
        "steps_per_second": steps / taken,
        "cores": (used - before) / taken,
        "cpu_of_opening": (opening - before) / count,
        "cpu_of_a_viewer": 1000 * (used - opening) / watched / count,
        "visitors_cores": own / watched,
        "memory_mib": float(rss.max()),
        "memory_growth": float(rss[-third:].mean() / rss[third : 2 * third].mean()),
    }, faults


def _used(servers: Sequence[Server]) -> float:
    """CPU seconds of the servers' own processes so far."""
    return float(sum(sum(server.process.cpu_times()[:2]) for server in servers))


def _after(seen: Sequence[tuple[float, int]], moment: float) -> list[tuple[float, int]]:
    return [each for each in seen if each[0] > moment]


def speed(shared: Shared, run: str, seconds: float) -> float:
    """Steps a second of a run that nobody looks at."""
    first, began = shared.step(run), time.monotonic()
    time.sleep(seconds)
    return (shared.step(run) - first) / (time.monotonic() - began)


async def crowd(server: Server, run: str, count: int) -> Row:
    """Connections that are opened and dropped, half of them in the midst of a request; what a
    visitor waits meanwhile, and what is left of them."""
    before = server.metrics()["playground_viewers"]
    gate, waits = asyncio.Semaphore(50), []

    async def drop(number: int) -> None:
        async with gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            if number % 4 == 1:
                writer.write(b"GET /live/str")
            elif number % 4 == 2:
                writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            elif number % 4 == 3:
                head = f"Host: 127.0.0.1\r\nCookie: playground_visitor={token()}\r\n\r\n"
                writer.write(f"GET /live/stream?runs={run} HTTP/1.1\r\n{head}".encode())
                with suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1), 5)
            writer.transport.abort()

    async def ask() -> None:
        while True:
            began = time.monotonic()
            await get(server, "/")
            waits.append(time.monotonic() - began)
            await asyncio.sleep(0.05)

    asking, began = asyncio.create_task(ask()), time.monotonic()
    await asyncio.gather(*(drop(number) for number in range(count)))
    taken = time.monotonic() - began
    asking.cancel()
    left = float("inf")
    for _ in range(200):  # a stream notices at its next message, at most a keep-alive later
        left = server.metrics()["playground_viewers"] - before
        if not left:
            break
        await asyncio.sleep(0.1)
    return {
        "connections": count,
        "seconds": taken,
        "page_p95": percentile(waits, 95),
        "streams_left": left,
        "files": float(server.process.num_fds()),
    }


async def never_reading(
    server: Server, shared: Shared, run: str, count: int, seconds: float
) -> Row:
    """Streams that nobody reads, beside one visitor who does."""
    before = server.process.memory_info().rss
    told, seen = Told(), []  # type: ignore[var-annotated]
    deaf = []
    for _ in range(count):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = f"Host: 127.0.0.1\r\nCookie: playground_visitor={token()}\r\n\r\n"
        writer.write(f"GET /live/stream?runs={run} HTTP/1.1\r\n{head}".encode())
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        deaf.append(writer)
    tasks = [
        asyncio.create_task(_follow(shared, run, seen)),
        asyncio.create_task(watch(server, run, told, token())),
    ]
    await asyncio.sleep(seconds)
    grown = server.process.memory_info().rss - before
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for writer in deaf:
        writer.transport.abort()
    return {
        "readers": count,
        "message_p95": percentile(lags(seen[1:], told.messages), 95),
        "grown_mib": grown / MIB,
    }


def waiting(shared: Shared, count: int, **fields: object) -> list[str]:
    """Runs of as many visitors that wait behind the one that trains."""
    spec = RunSpec.parse({"seed": 0, **fields})
    return [shared.leave(spec, token()) for _ in range(count)]
