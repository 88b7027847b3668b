"""What a visitor notices of a neighbour who floods the server, which is started for this here.

    python tests/benchmarks/neighbours.py [sockets streams layouts checks] [--code DIR]

Each case measures an honest visitor's requests alone, then during the flood; what counts is the
ratio. `--code` is a checkout of another version, to compare with. Everything goes to 127.0.0.1 and
is bounded in number and time. Set PLAYGROUND_DATA.
"""

import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

ROOT = Path(__file__).resolve().parents[2]
MESSAGES = 10_000
STREAMS = 150
FLOOD_SECONDS = 20.0
COOKIES = {who: f"playground_visitor={who * 24}" for who in "ab"}


class Server:
    """The app of a checkout on a free port."""

    def __init__(self, code: Path, home: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        environment = {**os.environ, "PLAYGROUND_HOME": str(home), "PYTHONPATH": ""}
        options = ["--server.headless", "true", "--server.port", str(self.port)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", *options],
            cwd=code,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, path: str, posted: object = None, who: str = "a") -> bytes:
        """The answer to a GET, or to a POST of JSON."""
        body = None if posted is None else json.dumps(posted).encode()
        headers = {"Content-Type": "application/json", "Cookie": COOKIES[who]}
        asked = urllib.request.Request(f"{self.url}/{path}", body, headers)
        with urllib.request.urlopen(asked, timeout=120) as answer:
            found: bytes = answer.read()
            return found

    def until_it_answers(self, path: str, posted: object = None) -> None:
        end = time.monotonic() + 120
        while True:
            try:
                self.ask(path, posted)
                return
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.5)


def timed(ask: Callable[[], object], seconds: float, pause: float = 0.05) -> list[float]:
    """How long each of the requests took that were made one after the other for so long."""
    found, end = [], time.monotonic() + seconds
    while not found or time.monotonic() < end:
        began = time.monotonic()
        ask()
        found.append(time.monotonic() - began)
        time.sleep(pause)
    return found


def say(case: str, alone: list[float], beside: list[float]) -> None:
    middle, worst = statistics.median(alone), max(beside)
    print(
        f"{case}: alone {middle * 1000:.0f} ms (median of {len(alone)}), beside the flood "
        f"{statistics.median(beside) * 1000:.0f} ms (median of {len(beside)}, "
        f"{statistics.median(beside) / middle:.1f} x), {worst * 1000:.0f} ms at worst",
        flush=True,
    )


@contextlib.contextmanager
def flooding(*floods: Callable[[threading.Event], None]) -> Iterator[None]:
    """While the block lasts, each of these runs in a thread until its event is set."""
    over = threading.Event()
    with ThreadPoolExecutor(max_workers=len(floods)) as threads:
        running = [threads.submit(flood, over) for flood in floods]
        time.sleep(0.5)
        try:
            yield
        finally:
            over.set()
            for one in running:
                one.result()


