"""Incremental in Chromium: a run waits between its phases, its loss is changed there, and the page
says what was forgotten."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from playground.runs.store import Store
from tests.browser.editing import text_area
from tests.browser.test_visit import button, nothing_left_running, words

__all__ = ["nothing_left_running"]
QUERY = (
    "incremental?dataset=digits&groups=halves&epochs=2&width=4&evaluations=1&pauses=1"
    "&kept=none&loss=cross_entropy()"
)
OTHER = "cross_entropy() + 1.0 * weight_drift"


def test_the_loss_is_changed_between_two_phases(
    open_page: Callable[..., Page], store: Store
) -> None:
    page = open_page(QUERY)
    expect(page.locator(".editor .verdict")).to_contain_text("Understood")
    button(page, "train").click()
    expect(words(page)).to_contain_text("Paused")
    run_id = page.url.partition("run=")[2].partition("&")[0]
    assert [mark.name for mark in store.marks(run_id) if mark.kind == "phase"] == ["5, 6, 7, 8, 9"]

    text_area(page).fill(OTHER)
    button(page, "apply-loss").click()
    expect(button(page, "apply-loss")).to_be_hidden()
    button(page, "resume").click()
    expect(words(page)).to_contain_text("Completed")
    assert [mark.kind for mark in store.marks(run_id) if mark.kind == "loss"] == ["loss"]

    table = page.locator(".phases table")
    expect(table.locator("tbody tr.now")).to_contain_text("2")
    cells = table.locator("tbody tr.now td:not(.sum)").all_inner_texts()
    assert len(cells) == 2 and all(0 <= float(each) <= 100 for each in cells)
    said = page.locator(".st-key-lesson-curves")
    expect(said).to_contain_text("Forgetting: 0, 1, 2, 3, 4 had")
    button(page, "next-step").click()
    expect(page).not_to_have_url(re.compile("kept=none"))
