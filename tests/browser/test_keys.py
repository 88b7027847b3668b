"""Pages without a mouse: one stop a grid, keys that press, clouds that keys move."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from playground.runs.store import Store
from tests.browser.replay import replay

Open = Callable[..., Page]
SLOW_MS = 180_000  # the worker that looks may have to get warm first, on a busy machine
PICTURE = "canvas => canvas.toDataURL()"


def test_maps_are_one_stop_a_layer_and_keys_open_them(
    open_page: Open, store: Store, tmp_path: Path
) -> None:
    page = open_page(f"feature_maps?run={replay(store, tmp_path)}")
    layers = page.locator(".layer:has(canvas[role=button])")
    expect(layers.first).to_be_visible(timeout=SLOW_MS)
    stops = page.locator(".layer canvas[role=button][tabindex='0']")
    expect(stops).to_have_count(layers.count())
    first = layers.nth(1).locator("canvas[role=button]")
    first.nth(0).focus()
    page.keyboard.press("ArrowRight")
    expect(first.nth(1)).to_be_focused()
    expect(first.nth(1)).to_have_attribute("tabindex", "0")
    expect(first.nth(0)).to_have_attribute("tabindex", "-1")
    page.keyboard.press("Home")
    expect(first.nth(0)).to_be_focused()
    page.keyboard.press("Space")  # presses the map, and no button of the page
    expect(first.nth(0)).to_have_class("is-chosen")
    assert "run=" in page.url


def test_a_cloud_is_moved_and_zoomed_without_a_mouse(
    open_page: Open, store: Store, tmp_path: Path
) -> None:
    page = open_page(f"embedding?run={replay(store, tmp_path)}")
    cloud = page.locator(".cloud canvas")
    expect(page.locator(".cloud")).to_have_attribute("data-step", "20", timeout=SLOW_MS)
    expect(cloud).to_have_attribute("aria-label", re.compile("Arrow keys move it"))
    page.wait_for_timeout(1500)  # the points have glided to their places
    whole = cloud.evaluate(PICTURE)

    def moves(key: str, before: str) -> str:
        cloud.press(key)
        page.wait_for_timeout(200)
        now = str(cloud.evaluate(PICTURE))
        assert now != before, key
        return now

    near = moves("+", whole)
    aside = moves("ArrowRight", near)
    moves("-", aside)
    cloud.press("0")
    page.wait_for_timeout(200)
    assert cloud.evaluate(PICTURE) == whole

    box = cloud.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.wheel(0, -200)  # on a cloud that was chosen
    page.wait_for_timeout(200)
    assert cloud.evaluate(PICTURE) != whole


COUNTED = """
const heard = new Set();
const {addEventListener: add, removeEventListener: remove} = document;
document.addEventListener = function (kind, listener, ...rest) {
  if (kind === "keydown" && /data\\.keys/.test(String(listener))) heard.add(listener);
  return add.call(this, kind, listener, ...rest);
};
document.removeEventListener = function (kind, listener, ...rest) {
  heard.delete(listener);
  return remove.call(this, kind, listener, ...rest);
};
window.listeners = () => heard.size;
"""


def listening(page: Page, count: int) -> None:
    """Waits until so many are there; the page's policy lets no text be evaluated in it."""
    for _ in range(100):
        if page.evaluate("() => window.listeners()") == count:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{page.evaluate('() => window.listeners()')} listeners, not {count}")


def test_a_page_listens_once_whatever_becomes_of_its_theme(open_page: Open) -> None:
    """A second listener would press a button twice, or one of a page that has gone."""
    page = open_page("?dataset=digits")
    page.add_init_script(COUNTED)
    page.reload()
    expect(page.get_by_role("button", name="Train")).to_be_enabled(timeout=SLOW_MS)
    for scheme in ("dark", "light", "dark"):
        page.emulate_media(color_scheme=scheme)
        expect(page.get_by_role("button", name="Train")).to_be_enabled()
        listening(page, 1)
    page.get_by_role("link", name="Fitting").click()
    expect(page.get_by_role("button", name="Train all three")).to_be_visible(timeout=SLOW_MS)
    listening(page, 1)
    page.emulate_media(color_scheme="light")
    page.get_by_role("link", name="Losses").click()
    expect(page.get_by_text("losses", exact=False).first).to_be_visible(timeout=SLOW_MS)
    listening(page, 0)  # it has no button that a key presses
