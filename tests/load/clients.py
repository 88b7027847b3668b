"""Visitors: a page with the scripts that it names, its session and its stream of events, as a
browser has them that was never here. They run in one process, which costs little beside the server:
nothing is drawn. Less than a browser they do in this: they do not load the live views' own scripts,
which are zipped beforehand, and with a tick they do not say again what their controls show."""

import asyncio
import gzip
import itertools
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.load.server import Server

_numbers = itertools.count()
_SCRIPT = re.compile(rb'(?:src|href)="\./(static/[^"]+)"')


def token() -> str:
    """The cookie of another visitor."""
    return f"load-test-visitor-{next(_numbers):06}"


@dataclass
class Told:
    """What happened to visitors; times in seconds."""

    gets: list[float] = field(default_factory=list)
    scripts: list[float] = field(default_factory=list)  # all of a page
    drawn: list[float] = field(default_factory=list)
    ticks: list[float] = field(default_factory=list)
    messages: list[tuple[float, int]] = field(default_factory=list)  # when, the run's step
    faults: list[str] = field(default_factory=list)


async def get(server: Server, path: str, cookie: str = "") -> tuple[int, bytes]:
    """Status and body of a page."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(_request(server, path, cookie, "close", "text/html, */*"))
        await writer.drain()
        answer = await reader.read()
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    zipped = b"content-encoding: gzip" in head.lower()
    return int(head.split(maxsplit=2)[1]), gzip.decompress(body) if zipped else body


async def load_scripts(server: Server, page: bytes) -> None:
    """Loads what a page names, one after the other. Raises RuntimeError for a refusal."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        for name in dict.fromkeys(_SCRIPT.findall(page)):
            writer.write(_request(server, f"/{name.decode()}", "", "keep-alive"))
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            if length is None or head.split(maxsplit=2)[1] != b"200":
                raise RuntimeError(f"{name.decode()} was answered with {head.decode()}")
            await reader.readexactly(int(length[1]))
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _request(server: Server, path: str, cookie: str, connection: str, accept: str = "*/*") -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", f"Connection: {connection}"]
    lines += [f"Accept: {accept}", "Accept-Encoding: gzip"]
    lines += [f"Cookie: playground_visitor={cookie}"] if cookie else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@asynccontextmanager
async def streaming(
    server: Server, runs: str, cookie: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """An open stream of events of runs."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**24)
    try:
        writer.write(_request(server, f"/live/stream?runs={runs}", cookie, "keep-alive"))
        await writer.drain()
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def events(reader: asyncio.StreamReader) -> AsyncIterator[dict]:
    """The messages of a stream until it ends."""
    while line := await reader.readline():
        if line.startswith(b"data: "):
            yield json.loads(line[6:])


async def watch(server: Server, run: str, told: Told, cookie: str) -> None:
    """Follows a run's stream until it is cancelled."""
    async with streaming(server, run, cookie) as (reader, _):
        async for message in events(reader):
            if message.get("step"):
                told.messages.append((time.monotonic(), message["step"]))
    told.faults.append("a stream ended")


async def sit(server: Server, run: str, told: Told, cookie: str) -> None:
    """Opens a page of a run, and lets its fragments be drawn anew as often as it asks for, until
    it is cancelled."""
    began = time.monotonic()
    status, page = await get(server, f"/?run={run}", cookie)
    told.gets.append(time.monotonic() - began)
    if status != 200:
        told.faults.append(f"a page was answered with {status}")
    began = time.monotonic()
    await load_scripts(server, page)
    told.scripts.append(time.monotonic() - began)
    address = f"ws://127.0.0.1:{server.port}/_stcore/stream"
    headers = {"Cookie": f"playground_visitor={cookie}", "Origin": server.url}
    async with websockets.connect(
        address, additional_headers=headers, subprotocols=["streamlit"], max_size=None
    ) as socket:
        began = time.monotonic()
        await socket.send(_draw(f"run={run}"))
        asked = await _drawn(socket, told)
        told.drawn.append(time.monotonic() - began)
        due = {fragment: time.monotonic() + every for fragment, every in asked.items()}
        while due:
            fragment = min(due, key=due.__getitem__)
            await asyncio.sleep(max(0.0, due[fragment] - time.monotonic()))
            began = time.monotonic()
            await socket.send(_draw(f"run={run}", fragment))
            anew = await _drawn(socket, told)
            told.ticks.append(time.monotonic() - began)
            due[fragment] = began + asked[fragment]
            for each, every in anew.items():
                if each not in asked:  # the whole page was drawn anew
                    asked[each] = every
                    due[each] = time.monotonic() + every


def _draw(query: str, fragment: str = "") -> bytes:
    message = BackMsg()
    message.rerun_script.query_string = query
    if fragment:
        message.rerun_script.fragment_id = fragment
        message.rerun_script.is_auto_rerun = True
    return bytes(message.SerializeToString())


async def _drawn(socket: websockets.ClientConnection, told: Told) -> dict[str, float]:
    """Waits until the page is drawn; the fragments that are to be drawn anew, with how often."""
    asked: dict[str, float] = {}
    while True:
        message = ForwardMsg()
        message.ParseFromString(await socket.recv())
        if message.HasField("auto_rerun"):
            asked[message.auto_rerun.fragment_id] = message.auto_rerun.interval
        if message.HasField("delta") and message.delta.new_element.HasField("exception"):
            told.faults.append(message.delta.new_element.exception.message)
        if message.HasField("script_finished"):
            return asked
