"""The browser's console stays empty on every page, wide and narrow, with and without a run; and
what a view waits for stands in its place."""

from collections.abc import Callable

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from tests.browser.recording import Recording

Open = Callable[..., Page]
PAGES = ("", "feature_maps", "embedding", "fitting", "losses")


@pytest.fixture
def walked(recording: Recording) -> str:
    """A run that has curves, marks and an evaluation."""
    recording.begin().advance(80).evaluate(0.5).change("phase", "second", 2)
    return recording.advance(80).evaluate(0.9).id


def said(page: Page) -> list[str]:
    """All that a page puts into its console from now on."""
    found: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        found.append(f"{page.url}: {message.type}: {message.text}")

    page.on("console", hear)
    page.on("pageerror", lambda error: found.append(f"{page.url}: {error}"))
    return found


@pytest.mark.parametrize("width", [1440, 360])
def test_no_page_says_anything_in_the_console(open_page: Open, walked: str, width: int) -> None:
    page = open_page(width=width)
    home = page.url.split("?")[0].rstrip("/")
    found = said(page)
    for run in ("", walked):
        for name in PAGES:
            page.goto(f"{home}/{name}?run={run}")
            expect(page.locator("h1, h2, h3, h4").first).to_be_visible()
            page.wait_for_load_state("networkidle")
            page.wait_for_timeout(500)
    assert not found, "\n".join(found)


def test_charts_say_nothing_while_there_is_no_room_for_them(open_page: Open, walked: str) -> None:
    page = open_page(f"?run={walked}")
    found = said(page)
    plot = page.locator("[data-panel=loss] .plot")
    expect(plot.locator(".main-svg").first).to_be_visible()
    for width in (0, 1, 20, 60, 90, 300):
        plot.evaluate(f"plot => plot.style.width = '{width}px'")
        page.wait_for_timeout(300)
        page.set_viewport_size({"width": 1400 + width, "height": 900})
        page.wait_for_timeout(300)
    expect(plot.locator(".main-svg").first).to_have_attribute("width", "300")
    assert not found, "\n".join(found)


def test_feature_maps_say_what_they_wait_for(open_page: Open, walked: str) -> None:
    page = open_page("feature_maps")
    blank = page.locator(".maps .blank")
    expect(blank).to_have_text("A test image shows here once there is a network to look into")
    page = open_page(f"feature_maps?run={walked}")  # a run of which no weights were kept yet
    expect(page.locator(".maps .blank")).to_contain_text("Training")
    expect(page.locator(".maps .stage > .empty")).to_have_text(
        "The maps show here with the first step"
    )
