"""The embedding in Chromium: an experiment of the lab, its clouds, a point and its neighbours."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.test_visit import button, nothing_left_running, words

__all__ = ["nothing_left_running"]  # a fixture of these stories, too


def test_a_cloud_moves_as_the_network_learns_and_opens_up(open_page: Callable[..., Page]) -> None:
    page = open_page("embedding?dataset=digits&epochs=8")
    expect(page.get_by_text("start an experiment of the lab")).to_be_visible()
    button(page, "train-lab").click()
    cloud = page.locator(".cloud")
    expect(cloud).to_have_attribute("data-step", re.compile(r"\d+"))
    expect(words(page)).to_contain_text("Completed")
    expect(cloud).to_have_attribute("data-step", "80")
    expect(cloud.locator(".said")).to_contain_text(re.compile(r"\d+\.\d% right, step 80"))
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
    expect(page.locator("[data-panel=embedding_fisher] .now")).to_contain_text(re.compile(r"\d"))
