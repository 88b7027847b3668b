"""An answer that comes after a newer one, or when nobody waits for it any more, is not drawn."""

import contextlib
from collections.abc import Callable

from playwright.sync_api import Error, Page, Route, expect

from tests.browser.test_maps import trained
from tests.browser.test_visit import nothing_left_running

__all__ = ["nothing_left_running", "trained"]  # fixtures of these stories, too


def holding(page: Page, wanted: Callable[[dict], bool]) -> list[Route]:
    """Holds back the answers to those questions, for the test to let them go."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        if wanted(route.request.post_data_json):
            held.append(route)
        else:
            route.continue_()

    page.route("**/live/look", hold)
    return held


def waits_for(page: Page, held: list[Route], count: int) -> None:
    for _ in range(600):
        if len(held) >= count:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{len(held)} questions instead of {count}")


def late(page: Page, route: Route) -> None:
    """Lets an old answer come, and the page take it or not."""
    with contextlib.suppress(Error):  # the page has given the question up: no answer will come
        route.continue_()
    page.wait_for_timeout(1500)


def test_reasons_are_those_of_the_image_that_is_looked_at(trained: Page) -> None:
    page = trained
    held = holding(page, lambda asked: asked["what"] == "why")
    number = page.get_by_label("Test image number")
    page.get_by_text("Why it says so").click()
    waits_for(page, held, 1)
    number.fill("7")
    number.press("Enter")
    waits_for(page, held, 2)
    held[1].continue_()
    reasons = page.locator(".reasons")
    expect(reasons).to_be_visible()
    picture = "node => [...node.querySelectorAll('.over')].map(one => one.toDataURL()).join()"
    shown = reasons.evaluate(picture)
    late(page, held[0])
    assert page.locator(".reasons").evaluate(picture) == shown


def test_neighbours_are_those_of_the_last_click_and_none_once_closed(
    open_page: Callable[..., Page], trained: Page
) -> None:
    page = trained
    page.get_by_role("link", name="Embedding").click()
    expect(page.locator(".cloud[data-step]")).to_be_visible()
    held = holding(page, lambda asked: asked["what"] == "neighbours")
    number, heading = page.get_by_label("Test image number"), page.locator(".embedding .detail h4")
    for count, image in enumerate(("3", "5"), 1):
        number.fill(image)
        number.press("Enter")
        waits_for(page, held, count)
    held[1].continue_()
    expect(heading).to_contain_text("test image 5")
    late(page, held[0])
    expect(heading).to_contain_text("test image 5")
    number.fill("9")
    number.press("Enter")
    waits_for(page, held, 3)
    page.get_by_role("button", name="Close").click()
    late(page, held[2])
    expect(heading).to_have_text("Click a point to see its image and its neighbours")
