"""The studio in Chromium, with a real checking worker: it follows each key and each slider."""

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.browser.editing import text_area

Open = Callable[..., Page]
FOCAL = "?dataset=digits&loss=gamma = 2.0  %23 0..5%0A-(1 - p_true)**gamma * log(p_true)"


def studio(page: Page) -> Locator:
    return page.locator(".studio")


def answered(page: Page) -> int:
    return int(studio(page).get_attribute("data-answered") or 0)


def redrawn(page: Page, before: int) -> None:
    """It was drawn anew since, soon after what changed."""
    page.wait_for_function(
        """before => Number([...document.querySelectorAll('*')]
            .map((node) => node.shadowRoot?.querySelector('.studio')).find(Boolean)
            ?.dataset.answered ?? 0) > before""",
        arg=before,
    )
    assert int(studio(page).get_attribute("data-drawn") or 0) > 0


def test_it_follows_keys_and_sliders_and_shows_what_fits(open_page: Open) -> None:
    page = open_page(FOCAL)
    expect(studio(page)).to_have_attribute("data-kind", "curve", timeout=60_000)
    slider = page.locator(".st-key-parameter-write-gamma input")
    expect(slider).to_be_attached()
    page.wait_for_timeout(1500)  # the verdicts come, and the page is at rest
    before = answered(page)
    slider.focus()
    slider.press("ArrowRight")
    redrawn(page, before)

    area = text_area(page)
    area.click()
    area.press("Control+End")
    before = answered(page)
    area.press_sequentially(" * 2")
    redrawn(page, before)
    area.press_sequentially(" *")
    expect(studio(page).locator(".note")).to_have_text("Of the last text without a fault.")
    area.press("Backspace")
    expect(studio(page).locator(".note")).to_contain_text("price")

    studio(page).get_by_role("radio", name="Simplex").click()
    expect(studio(page)).to_have_attribute("data-kind", "simplex")
    studio(page).get_by_role("radio", name="Weights").click()
    expect(studio(page).locator(".tile")).to_have_count(14)
    expect(studio(page).locator(".note")).to_contain_text("256 digits")
    area.press("Control+A")
    area.press_sequentially("supcon()")
    expect(studio(page).locator(".empty")).to_contain_text("depends on features")
    studio(page).get_by_role("radio", name="Curve").click()
    expect(studio(page)).to_have_attribute("data-kind", "points")
