"""The loss editor in Chromium, with a real checking worker: names, signatures, faults and fixes."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.editing import holds, text_area

Open = Callable[..., Page]


@pytest.fixture
def page(open_page: Open) -> Page:
    page = open_page("?dataset=digits&loss=-log(p_true)")
    expect(verdict(page)).to_contain_text("Understood", timeout=60_000)
    expect(page.locator(".editor .known").first).to_be_visible()  # the names are there
    return page


def verdict(page: Page) -> Locator:
    return page.locator(".editor .verdict")


def options(page: Page) -> Locator:
    return page.locator(".editor [role=option]")


def write(page: Page, text: str) -> None:
    text_area(page).click()
    text_area(page).press("Control+A")
    text_area(page).press_sequentially(text, delay=10)


def test_names_are_completed_by_keyboard(page: Page) -> None:
    write(page, "gamma = 2.0\n-sum(y_t")
    expect(options(page).first).to_contain_text("y_true")
    expect(options(page).first).to_contain_text("the target, one-hot")
    chosen = text_area(page).get_attribute("aria-activedescendant")
    assert options(page).first.get_attribute("id") == chosen
    text_area(page).press("Tab")
    holds(text_area(page), "gamma = 2.0\n-sum(y_true)")
    expect(options(page)).to_have_count(0)

    text_area(page).press_sequentially(" * log", delay=10)
    expect(options(page).first).to_contain_text("log(x)")
    text_area(page).press("ArrowDown")
    expect(options(page).nth(1)).to_have_attribute("aria-selected", "true")
    text_area(page).press("ArrowUp")
    text_area(page).press("Enter")
    text_area(page).press_sequentially("y_pred), ax", delay=10)
    expect(options(page).first).to_contain_text("axis=")
    text_area(page).press("Enter")
    text_area(page).press_sequentially("-1) * gam", delay=10)
    expect(options(page).first).to_contain_text("2.0")  # the text's own name
    text_area(page).press("Enter")
    holds(text_area(page), "gamma = 2.0\n-sum(y_true * log(y_pred), axis=-1) * gamma")
    expect(verdict(page)).to_contain_text("Understood")
    assert int(page.locator(".editor").get_attribute("data-answer") or 0) > 0


def test_a_closed_list_takes_no_key(page: Page) -> None:
    write(page, "p = p_true")
    expect(options(page)).to_have_count(0)  # written out: nothing to complete
    text_area(page).press("Enter")
    text_area(page).press_sequentially("foc", delay=10)
    expect(options(page).first).to_contain_text("focal(y_true, y_pred, gamma=2.0, alpha=1.0)")
    text_area(page).press("Escape")
    expect(options(page)).to_have_count(0)
    text_area(page).press("Tab")
    holds(text_area(page), "p = p_true\nfoc ")  # indents
    text_area(page).press_sequentially("# su", delay=10)
    expect(options(page)).to_have_count(0)  # a comment
    text_area(page).press("Control+Space")
    expect(options(page)).to_have_count(0)
    text_area(page).press("Enter")
    text_area(page).press_sequentially("K.", delay=10)
    expect(options(page).first).to_be_visible()
    options(page).filter(has_text="clip(x, min, max)").click()
    holds(text_area(page), "p = p_true\nfoc # su\nK.clip()")


def test_the_signature_follows_the_argument(page: Page) -> None:
    usage = page.locator(".editor .usage")
    write(page, "sum(")
    expect(usage).to_contain_text("sum(x, axis=None, keepdims=False)")
    expect(usage.locator("b")).to_have_text("x")
    text_area(page).press_sequentially("mean(y_pred, -1), keepdims=", delay=10)
    expect(usage.locator("b")).to_have_text("keepdims=False")
    text_area(page).press_sequentially("True)", delay=10)
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
        """editor => ['.names', '.cm-line'].map((name) => {
            const { top, bottom } = editor.querySelector(name).getBoundingClientRect()
            return { top, bottom }
        })"""
    )
    assert below["top"] >= line["bottom"] - 8  # beside, not over, what is typed
    text_area(page).press("Escape")
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
    text_area(page).fill(text)
    fix = page.locator(".editor .fix")
    expect(fix).to_have_text(label)
    fix.click()
    holds(text_area(page), mended)
    expect(verdict(page)).not_to_have_class("verdict is-error")
    text_area(page).press("Control+Z")
    holds(text_area(page), text)


OWN = """import tensorflow as tf

def own(y_true, y_pred):
    error = tf.square(y_true - y_pred)
    return tf.reduce_mean(error, axis=-1)
"""
PASTED = f"{OWN}\nmodel.compile(loss=own)\nmodel.fit(x, y)"
KEPT = f"{OWN}\nown\n"


def test_a_fix_of_several_lines_is_one_press_and_one_undo(page: Page) -> None:
    """What of a whole answer is no loss goes, from the checker's own note."""
    text_area(page).fill(PASTED)
    fix = page.locator(".editor .fix")
    expect(fix).to_have_text("Keep only the loss")
    fix.click()
    holds(text_area(page), KEPT)
    expect(verdict(page)).to_have_text("Understood")
    expect(fix).to_be_hidden()
    expect(text_area(page)).to_be_focused()
    text_area(page).press("Control+Z")
    holds(text_area(page), PASTED)
    text_area(page).press("Control+Shift+Z")
    holds(text_area(page), KEPT)


