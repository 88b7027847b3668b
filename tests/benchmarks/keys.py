"""From a key to what answers it, in Chromium: the editor's verdict and the studio's new picture.

    python tests/benchmarks/keys.py [--keys 40] [--editor]

The app, its checking worker and the browser share this machine. Keys are pressed one at a time in
the editor and on a slider, each when the page is at rest, and a slider is dragged; a page clock
measures from the key or the move to the attribute that says the answer is drawn, and to the next
frame. `--editor`: keys in the editor only. Prints median, 95th percentile and worst, in ms.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests import chromium
from tests.browser.conftest import Server

START = "?dataset=digits&loss=gamma = 2.0  %23 0..5%0A-(1 - p_true)**gamma * log(p_true)"
PATIENCE_MS = 10_000
REST_MS = 700  # between two keys: the page is at rest again
SLIDER = ".st-key-parameter-write-gamma input"
TIMES: dict[str, list[float]] = {}
CLOCK = """
() => {
    const find = (name) => [...document.querySelectorAll('*')]
        .map((node) => node.shadowRoot?.querySelector(name)).find(Boolean)
    const clock = (window.clock = { key: 0, found: {} })
    const start = () => Object.assign(clock, { key: performance.now(), found: {} })
    document.addEventListener('keydown', start, true)
    document.addEventListener('pointermove', (event) => event.buttons && start(), true)
    for (const [name, attribute] of [['.editor', 'data-checked'], ['.studio', 'data-answered']]) {
        new MutationObserver(() => requestAnimationFrame(() => {
            clock.found[name] ??= performance.now() - clock.key
        })).observe(find(name), { attributes: true, attributeFilter: [attribute] })
    }
}
"""


def main() -> None:
    """Opens the app, presses the keys and prints the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keys", type=int, default=40)
    parser.add_argument("--editor", action="store_true")
    options = parser.parse_args()
    path = chromium.ensure()
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        server = Server(Path(home))
        server.start()
        browser = playwright.chromium.launch(executable_path=path, args=chromium.arguments())
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        if not options.editor:
            sliders(page, f"{server.url}/{START}", options.keys)
        texts(page, f"{server.url}/{START}", options.keys)
        browser.close()
        server.stop()


def sliders(page: Page, url: str, count: int) -> None:
    """Each view on a page of its own: arrow keys on a slider, then a drag."""
    for name in ("Curve", "Simplex", "Weights"):
        opened(page, url, name)
        page.locator(SLIDER).focus()
        for pressed in range(count):
            key = "ArrowRight" if pressed % 20 < 10 else "ArrowLeft"
            page.keyboard.press(key)
            note(page, f"arrow to {name.lower()}", ".studio")
            page.wait_for_timeout(REST_MS)
        box = page.locator(SLIDER).locator("xpath=..").bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        for moved in range(count):
            page.mouse.move(x + 3 * (moved + 1), y)
            note(page, f"drag to {name.lower()}", ".studio")
            page.wait_for_timeout(REST_MS)
        page.mouse.up()


def texts(page: Page, url: str, count: int) -> None:
    """Each sort of text on a page of its own: keys in the editor. Prints all times."""
    for what, end, key in (("sound text", " * 1.2", "3"), ("a fault", "", ")")):
        opened(page, url, "Curve")
        page.locator(".editor .cm-content").click()
        page.keyboard.press("Control+End")
        page.keyboard.type(end)
        page.wait_for_timeout(2000)
        for pressed in range(count):
            page.keyboard.press("Backspace" if pressed % 2 else key)
            note(page, f"key to verdict, {what}", ".editor")
            if what == "sound text":
                note(page, "key to curve", ".studio")
            page.wait_for_timeout(REST_MS)
    for what, times in TIMES.items():
        ordered = sorted(times)
        print(
            f"{what:27s} {len(times):3d} keys: median {statistics.median(times):4.0f}, "
            f"95th percentile {ordered[int(0.95 * (len(ordered) - 1))]:4.0f}, "
            f"worst {ordered[-1]:4.0f} ms"
        )


def opened(page: Page, url: str, view: str) -> None:
    """The page anew, at rest, its clock set."""
    page.goto(url)
    page.locator('.studio[data-kind="curve"]').wait_for(timeout=90_000)
    page.locator(SLIDER).wait_for(state="attached", timeout=90_000)
    page.get_by_role("radio", name=view, exact=True).click()
    page.wait_for_timeout(8000)
    page.evaluate(CLOCK)


def note(page: Page, what: str, who: str) -> None:
    """How long `who` takes, or took, to answer the last key."""
    found = page.wait_for_function(
        "who => window.clock.found[who]", arg=who, timeout=PATIENCE_MS, polling=5
    )
    TIMES.setdefault(what, []).append(float(found.json_value()))


if __name__ == "__main__":
    main()
