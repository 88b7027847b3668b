"""The loss editor in Chromium, with a real checking worker: names, signatures, faults and fixes."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

Open = Callable[..., Page]


@pytest.fixture
def page(open_page: Open) -> Page:
    page = open_page("?dataset=digits&loss=-log(p_true)")
    expect(verdict(page)).to_contain_text("Understood", timeout=60_000)
    expect(page.locator(".editor .known").first).to_be_visible()  # the names are there
    return page


def area(page: Page) -> Locator:
    return page.locator(".editor textarea")


def verdict(page: Page) -> Locator:
    return page.locator(".editor .verdict")


def options(page: Page) -> Locator:
    return page.locator(".editor [role=option]")


def write(page: Page, text: str) -> None:
    area(page).click()
    area(page).press("Control+A")
    area(page).press_sequentially(text, delay=10)


def test_names_are_completed_by_keyboard(page: Page) -> None:
    write(page, "gamma = 2.0\n-sum(y_t")
    expect(options(page).first).to_contain_text("y_true")
    expect(options(page).first).to_contain_text("the target, one-hot")
    chosen = area(page).get_attribute("aria-activedescendant")
    assert options(page).first.get_attribute("id") == chosen
    area(page).press("Tab")
    expect(area(page)).to_have_value("gamma = 2.0\n-sum(y_true")
    expect(options(page)).to_have_count(0)

    area(page).press_sequentially(" * log", delay=10)
    expect(options(page).first).to_contain_text("log(x)")
    area(page).press("ArrowDown")
    expect(options(page).nth(1)).to_have_attribute("aria-selected", "true")
    area(page).press("ArrowUp")
    area(page).press("Enter")
    area(page).press_sequentially("y_pred), ax", delay=10)
    expect(options(page).first).to_contain_text("axis=")
    area(page).press("Enter")
    area(page).press_sequentially("-1) * gam", delay=10)
    expect(options(page).first).to_contain_text("2.0")  # the text's own name
    area(page).press("Enter")
    expect(area(page)).to_have_value("gamma = 2.0\n-sum(y_true * log(y_pred), axis=-1) * gamma")
    expect(verdict(page)).to_contain_text("Understood")
    assert int(page.locator(".editor").get_attribute("data-answer") or 0) > 0


def test_a_closed_list_takes_no_key(page: Page) -> None:
    write(page, "p = p_true")
    expect(options(page)).to_have_count(0)  # written out: nothing to complete
    area(page).press("Enter")
    area(page).press_sequentially("foc", delay=10)
    expect(options(page).first).to_contain_text("focal(y_true, y_pred, gamma=2.0, alpha=1.0)")
    area(page).press("Escape")
    expect(options(page)).to_have_count(0)
    area(page).press("Tab")
    expect(area(page)).to_have_value("p = p_true\nfoc ")  # indents
    area(page).press_sequentially("# su", delay=10)
    expect(options(page)).to_have_count(0)  # a comment
    area(page).press("Control+Space")
    expect(options(page)).to_have_count(0)
    area(page).press("Enter")
    area(page).press_sequentially("K.", delay=10)
    expect(options(page).first).to_be_visible()
    options(page).filter(has_text="clip(").click()
    expect(area(page)).to_have_value("p = p_true\nfoc # su\nK.clip(")


def test_the_signature_follows_the_argument(page: Page) -> None:
    usage = page.locator(".editor .usage")
    write(page, "sum(")
    expect(usage).to_contain_text("sum(x, axis=None, keepdims=False)")
    expect(usage.locator("b")).to_have_text("x")
    area(page).press_sequentially("mean(y_pred, -1), keepdims=", delay=10)
    expect(usage.locator("b")).to_have_text("keepdims=False")
    area(page).press_sequentially("True)", delay=10)
    expect(usage).not_to_contain_text("sum(")


def test_nothing_moves_while_one_types(page: Page) -> None:
    expect(page.locator(".st-key-panel-loss .js-plotly-plot")).to_be_visible()
    page.wait_for_timeout(1000)
    curves = page.locator(".st-key-panel-curves")
    before = curves.bounding_box()
    write(page, "-log(p_tru")
    expect(options(page).first).to_be_visible()
    # Both at one moment: an answer of the checker draws the lines anew.
    below, line = page.locator(".editor").evaluate(
        """editor => ['.names', '.line'].map((name) => {
            const { top, bottom } = editor.querySelector(name).getBoundingClientRect()
            return { top, bottom }
        })"""
    )
    assert below["top"] >= line["bottom"] - 8  # beside, not over, what is typed
    area(page).press("Escape")
    expect(verdict(page)).to_contain_text("Line 1")
    page.wait_for_timeout(1000)
    assert curves.bounding_box() == before


@pytest.mark.parametrize(
    ("text", "label", "mended"),
    [
        ("−log(p_true) × (1 − p_true)²", "Replace all 4", "-log(p_true) * (1 - p_true)**2"),
        ("-log(p_tru) + p_tru", "Replace all 2", "-log(p_true) + p_true"),
        ("-log(p_true)\u00a0* 2", "Use a plain space", "-log(p_true) * 2"),
        ("-log(\u200bp_true)\u200b", "Remove all 2", "-log(p_true)"),
        ("(1 - p_true)^2", "Use **", "(1 - p_true)**2"),
        ("-ln(p_true)", "Use log", "-log(p_true)"),
    ],
)
def test_one_press_mends_and_one_undo_takes_it_back(
    page: Page, text: str, label: str, mended: str
) -> None:
    area(page).fill(text)
    fix = page.locator(".editor .fix")
    expect(fix).to_have_text(label)
    fix.click()
    expect(area(page)).to_have_value(mended)
    expect(verdict(page)).not_to_have_class("verdict is-error")
    area(page).press("Control+Z")
    expect(area(page)).to_have_value(text)


def test_faults_are_stepped_through(page: Page) -> None:
    area(page).fill("a = log(y_true)\nb = floor(y_pred)\n-sum(a * b, axis=-1)")
    onward = page.locator(".editor .onward")
    expect(onward).to_contain_text("1 of ")
    first = verdict(page).inner_text()
    onward.click()
    expect(onward).to_contain_text("2 of ")
    expect(verdict(page)).not_to_have_text(first)
    area(page).click(position={"x": 70, "y": 22})  # on log(y_true)
    expect(verdict(page)).to_contain_text("Line 1")


def test_the_list_fits_a_telephone(open_page: Open) -> None:
    page = open_page("?dataset=digits&loss=-log(p_true)", width=360, height=740, scheme="dark")
    expect(verdict(page)).to_contain_text("Understood", timeout=60_000)
    write(page, "-sum(y_true * K.")
    expect(options(page).first).to_be_visible()
    box = page.locator(".editor .names").bounding_box()
    assert box is not None
    assert box["x"] >= 0 and box["x"] + box["width"] <= 360
    assert (options(page).first.bounding_box() or {})["height"] >= 40
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
