"""A visitor races two losses, one of which breaks: one click, the table and the verdict come."""

from collections.abc import Callable
from urllib.parse import quote

from playwright.sync_api import Page, expect

SETUP = (
    '{"base": {"dataset": "digits", "train_images": 200, "width": 2, "embedding": 8, "epochs": 1, '
    '"evaluations": 1}, "lanes": [{"loss": "categorical_crossentropy"}, {"loss": "gce"}, '
    '{"loss": "log(-mean(y_pred))", "title": "Broken"}], "seeds": 2}'
)


def test_a_race_runs_and_is_judged(open_page: Callable[..., Page]) -> None:
    page = open_page(f"race?setup={quote(SETUP)}")
    expect(page.get_by_text("3 lanes × 2 seeds: 6 runs")).to_be_visible()
    page.locator(".st-key-race-start button:visible").first.click()
    board = page.locator(".st-key-panel-race")
    expect(board.get_by_text("6 of 6 runs")).to_be_visible(timeout=180_000)
    expect(board.get_by_text("Of 2 seeds nothing can be said")).to_be_visible()
    expect(board.get_by_text("Broken runs count for nothing here")).to_be_visible()
    expect(board.locator(".js-plotly-plot").first).to_be_visible()
    board.get_by_text("What the lanes have in common").click()
    expect(board.get_by_text("Of each seed all lanes had the same first weights")).to_be_visible()
    assert "race=" in page.url and "setup=" not in page.url
