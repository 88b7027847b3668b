"""Multi-task in Chromium: terms and weights while it trains, pairs, both images' maps."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.test_visit import button, nothing_left_running, words

__all__ = ["nothing_left_running"]  # a fixture of this story, too

LONG = "siamese?dataset=digits&epochs=200&width=4&weighting=gradnorm"


def test_terms_show_while_it_trains_and_both_images_when_it_is_looked_into(
    open_page: Callable[..., Page],
) -> None:
    page = open_page(LONG)
    button(page, "train").click()
    # Without a click or a reload: what is charted of a term is known once it was measured.
    expect(page.get_by_text("Term 3: its own weight")).to_be_visible()
    expect(page.get_by_text("Term 1: share of the total")).to_be_visible()
    expect(page.get_by_text(re.compile(r"[Tt]erms? .*conflict|Term \d"))).not_to_have_count(0)
    expect(page.locator(".pairs")).to_contain_text("distance")
    expect(page.locator(".distances")).to_contain_text("equal error rate")
    button(page, "stop").click()
    expect(words(page)).to_contain_text("Stopped")
    page.get_by_role("link", name="Feature maps").click()
    for side in ("block1_conv", "right_block1_conv"):
        expect(page.locator(f"[data-layer={side}] canvas").first).to_be_visible()
    expect(page.locator(".which")).to_contain_text(re.compile(r"Left image, \d: .*Right image, \d"))
    page.locator("[data-layer=right_block1_conv] canvas").nth(2).click()
    expect(page.locator(".detail")).to_contain_text("Filter 2 of right block1 conv")
    page.get_by_role("link", name="Embedding").click()
    expect(page.locator(".cloud[data-step]")).to_be_visible()
    expect(page.locator(".cloud .said")).to_contain_text("right")
