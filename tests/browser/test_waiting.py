"""What stands in a view's place while its module is on the way, and when it does not come."""

from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.conftest import Server

LOADING = "Loading this part of the page"


def opened(context: BrowserContext, server: Server, answer: Callable[[Route], None]) -> Page:
    """Feature maps, the module of which is answered like this."""
    page = context.new_page()
    page.route("**/maps.js", answer)
    page.goto(f"{server.url}/feature_maps?dataset=digits")
    return page


def test_a_view_on_its_way_says_so_and_keeps_its_room(
    context: BrowserContext, server: Server
) -> None:
    held: list[Route] = []
    page = opened(context, server, lambda route: held.append(route))
    place = page.get_by_text(LOADING).last  # another may be on its way as well
    expect(place).to_be_visible(timeout=30_000)
    box = place.bounding_box()
    assert box is not None
    assert box["height"] >= 600
    held[0].continue_()
    expect(page.get_by_text("Press Train: every layer's maps show here")).to_be_visible()
    expect(place).to_have_count(0)
    page.close()


def test_a_view_that_does_not_come_says_what_to_do(context: BrowserContext, server: Server) -> None:
    page = opened(context, server, lambda route: route.abort())
    expect(
        page.get_by_text("This view did not load. Check the connection and reload the page.")
    ).to_be_visible(timeout=30_000)
    expect(page.get_by_text(LOADING)).to_have_count(0)
    page.close()
