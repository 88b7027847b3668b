"""How long a visitor waits, in Chromium with the server warm: from the click, the key or the
opening of a page to what answers it.

    python tests/benchmarks/waiting.py [--times 20] [--dataset mnist] [--only start losses ...]

The app, its workers and the browser share this machine. Each run has a seed of its own, so that its
network is new to the worker that looks into it. Prints median, 95th percentile and worst of each,
what the Playground loads, and the memory of each process. Takes about five minutes for 20 times.
Set PLAYGROUND_DATA.
"""

import argparse
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playground.runs.store import Store, open_store
from playground.settings import Settings
from tests import chromium
from tests.browser.conftest import Server

PATIENCE_MS = 60_000
TIMES: dict[str, list[float]] = {}
# In every page: a search that enters the live views, and the time of the last click or key.
HELP = """
window.deep = (selector) => {
    const found = document.querySelector(selector)
    if (found) return found
    for (const node of document.querySelectorAll('*')) {
        const within = node.shadowRoot?.querySelector(selector)
        if (within) return within
    }
    return null
}
window.began = 0
window.start = () => { window.began = performance.now() }
addEventListener('click', start, true)
addEventListener('keydown', start, true)
"""
USABLE = """document.querySelector('.st-key-train button:not([disabled])')
    && deep('.studio[data-kind="curve"]') && deep('.curves')
    && deep('.readout .words')?.textContent"""
POINT = "Number(deep('.curves')?.dataset.end ?? 0) > 0"
MAPS = "deep('.layers section canvas')"
SLIDER = "[class*=st-key-slider-] input[type=range]"
WHOLE = """document.querySelectorAll('.face').length > 50
    && [...document.querySelectorAll('.face img')].every(image => image.complete)
    && ![...document.querySelectorAll('.face em')].some(each => each.textContent === '…')"""
LOADED = """() => performance.getEntriesByType('resource').map(
    ({name, encodedBodySize, decodedBodySize}) => [name, encodedBodySize, decodedBodySize])"""


def note(page: Page, what: str, condition: str) -> None:
    """Seconds from the last click or key, or the opening of the page, to a condition in it."""
    found = page.wait_for_function(
        f"() => {{ const yes = Boolean({condition}); "
        "return yes && performance.now() - window.began }",
        timeout=PATIENCE_MS,
        polling="raf",
    )
    TIMES.setdefault(what, []).append(float(found.json_value()) / 1000)


def state(name: str) -> str:
    """The condition that the shown run is in a state."""
    return f"deep('.readout')?.dataset.state === '{name}'"


def press(page: Page, key: str) -> None:
    """A click on the button of a key, once it may be clicked."""
    button = page.locator(f".st-key-{key} button")
    page.wait_for_selector(f".st-key-{key} button:not([disabled])", timeout=PATIENCE_MS)
    button.first.evaluate("button => button.click()")  # no time in which the pointer travels


