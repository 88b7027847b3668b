"""The loss editor as a visitor has it: a text area that holds lines."""

import time

from playwright.sync_api import Locator, Page

PATIENCE_SECONDS = 60.0
LINES = "area => [...area.querySelectorAll('.cm-line')].map((line) => line.textContent).join('\\n')"


def text_area(within: Page | Locator) -> Locator:
    """Where one types."""
    return within.locator(".editor .cm-content")


def text_of(where: Locator) -> str:
    """What a text area holds, as far as it is on the screen."""
    return str(where.evaluate(LINES))


def holds(where: Locator, wanted: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Waits until the text area holds the text, and fails if it never does."""
    end = time.monotonic() + seconds
    while (found := text_of(where)) != wanted:
        assert time.monotonic() < end, f"{found!r} is not {wanted!r}"
        where.page.wait_for_timeout(50)
