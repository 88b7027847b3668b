"""The page Fitting in Chromium, with a real worker: a link, a run, its verdict, its charts."""

import re
from collections.abc import Callable
from urllib.parse import urlencode

from playwright.sync_api import Page, expect

from playground.spec import RunSpec

Open = Callable[..., Page]

QUICK = RunSpec(
    dataset="digits",
    train_images=100,
    validation_images=300,
    label_noise=0.4,
    width=8,
    embedding=64,
    epochs=12,
    schedule="constant",
    evaluations=1,
    learning_rate=0.01,
    watch_fit=True,
)


def test_a_net_learns_wrong_labels_and_the_page_says_so(open_page: Open) -> None:
    page = open_page("fitting?" + urlencode({**QUICK.to_query(), "lesson": 3}))
    expect(page.get_by_text("Patterns are learned before exceptions")).to_be_visible()
    expect(page.get_by_text("what the curves amount to will stand here")).to_be_visible()
    page.locator(".st-key-train button:visible").first.click()
    expect(page.locator(".readout .words")).to_contain_text("Completed in", timeout=180_000)
    verdict = page.locator(".st-key-verdict-0")
    expect(verdict).not_to_contain_text("Not enough evidence")
    verdict.get_by_text("Evidence").click()
    expect(verdict.locator("table")).to_contain_text("Wrong labels learned")
    for panel in ("fit_accuracy", "fit_loss", "fit_gap", "memory"):
        expect(page.locator(f'[data-panel="{panel}"] .now')).to_have_text(re.compile(r"\d"))
    expect(page.locator('[data-panel="fit_gap"] .now')).to_contain_text("±")
    stars = "plot => plot.data.filter(({ name }) => name === 'best epoch').map(({ x }) => x[0])"
    drawn = [
        page.locator(f'[data-panel="{panel}"] .js-plotly-plot').evaluate(stars)
        for panel in ("fit_accuracy", "fit_loss")
    ]
    assert len(drawn[0]) == 1 and drawn[0] == drawn[1]  # where both charts have one, the same
    expect(page.locator(".reliability .numbers b").first).to_have_text(re.compile(r"^\d+\.\d%$"))

    page.get_by_role("button", name="2 Too few images").click()
    expect(page.get_by_text("holds for its own images more")).to_be_visible()
    images = page.locator(".st-key-spec-train_images input")
    expect(images).to_have_value("50")