class Visit:
    """A visitor of a warm server, with a browser that has been here before."""

    def __init__(
        self, context: BrowserContext, url: str, store: Store, options: argparse.Namespace
    ) -> None:
        self.context, self.url, self.store = context, url, store
        self.times, self.dataset = options.times, options.dataset
        self.page = self.opened(f"dataset={self.dataset}")
        self.runs: list[str] = []

    def opened(self, query: str, path: str = "") -> Page:
        """A page in a tab of its own."""
        page = self.context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{self.url}/{path}?{query}")
        return page

    def start(self) -> None:
        """The Playground, opened anew."""
        for _ in range(self.times):
            page = self.opened(f"dataset={self.dataset}")
            note(page, "Playground usable after opening", USABLE)
            page.close()

    def losses(self) -> None:
        """The page of all losses, opened anew."""
        for _ in range(self.times):
            page = self.opened(f"dataset={self.dataset}", "losses")
            note(page, "Losses complete after opening", WHOLE)
            page.close()

    def steer(self) -> None:
        """A run is trained, paused, resumed, looked into and stopped."""
        for seed in range(self.times):
            page = self.opened(f"dataset={self.dataset}&seed={seed}&epochs=100")
            page.wait_for_function(f"() => {USABLE}")
            page.wait_for_timeout(1500)  # somebody looks before they click
            press(page, "train")
            note(page, "Train to the first point", POINT)
            page.wait_for_function("() => location.search.includes('run=')")
            self.runs.append(page.url.partition("run=")[2].partition("&")[0])
            # At any moment of the second in which the page looks by itself whether there is news.
            page.wait_for_timeout(1000 + 1000 * seed / self.times)
            press(page, "pause")
            note(page, "Pause to paused", state("paused"))
            press(page, "resume")
            page.wait_for_function(f"() => {state('running')}")
            page.wait_for_timeout(500)
            link = page.get_by_role("link", name="Feature maps", exact=True)
            link.evaluate("link => link.click()")
            note(page, "first look at feature maps, training", MAPS)
            press(page, "stop")
            note(page, "Stop to stopped", state("stopped"))
            page.close()

    def look(self) -> None:
        """Feature maps of runs that have ended; of so many that each network is built anew."""
        for run_id in self.runs:
            page = self.opened(f"run={run_id}", "feature_maps")
            note(page, "Feature maps opened, idle", MAPS)
            page.close()

    def slider(self) -> None:
        """A slider that moves a live run, to the mark in what is recorded of it."""
        loss = "weight%20=%200.01%20%20%23%200..5%0A-log(p_true)%20%2B%20weight%20*%20center_loss()"
        # As many epochs as there may be: a run of digits would be over before the last move.
        page = self.opened(f"dataset=mnist&epochs=200&loss={loss}", "embedding")
        page.wait_for_function("() => document.querySelector('.st-key-train button:enabled')")
        page.locator(SLIDER).first.wait_for(state="attached")
        press(page, "train")
        page.wait_for_function(f"() => {state('running')}")
        page.wait_for_function("() => location.search.includes('run=')")
        run_id = page.evaluate("() => new URL(location).searchParams.get('run')")
        for moved in range(self.times):
            page.wait_for_timeout(700)
            page.locator(SLIDER).first.focus()
            before = len(self.store.marks(run_id))
            began = time.perf_counter()
            page.keyboard.press("ArrowRight" if moved % 10 < 5 else "ArrowLeft")
            while len(self.store.marks(run_id)) == before:
                if time.perf_counter() - began > 20:
                    found = self.store.run(run_id)
                    raise SystemExit(f"a moved slider left no mark; the run is {found.state}")
                time.sleep(0.005)
            TIMES.setdefault("slider to its mark in the run", []).append(
                time.perf_counter() - began
            )
        press(page, "stop")
        page.wait_for_function(f"() => {state('stopped')}")
        page.close()

    def keys(self) -> None:
        """Arrow keys on a slider of the studio."""
        loss = "gamma%20=%202.0%20%20%23%200..5%0A-(1%20-%20p_true)**gamma%20*%20log(p_true)"
        page = self.opened(f"dataset=digits&loss={loss}")
        slider = page.locator(".st-key-parameter-write-gamma input")
        slider.wait_for(state="attached")
        page.wait_for_function(f"() => {USABLE}")
        page.wait_for_timeout(4000)
        slider.focus()
        for pressed in range(self.times):
            page.evaluate("() => { window.answered = deep('.studio').dataset.answered }")
            page.keyboard.press("ArrowRight" if pressed % 20 < 10 else "ArrowLeft")
            note(page, "arrow key to the curve", "deep('.studio').dataset.answered !== answered")
            page.wait_for_timeout(700)
        page.close()


def loaded(page: Page) -> None:
    """Prints what a browser that was never here loads for the Playground."""
    page.wait_for_function(f"() => {USABLE}", timeout=PATIENCE_MS)
    found = sorted(page.evaluate(LOADED), key=lambda each: -each[1])
    sent, whole = (sum(each[i] for each in found) / 1e6 for i in (1, 2))
    print(f"the first visit loads {len(found)} files: {sent:.1f} MB as sent, {whole:.1f} MB")
    for name, size, _ in found[:8]:
        print(f"    {size / 1000:7.0f} kB  {name.rpartition('/')[2][:60]}")


def memory(server: int) -> None:
    """Prints the resident memory of the server and of each of its workers, as Linux counts it."""
    for pid in [server, *children(server)]:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        kib = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
        name = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        said = "server" if pid == server else f"worker {name[-2].decode()}"
        print(f"{said:15s} {kib / 1024:5.0f} MiB")


def children(pid: int) -> list[int]:
    """The processes that a process started."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(each) for task in tasks for each in (task / "children").read_text().split()]


def main() -> None:
    """Starts the app, visits it and prints the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--dataset", default="mnist")
    parts = ("start", "losses", "steer", "look", "slider", "keys")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    options = parser.parse_args()
    path = chromium.ensure()
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        server, began = Server(Path(home)), time.perf_counter()
        server.start()
        store = open_store(Settings(home=Path(home)))
        browser = playwright.chromium.launch(executable_path=path, args=chromium.arguments())
        try:
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            context.add_init_script(HELP)
            visit = Visit(context, server.url, store, options)
            train = "() => document.querySelector('.st-key-train button:not([disabled])')"
            visit.page.wait_for_function(train, timeout=PATIENCE_MS)
            print(f"command to the first page's Train: {time.perf_counter() - began:.1f} s")
            loaded(visit.page)
            print(f"command to the loss drawn: {time.perf_counter() - began:.1f} s", flush=True)
            visit.page.wait_for_timeout(15_000)  # all workers are warm
            if os.name == "posix" and Path("/proc/self/status").exists():
                memory(server.pid)
            for part in options.only:
                work: Callable[[], Any] = getattr(visit, part)
                work()
                said()
            if Path("/proc/self/status").exists():
                memory(server.pid)
        finally:
            browser.close()
            store.close()
            server.stop()


def said() -> None:
    """Prints the times since this was called last."""
    for what, times in TIMES.items():
        ordered = sorted(times)
        print(
            f"{what:38s} {len(times):3d}: median {statistics.median(times):5.2f}, "
            f"95th percentile {ordered[math.ceil(0.95 * len(ordered)) - 1]:5.2f}, "
            f"worst {ordered[-1]:5.2f} s",
            flush=True,
        )
    TIMES.clear()


if __name__ == "__main__":
    main()
