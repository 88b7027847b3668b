"""The real app in a process of its own, a real Chromium, and runs recorded step by step."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from playground.runs.store import Store, open_store
from playground.settings import Settings
from tests import chromium
from tests.browser.recording import Recording

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0
PATIENCE_MS = 120_000
# What the browser says of a request that was answered by a refusal, or by nobody because a test had
# stopped the server: the page shows both in words, which the tests look at.
EXPECTED = re.compile("Failed to load resource|net::ERR_")
LAST = 12_000  # characters of a server's log that stand beside a test that failed
_logs: list[Path] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A page says of an error only that there was one: what the servers said stands beside it."""
    report = yield
    if report.failed:
        for log in _logs:
            said = log.read_text("utf-8", errors="replace")[-LAST:] if log.exists() else ""
            report.sections.append((f"{log}, the last of it", said))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What a server logged of errors that a page got over is seen, too."""
    for log in _logs:
        said = log.read_text("utf-8", errors="replace") if log.exists() else ""
        if "Traceback" in said:
            terminalreporter.section(f"errors in {log}")
            terminalreporter.write_line(said[said.index("Traceback") :][:LAST])


class Server:
    """`streamlit run app.py` on a free port with a store of its own."""

    def __init__(self, home: Path, *options: str, **environment: str) -> None:
        """With these options of Streamlit and variables of the environment beside its own."""
        self.home, self._options, self._environment = home, options, environment
        with socket.socket() as free:
            free.bind(("localhost", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self.log = home / "server.log"
        _logs.append(self.log)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Returns when the server answers."""
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
        own = {"PLAYGROUND_HOME": str(self.home), "PLAYGROUND_WORKERS": "1"}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--server.port", str(self.port), *self._options],
                cwd=ROOT,
                env={**os.environ, **own, **self._environment},
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            assert self._process.poll() is None, self.log.read_text()
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):
                    return
            except OSError:
                time.sleep(0.1)
        pytest.fail(f"no answer in {START_SECONDS:g} s\n{self.log.read_text()}")

    def wait(self, seconds: float) -> bool:
        """Whether the server, which was told to end, does so in time; it is gone in any case."""
        assert self._process is not None
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return False
        return True

    def stop(self) -> float:
        """Asks the server to end as Ctrl+C does; the seconds it took."""
        assert self._process is not None
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGINT)
        self.wait(20)
        return time.monotonic() - began


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("home"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def store(server: Server) -> Iterator[Store]:
    store = open_store(Settings(home=server.home))
    yield store
    store.close()


@pytest.fixture
def recording(store: Store) -> Iterator[Recording]:
    recording = Recording(store)
    yield recording
    recording.finish()


@pytest.fixture(scope="session")
def context() -> Iterator[BrowserContext]:
    """One for all tests: what the browser has loaded once it keeps, as a visitor's does."""
    path = chromium.ensure()
    if path is None:
        pytest.fail("no Chromium to test with: see the output above")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=chromium.arguments())
        yield browser.new_context()
        browser.close()


@pytest.fixture
def open_page(context: BrowserContext, server: Server) -> Iterator[Callable[..., Page]]:
    """As `pages` on the server of all tests."""
    with pages(context, server) as opened:
        yield opened


@contextmanager
def pages(context: BrowserContext, server: Server) -> Iterator[Callable[..., Page]]:
    """Opens a page of the app; afterwards nothing may have been refused by the security policy
    or thrown in the page, and our own files may have put no error or warning into its console."""
    shown: list[Page] = []
    faults: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        ours = "/live/" in message.location.get("url", "")
        wrong = ours and message.type in {"error", "warning"} and not EXPECTED.search(message.text)
        if wrong or re.search("Content Security Policy|Uncaught", message.text):
            faults.append(f"{message.type}: {message.text} ({message.location})")

    def opened(
        query: str = "", width: int = 1440, height: int = 900, scheme: str = "light"
    ) -> Page:
        page = context.new_page()
        shown.append(page)
        page.set_default_timeout(PATIENCE_MS)
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        page.on("console", hear)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"{server.url}/{query}")
        return page

    yield opened
    for page in shown:
        page.close()
    assert not faults
