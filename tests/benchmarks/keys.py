"""From a key to what answers it, in Chromium: the editor's verdict and the studio's new picture.

    python tests/benchmarks/keys.py [--keys 40]

The app, its checking worker and the browser share this machine. Keys are pressed one at a time in
the editor and on a slider; a page clock measures from the key to the attribute that says the
answer is drawn, and to the next frame. Prints median, 95th percentile and worst, in ms.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, TimeoutError, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests import chromium
from tests.browser.conftest import Server

START = "?dataset=digits&loss=gamma = 2.0  %23 0..5%0A-(1 - p_true)**gamma * log(p_true)"
TYPED = " * 1.25 + 0.1 * mean(square(y_true - y_pred), axis=-1) - 0.01 * sum(y_pred * log(y_pred))"
PATIENCE_MS = 3000
CLOCK = """
() => {
    const find = (name) => [...document.querySelectorAll('*')]
        .map((node) => node.shadowRoot?.querySelector(name)).find(Boolean)
    const clock = (window.clock = { key: 0, found: {} })
    const start = () => Object.assign(clock, { key: performance.now(), found: {} })
    document.addEventListener('keydown', start, true)
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
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        server = Server(Path(home))
        server.start()
        browser = playwright.chromium.launch(
            executable_path=chromium.ensure(), args=chromium.arguments()
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{server.url}/{START}")
        measure(page, options.keys)
        browser.close()
        server.stop()


def measure(page: Page, count: int) -> None:
    """All stretches on one page, the first keys uncounted: they compile what is used later."""
    page.locator('.studio[data-kind="curve"]').wait_for(timeout=90_000)
    slider = page.locator(".st-key-parameter-write-gamma input")
    slider.wait_for(state="attached", timeout=90_000)
    page.wait_for_timeout(8000)
    page.evaluate(CLOCK)
    area = page.locator(".editor textarea")
    slider.focus()
    for pressed in range(count):
        press(page, "ArrowRight" if pressed % 20 < 10 else "ArrowLeft", ".studio", "slider, curve")
    area.click()
    page.keyboard.press("Control+End")
    for character in (TYPED * 9)[:count]:
        press(page, character, ".editor", "editor's verdict")
        press_after(page, ".studio", "text, curve")
    for name in ("Simplex", "Weights"):
        page.get_by_role("radio", name=name).click()
        page.wait_for_timeout(2000)
        slider.focus()
        for pressed in range(count // 2):
            key = "ArrowRight" if pressed % 20 < 10 else "ArrowLeft"
            press(page, key, ".studio", f"slider, {name.lower()}")
    for what, times in TIMES.items():
        ordered = sorted(times)
        print(
            f"{what:18s} {len(times):3d} keys: median {statistics.median(times):4.0f}, "
            f"95th percentile {ordered[int(0.95 * (len(ordered) - 1))]:4.0f}, "
            f"worst {ordered[-1]:4.0f} ms"
        )


TIMES: dict[str, list[float]] = {}


def press(page: Page, key: str, who: str, what: str) -> None:
    """One key, and how long `who` took to answer."""
    page.keyboard.press(key) if len(key) > 1 else page.keyboard.type(key)
    press_after(page, who, what)
    page.wait_for_timeout(300)


def press_after(page: Page, who: str, what: str) -> None:
    """How long `who` took, or takes, to answer the last key; nothing where it has no answer to
    give, as the studio of a text with a fault."""
    try:
        found = page.wait_for_function(
            "who => window.clock.found[who]", arg=who, timeout=PATIENCE_MS, polling=5
        )
    except TimeoutError:
        return
    TIMES.setdefault(what, []).append(float(found.json_value()))


if __name__ == "__main__":
    main()
