"""The box studio in Chromium, with a real checking worker: it needs no run."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect


def test_a_box_is_moved_and_the_losses_take_it_downhill(open_page: Callable[..., Page]) -> None:
    page = open_page("detection?dataset=shapes")
    studio = page.locator(".box-studio")
    films = studio.locator(".films li")
    expect(films).to_have_count(5, timeout=240_000)
    titles = films.get_by_role("button")
    titles.get_by_text("IoU", exact=True).click()
    expect(studio.locator(".push")).to_have_text("IoU has no gradient here: nothing moves")
    titles.get_by_text("GIoU", exact=True).click()
    expect(studio.locator(".push")).to_contain_text("Arrows: where GIoU pushes each corner")
    box = studio.locator("rect.box")
    expect(box).to_have_attribute("x", "6")
    box.focus()
    box.press("ArrowRight")
    expect(box).to_have_attribute("x", re.compile(r"^(7$|6\.99|7\.00)"))
    step = studio.get_by_role("slider", name="Step of descent")
    step.fill("200")
    expect(films.first.locator("small")).to_contain_text("IoU 1.00")
    expect(films.nth(1).locator("small")).to_contain_text("IoU 0.00")
    own = studio.get_by_role("textbox")
    own.fill("mean(square(y_true - y_pred))")
    own.press("Enter")
    expect(studio.locator(".trouble")).to_contain_text("write a loss of boxes and boxes_pred")