def sockets(server: Server, run_id: str) -> None:
    """One websocket sends many small messages that ask for the page anew."""
    message = BackMsg()
    message.rerun_script.query_string = "x" * 59
    content = message.SerializeToString()

    def drain(link: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            for _ in link:
                pass

    def flood(over: threading.Event) -> None:
        address = f"ws://localhost:{server.port}/_stcore/stream"
        with connect(address, subprotocols=["streamlit"], max_size=None) as link:  # type: ignore[list-item]
            threading.Thread(target=drain, args=(link,), daemon=True).start()
            for _ in range(MESSAGES):
                if over.is_set():
                    break
                try:
                    link.send(content)
                except (OSError, ConnectionClosed):
                    break

    def ask() -> bytes:
        return server.ask("_stcore/health", who="b")

    alone = timed(ask, 3)
    with flooding(flood):
        beside = timed(ask, FLOOD_SECONDS)
    say(f"one socket, {MESSAGES:,} messages of {len(content)} bytes; health", alone, beside)


def streams(server: Server, run_id: str) -> None:
    """Many streams of runs that never were; the honest one asks for a stream's first message."""

    def ask() -> bytes:
        asked = urllib.request.Request(
            f"{server.url}/live/stream?runs={run_id}", headers={"Cookie": COOKIES["b"]}
        )
        with urllib.request.urlopen(asked, timeout=60) as answer:
            while not (line := answer.readline()).startswith(b"data:"):
                assert line
            return bytes(line)

    def flood(number: int, over: threading.Event) -> None:
        path = f"/live/stream?runs={','.join(f'invented-{number}-{k}' for k in range(8))}"
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {COOKIES['a']}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", server.port)) as link:
            link.sendall(request.encode())
            link.settimeout(0.5)
            while not over.is_set():
                try:
                    if not link.recv(65536):
                        break
                except TimeoutError:
                    continue
                except OSError:
                    break

    alone = timed(ask, 5)
    floods = [lambda over, number=number: flood(number, over) for number in range(STREAMS)]
    with flooding(*floods):  # type: ignore[arg-type]
        beside = timed(ask, FLOOD_SECONDS)
    say(f"{STREAMS} streams of invented runs; a stream's first message", alone, beside)


def layouts(server: Server, run_id: str) -> None:
    """One visitor asks for t-SNE after t-SNE, at any step; another for maps."""
    asked = {"run": run_id, "what": "maps", "image": {"test": 0}}

    def ask() -> bytes:
        return server.ask("live/look", asked, "b")

    def flood(first: int, over: threading.Event) -> None:
        step = first
        while not over.is_set():
            step += 1
            laid = {"run": run_id, "what": "embedding", "method": "tsne", "step": step}
            laid["split"] = "train" if step % 2 else "test"
            laid["dims"] = 2 + step // 2 % 2
            try:
                server.ask("live/look", laid)
            except OSError:  # superseded, or no answer in time
                time.sleep(0.05)

    server.until_it_answers("live/look", asked)
    alone = timed(ask, 5)
    floods = [lambda over, first=first: flood(first * 7, over) for first in range(8)]
    with flooding(*floods):  # type: ignore[arg-type]
        time.sleep(2)
        beside = timed(ask, FLOOD_SECONDS)
    say("8 connections of one visitor ask for t-SNE; another's maps", alone, beside)


def checks(server: Server, run_id: str) -> None:
    """One visitor has texts checked that take long, from many connections; another types."""
    heavy = "+".join(f"mean(exp(y_pred * {k}.5) * log(y_pred + {k}))" for k in range(60))

    def ask() -> bytes:
        return server.ask("live/check", {"text": "mean(abs(y_true - y_pred))"}, "b")

    def flood(over: threading.Event) -> None:
        while not over.is_set():
            try:
                server.ask("live/check", {"text": heavy})
                server.ask("live/portrait", {"text": heavy, "parameters": {}, "view": "simplex"})
            except OSError:
                time.sleep(0.05)

    server.until_it_answers("live/check", {"text": "mean(y_pred)"})
    alone = timed(ask, 5)
    with flooding(*[flood] * 12):
        beside = timed(ask, FLOOD_SECONDS)
    say("12 connections of one visitor check long texts; another's check", alone, beside)


CASES = {case.__name__: case for case in (sockets, streams, layouts, checks)}


def main() -> None:
    """Prints a line for each case."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("cases", nargs="*", default=list(CASES))
    parser.add_argument("--code", type=Path, default=ROOT)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        train = [
            sys.executable,
            "-m",
            "playground",
            "train",
            "--dataset",
            "digits",
            "--epochs",
            "8",
        ]
        environment = {**os.environ, "PLAYGROUND_HOME": folder, "PYTHONPATH": ""}
        subprocess.run(train, cwd=arguments.code, env=environment, check=True, capture_output=True)
        listed = subprocess.run(
            [sys.executable, "-c", "from playground.runs.store import open_store as o; from "
             "playground.settings import settings as s; print(o(s()).runs()[0].id)"],
            cwd=arguments.code, env=environment, check=True, capture_output=True, text=True,
        )  # fmt: skip
        server = Server(arguments.code, Path(folder))
        try:
            server.until_it_answers("_stcore/health")
            time.sleep(5)
            for name in arguments.cases:
                CASES[name](server, listed.stdout.strip())
        finally:
            server.process.terminate()
            server.process.wait(20)


if __name__ == "__main__":
    main()
