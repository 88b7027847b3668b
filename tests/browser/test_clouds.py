"""The embedding in Chromium: a cloud that moves, a point and its neighbours, back in time."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.test_visit import button, nothing_left_running, words

__all__ = ["nothing_left_running"]  # a fixture of these stories, too

SLOW_MS = 180_000  # two workers may have to get warm first, on a busy machine


def test_a_cloud_moves_as_the_network_learns_and_opens_up(open_page: Callable[..., Page]) -> None:
    page = open_page("embedding?dataset=digits&epochs=8&width=8&embedding=2&linear_embedding=1")
    expect(page.get_by_text("start an experiment of the lab")).to_be_visible()
    button(page, "train").click()
    cloud = page.locator(".cloud")
    expect(cloud).to_have_attribute("data-step", re.compile(r"\d+"), timeout=SLOW_MS)
    expect(words(page)).to_contain_text("Completed", timeout=SLOW_MS)
    expect(cloud).to_have_attribute("data-step", "320")
    expect(cloud.locator(".said")).to_contain_text(re.compile(r"\d+\.\d% right, step 320"))
    picture = "one => one.toDataURL()"
    last = cloud.locator("canvas").evaluate(picture)

    page.get_by_label("Test image number").fill("7")
    page.keyboard.press("Enter")
    expect(page.locator(".detail .seen li")).to_have_count(13)
    expect(page).to_have_url(re.compile("image=7"))
    page.get_by_role("button", name="Close").click()
    page.locator(".classes .key").first.click()  # class 0 is hidden
    page.wait_for_timeout(300)
    assert cloud.locator("canvas").evaluate(picture) != last
    page.get_by_label("Step of the run").press("Home")
    expect(cloud).to_have_attribute("data-step", "0")
    page.get_by_role("button", name="Both").click()
    expect(page.locator(".cloud[data-split=train][data-step='0']")).to_be_visible()