def test_faults_are_stepped_through(page: Page) -> None:
    text_area(page).fill("a = log(y_true)\nb = floor(y_pred)\n-sum(a * b, axis=-1)")
    onward = page.locator(".editor .onward")
    expect(onward).to_contain_text("1 of ")
    first = verdict(page).inner_text()
    onward.click()
    expect(onward).to_contain_text("2 of ")
    expect(verdict(page)).not_to_have_text(first)
    text_area(page).click(position={"x": 70, "y": 22})  # on log(y_true)
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


def test_a_number_is_dragged_in_the_text(page: Page) -> None:
    moving = "gamma = 2.0  # 0..5\n-(1 - p_true)**gamma * log(p_true)"
    text_area(page).fill(moving)
    number = page.locator(".editor .parameter")
    expect(number).to_have_text("2.0")
    slider = page.locator(".st-key-parameter-write-gamma input")
    box = number.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for far in range(0, 49, 8):
        page.mouse.move(x + far, y)
    expect(number).to_have_text("3.0")  # 48 of the 240 pixels that are 0 to 5
    page.mouse.up()
    holds(text_area(page), moving.replace("2.0", "3.0"))
    expect(verdict(page)).to_contain_text("Understood")
    expect(slider).to_have_value("3")
    text_area(page).press("Control+Z")  # one step, however many values it went through
    holds(text_area(page), moving)

    number.click()
    text_area(page).press("Alt+ArrowUp")
    expect(number).to_have_text("2.05")
    text_area(page).press("Alt+Shift+ArrowDown")
    expect(number).to_have_text("1.55")


def test_a_number_in_the_text_goes_before_a_slider_moved_earlier(page: Page) -> None:
    text_area(page).fill("gamma = 2.0  # 0..5\n-(1 - p_true)**gamma * log(p_true)")
    slider = page.locator(".st-key-parameter-write-gamma input")
    slider.press("End")
    expect(page).to_have_url(re.compile(r"loss\.gamma="))
    text_area(page).fill("gamma = 1.0  # 0..5\n-(1 - p_true)**gamma * log(p_true)")
    expect(page).not_to_have_url(re.compile(r"loss\.gamma"))
    expect(slider).to_have_value("1")


def test_notes_are_drawn_with_their_fix(page: Page) -> None:
    """What is no fault, and can be written better."""
    note = {"code": "mean", "message": "a mean of means", "hint": "", "fix": "p_true"}
    place = {"line": 1, "column": 6, "end_line": 1, "end_column": 12, "also": []}

    def answer(route: Route) -> None:
        report = route.fetch().json()
        route.fulfill(json={**report, "notes": [{**note, **place}] if report.get("ok") else []})

    page.route("**/live/check", answer)
    text_area(page).fill("-log(y_pred[..., 0]) ")
    text_area(page).fill("-log(p_true) ")
    expect(verdict(page)).to_have_text("Understood")
    expect(page.locator(".editor .hint")).to_contain_text("a mean of means")
    expect(page.locator(".editor .fault.note")).to_have_text("p_true")
    expect(page.locator(".editor .fix")).to_have_text("Use p_true")
    page.unroute("**/live/check")


def test_keys_lead_to_faults_and_mend_them(page: Page) -> None:
    text_area(page).fill("a = log(p_tru)\n-a")
    expect(page.locator(".editor .fix")).to_have_text("Use p_true")
    text_area(page).press("F8")
    selected = "area => area.getRootNode().getSelection().toString()"
    assert text_area(page).evaluate(selected) == "p_tru"
    text_area(page).press("Control+.")
    holds(text_area(page), "a = log(p_true)\n-a")
    expect(text_area(page)).to_be_focused()


def test_a_verdict_is_read_out_when_typing_rests(page: Page) -> None:
    spoken = page.locator(".editor [role=status]")
    expect(spoken).to_contain_text("Understood")
    spoken.evaluate("""node => {
        window.said = []
        new MutationObserver(() => window.said.push(node.textContent))
            .observe(node, {childList: true, characterData: true, subtree: true})
    }""")
    text_area(page).press("Control+End")
    text_area(page).press_sequentially(" * fro + bu", delay=150)
    expect(spoken).to_contain_text("unknown name")
    said = page.evaluate("window.said")
    assert len(said) <= 2, said
    assert text_area(page).get_attribute("aria-invalid") == "true"


def test_brackets_search_and_a_huge_paste(page: Page) -> None:
    write(page, "-log(clip(p_true, 0.1, 1)")
    holds(text_area(page), "-log(clip(p_true, 0.1, 1))")  # the other half is there already
    text_area(page).press("Control+f")
    find = page.get_by_role("textbox", name="Find", exact=True)
    expect(find).to_be_focused()
    find.press_sequentially("p_true")  # it searches at each key
    expect(page.locator(".editor .cm-searchMatch")).to_have_count(1)
    find.press("Escape")
    expect(text_area(page)).to_be_focused()
    text_area(page).fill("-log(p_true) + 0 " * 3600)
    expect(verdict(page)).to_contain_text("10,000 characters")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
    text_area(page).fill("-log(p_true)")
    expect(verdict(page)).to_contain_text("Understood")
