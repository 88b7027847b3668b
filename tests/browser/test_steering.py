"""What a visitor does to a run and its loss in Chromium: offers that come and go, keys, ways on."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from playground.runs.store import Store
from tests.browser.conftest import Server
from tests.browser.editing import holds, text_area
from tests.browser.test_visit import (
    LONG,
    SOUND,
    button,
    draws_beyond,
    nothing_left_running,
    step,
    words,
)

Open = Callable[..., Page]
SOON_MS = 10_000  # far from what it takes, and from what a visitor would wait for another reason

__all__ = ["nothing_left_running"]


def test_a_new_loss_is_offered_as_soon_as_it_differs_and_no_longer_than_that(
    open_page: Open, store: Store
) -> None:
    page = open_page(LONG + "&loss=-log(p_true)")
    expect(page.locator(".editor .verdict")).to_contain_text("Understood")
    button(page, "train").click()
    draws_beyond(page, 5)
    offer = button(page, "apply-loss")
    area = text_area(page)

    area.fill(SOUND)
    expect(offer).to_be_visible(timeout=SOON_MS)
    holds(area, SOUND)  # what is typed outlives the page's drawing
    area.fill("-log(p_true)")
    expect(offer).to_be_hidden(timeout=SOON_MS)
    area.fill("-log(p_tru)")  # a fault is not offered
    expect(page.locator(".editor .verdict")).to_contain_text("Line 1")
    page.wait_for_timeout(1500)
    expect(offer).to_be_hidden()

    area.fill(SOUND)
    offer.click(timeout=SOON_MS)
    expect(offer).to_be_hidden(timeout=SOON_MS)
    run_id = page.url.partition("run=")[2].partition("&")[0]
    assert [mark.kind for mark in store.marks(run_id)] == ["loss"]

    page.get_by_text("Pick", exact=True).click()
    expect(offer).to_be_visible(timeout=SOON_MS)
    button(page, "stop").click()
    expect(words(page)).to_contain_text("Stopped")
    expect(offer).to_be_hidden(timeout=SOON_MS)


def test_sliders_come_by_themselves_once_a_server_that_was_just_started_is_warm(
    open_page: Open, server: Server
) -> None:
    server.stop()
    server.start()
    loss = "weight%20=%200.1%20%20%23%200..1%0A-log(p_true)%20%2B%20weight%20*%20center_loss()"
    page = open_page(f"embedding?dataset=digits&loss={loss}")
    sliders = page.locator("[class*=st-key-slider-] input[type=range]")
    expect(sliders).to_have_count(2)  # of the weight and of the centres' rate


def test_the_full_stop_steps_while_step_has_the_focus(open_page: Open) -> None:
    page = open_page(LONG)
    button(page, "train").click()
    draws_beyond(page, 5)
    button(page, "pause").click()
    expect(words(page)).to_contain_text("Paused at step")
    paused = step(page)
    button(page, "pause").or_(button(page, "resume")).first.focus()
    page.keyboard.press("Tab")  # by keyboard to Step
    assert page.evaluate("document.activeElement.closest('.st-key-step') !== null")
    page.keyboard.press(".")
    expect(words(page)).to_contain_text(f"Paused at step {paused + 1:,}")
    page.keyboard.press("Space")  # presses the button that has the focus, and nothing else
    expect(words(page)).to_contain_text(f"Paused at step {paused + 2:,}")


def test_the_editor_is_as_high_as_its_text_until_it_is_dragged(open_page: Open) -> None:
    page = open_page("?dataset=digits&loss=-log(p_true)")
    box, area = page.locator(".editor .box").first, text_area(page).first

    def height() -> float:
        return float(box.evaluate("box => box.clientHeight"))

    expect(page.locator(".editor .verdict").first).to_contain_text("Understood")
    short = height()
    lines = "\n".join(f"a{i} = {i}.0" for i in range(9))
    area.fill(f"{lines}\n-log(p_true)")
    expect(page.locator(".editor .cm-line")).to_have_count(10)
    assert height() >= 10 * 30 > short
    assert box.locator(".cm-scroller").evaluate("it => it.scrollHeight <= it.clientHeight")
    area.fill("\n".join(f"a{i} = {i}.0" for i in range(60)) + "\n-log(p_true)")
    expect(page.locator(".editor .cm-lineNumbers")).to_contain_text("16")
    assert height() < 600 < float(box.locator(".cm-scroller").evaluate("it => it.scrollHeight"))
    area.fill("-log(p_true)")
    expect(page.locator(".editor .cm-line")).to_have_count(1)
    assert height() == short
    box.evaluate("box => { box.style.height = '200px' }")  # as the corner does
    area.fill(f"{lines}\n-log(p_true)")
    expect(page.locator(".editor .cm-line")).to_have_count(10)
    assert 190 <= height() <= 200


@pytest.mark.parametrize("loss", ["distillation", "triplet"])
def test_what_cannot_learn_here_is_said_before_train(
    open_page: Open, store: Store, loss: str
) -> None:
    page = open_page(f"?dataset=digits&train_images=300&loss={loss}")
    told = page.locator(".st-key-cannot-learn")
    before = len(store.runs())
    if loss == "distillation":
        expect(told).to_contain_text("needs teacher_logits")
        button(page, "train").click()
        expect(page.get_by_text("Not started")).to_be_visible()
        assert len(store.runs()) == before
        expect(button(page, "train")).to_be_enabled()
        return
    expect(told).to_contain_text("No gradient reaches the last layer")
    button(page, "add-term").click()
    area = text_area(page)
    holds(area, "margin = 0.2  # 0..2\ncross_entropy() + triplet(margin=margin)")
    expect(told).to_be_hidden()
    expect(page.locator(".st-key-verdicts")).to_contain_text("sound")
    expect(page.locator(".st-key-panel-loss [data-testid=stSlider]")).to_contain_text("margin")


def test_a_run_that_broke_goes_back_and_on(
    open_page: Open, context: BrowserContext, server: Server
) -> None:
    query = "&learning_rate=10&optimizer=sgd&schedule=constant&activation=leaky_relu"
    page = open_page(f"{LONG}{query}&loss=mean((y_true - logits)**2, axis=-1)")
    expect(page.locator(".editor .verdict")).to_contain_text("Understood")
    button(page, "train").click()
    back = button(page, "go-back")
    for rate in ("1", "0.1", "0.01", "0.001"):  # where it went back to says which are too large
        expect(back).to_contain_text("a tenth of the rate")
        back.click()
        expect(page.locator(".st-key-spec-learning_rate")).to_contain_text(rate)
        page.wait_for_timeout(3000)  # in which a rate that is too large breaks it again
        if not back.is_visible():
            break
    expect(back).to_be_hidden()
    expect(words(page)).to_contain_text("Training")
    button(page, "stop").click()
