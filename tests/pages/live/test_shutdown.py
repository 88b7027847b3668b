"""A server that is told to end, as a process of its own: uvicorn with what stands before it."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SERVER = """
import contextlib, socket, sys
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route
from pages.live.shutdown import before_shutdown

leaving, closed = [], []

async def ready(request):
    return PlainTextResponse("ready", 503 if leaving else 200)

async def endless(request):
    async def body():
        while True:
            yield b"x" * 65536
    return StreamingResponse(body())

@contextlib.asynccontextmanager
async def lifespan(app):
    seconds = map(float, sys.argv[1:])
    with before_shutdown(lambda: leaving.append(1), lambda: closed.append(1), *seconds):
        yield
    print("closed in order", len(closed), flush=True)

app = Starlette(routes=[Route("/ready", ready), Route("/endless", endless)], lifespan=lifespan)
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listening])
"""


class Server:
    """Answers until it is told to end."""

    def __init__(self, notice: float, patience: float) -> None:
        command = [sys.executable, "-c", SERVER, str(notice), str(patience)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def ready(self) -> int | None:
        """The status; None where nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ready", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None

    def ends(self, seconds: float) -> str:
        """What it says at its end, which comes in time."""
        said, _ = self.process.communicate(timeout=seconds)
        return said


@pytest.fixture
def begin():
    begun: list[Server] = []

    def of(notice: float, patience: float) -> Server:
        begun.append(Server(notice, patience))
        while begun[-1].ready() != 200:
            time.sleep(0.02)
        return begun[-1]

    yield of
    for one in begun:
        one.process.kill()
        one.process.communicate()


pytestmark = pytest.mark.skipif(os.name == "nt", reason="has no such signals")


def test_a_service_that_is_stopped_gives_notice(begin) -> None:
    server = begin(1.0, 5.0)
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    while server.ready() == 200:
        time.sleep(0.01)
    assert server.ready() == 503  # it still answers
    assert server.ends(10) == "closed in order 1\n" and time.monotonic() - began > 1.0


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGTERM, signal.SIGTERM]])
def test_who_is_in_a_hurry_does_not_wait_for_the_notice(begin, signals: list[int]) -> None:
    server = begin(600.0, 5.0)
    for number in signals:
        server.process.send_signal(number)
        time.sleep(0.2)
    assert server.ends(10).startswith("closed in order")


def test_a_reader_that_never_reads_does_not_keep_the_server(begin) -> None:
    server = begin(0.0, 1.0)
    with socket.create_connection(("127.0.0.1", server.port)) as reader:
        reader.sendall(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
        reader.recv(1024)
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        assert server.ends(15) == "closed in order 1\n"
