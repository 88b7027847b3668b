"""The visitor's story in Chromium, with real workers: write a loss, train, look, steer, share."""

import os
import re
import signal
import subprocess
import zipfile
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, WebSocketRoute, expect

from playground import export
from playground.runs.store import LIVE, Store
from tests.browser.conftest import PATIENCE_MS, Server
from tests.browser.editing import holds, text_area

Open = Callable[..., Page]

LONG = "?dataset=digits&epochs=200&width=4&evaluations=1"
SOUND = "gamma = 1.5  # 0..5\n-(1 - p_true)**gamma * log(p_true)"
WRONG = "-sum(y_tru * log(y_pred), axis=-1)"


@pytest.fixture(autouse=True)
def nothing_left_running(server: Server, store: Store, context: BrowserContext) -> None:
    """Each story starts with a free worker."""
    for record in store.runs(live=True):
        page = context.new_page()
        page.goto(f"{server.url}/?run={record.id}")
        button(page, "stop").click()
        expect(words(page)).to_contain_text("Stopped")
        page.close()


def button(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-{key} button:visible").first


def words(page: Page) -> Locator:
    return page.locator(".readout .words")


def step(page: Page) -> int:
    text = page.locator(".readout .figure b").nth(1).inner_text()
    return int(text.replace(",", "")) if text != "–" else 0


def drawn(page: Page) -> int:
    return int(page.locator(".curves").get_attribute("data-end") or 0)


def draws_beyond(page: Page, some: int) -> None:
    """Waits until the curve has grown beyond a step."""
    expect(page.locator(".curves")).to_have_attribute("data-end", re.compile(r"^[1-9]"))
    for _ in range(600):
        if drawn(page) > some:
            return
        page.wait_for_timeout(100)
    pytest.fail(f"the curve stopped at step {drawn(page)}")


def test_keys_work_on_the_page_that_was_walked_to(open_page: Open) -> None:
    page = open_page(LONG)
    expect(button(page, "train")).to_be_enabled()
    for name, panel in (("Embedding", "embedding"), ("Playground", "curves")):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.locator(f".st-key-panel-{panel}")).to_be_visible()
    expect(button(page, "train")).to_be_enabled()
    page.wait_for_timeout(1000)  # the page before has gone by now, with what was its own
    page.keyboard.press("Space")
    expect(button(page, "stop")).to_be_enabled()


def test_write_train_pause_reload_stop(open_page: Open) -> None:
    page = open_page(LONG)
    page.get_by_text("Write", exact=True).click()
    area = text_area(page)
    area.fill(WRONG)
    expect(page.locator(".editor .verdict")).to_contain_text("Line 1, column 6: ")
    button(page, "train").click()
    expect(page.get_by_text("Not started")).to_be_visible()
    holds(area, WRONG)

    area.fill(SOUND)
    expect(page.locator(".editor .verdict")).to_contain_text("Understood")
    expect(page.get_by_text("Not started")).to_be_hidden()
    expect(page.locator(".st-key-panel-loss .katex").first).to_be_visible()
    expect(page.locator(".st-key-panel-loss [data-testid=stSlider]")).to_contain_text("gamma")
    button(page, "train").click()
    draws_beyond(page, 20)
    expect(button(page, "pause")).to_be_enabled()  # on a busy machine points come before it

    page.locator("h3").first.click()  # a key is for the page where it means nothing else
    page.keyboard.press("Space")
    expect(button(page, "resume")).to_be_enabled()
    expect(words(page)).to_contain_text("Paused at step")
    paused = step(page)
    page.keyboard.press(".")
    expect(words(page)).to_contain_text(f"Paused at step {paused + 1:,}")

    page.set_viewport_size({"width": 360, "height": 740})
    expect(button(page, "resume")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.set_viewport_size({"width": 1440, "height": 900})

    page.reload()
    expect(words(page)).to_contain_text(f"Paused at step {paused + 1:,}")
    holds(text_area(page), SOUND)
    expect(page.locator(".curves")).to_have_attribute("data-end", str(paused + 1))
    button(page, "resume").click()
    draws_beyond(page, paused + 1)
    button(page, "stop").click()
    expect(words(page)).to_contain_text("Stopped at step")
    expect(button(page, "train")).to_be_enabled()
    expect(page.locator(".confusion")).to_be_visible()

    page.locator(".st-key-runs-popover button").click()
    with page.expect_download() as download:
        button(page, "take-home").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        wanted = {export.NETWORK, export.SCRIPT, export.WEIGHTS, "losses/catalog.py"}
        assert wanted <= set(archive.namelist()), archive.read(export.README)
        assert SOUND in archive.read(export.SCRIPT).decode()


@pytest.mark.parametrize("wait", [0, 60, 300])
def test_train_right_after_the_last_key_is_obeyed(open_page: Open, wait: int) -> None:
    """The text and the click then reach the server in one message, for the editor's fragment."""
    page = open_page(LONG + "&loss=-log(p_true)")
    expect(page.locator(".editor .verdict")).to_contain_text("Understood")
    text_area(page).fill(WRONG)
    page.wait_for_timeout(wait)
    button(page, "train").click()
    expect(page.get_by_text("Not started")).to_be_visible()


def test_what_is_typed_outlives_an_address_out_of_date(open_page: Open) -> None:
    """A click sends the address of before the text where the browser has not heard its new one."""
    page = open_page()
    held: list[str | bytes] | None = None
    sockets: list[WebSocketRoute] = []

    def connect(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        sockets.append(socket)
        server.on_message(lambda said: socket.send(said) if held is None else held.append(said))

    page.route_web_socket(re.compile("_stcore/stream"), connect)
    page.goto(page.url + LONG + "&loss=-log(p_true)")
    expect(page.locator(".st-key-verdicts")).to_contain_text("proper")
    held = []
    text_area(page).fill(WRONG)
    expect(page.locator(".editor .verdict")).to_contain_text("Line 1, column 6: ")
    for _ in range(PATIENCE_MS // 100):  # until the page has moved to the address of the text
        if any(b"loss=-sum" in said for said in held if isinstance(said, bytes)):
            break
        page.wait_for_timeout(100)
    else:
        pytest.fail("the page did not take the text")
    button(page, "train").click()
    page.wait_for_timeout(200)
    late, held = held, None
    for said in late:
        sockets[-1].send(said)
    expect(page.get_by_text("Not started")).to_be_visible()
    holds(text_area(page), WRONG)


def test_back_and_forward_are_followed(open_page: Open) -> None:
    page = open_page("?dataset=digits&width=4")
    page.get_by_text("Write", exact=True).click()
    expect(page).to_have_url(re.compile("loss="))
    page.go_back()
    expect(page.locator(".editor")).to_be_hidden()
    expect(page).not_to_have_url(re.compile("loss="))
    page.go_forward()
    expect(text_area(page)).to_be_visible()
    expect(page).to_have_url(re.compile("loss="))


def test_chosen_and_written_metrics_have_charts_that_move(open_page: Open, store: Store) -> None:
    page = open_page("?dataset=digits&epochs=3&width=4")
    page.locator(".st-key-metrics-popover button").click()
    page.get_by_role("button", name="Brier score", exact=True).click()
    brier = page.locator("[data-panel=brier]")
    expect(brier).to_contain_text("lower is better")
    writing = page.locator(".st-key-metric-write")
    text_area(writing).fill("mean(p_tru > 0.9)")
    expect(writing.locator(".verdict")).to_contain_text("Line 1, column 6: unknown name 'p_tru'")
    text_area(writing).fill("mean(p_true > 0.9)")
    expect(writing.locator(".verdict")).to_contain_text("Understood")
    button(page, "add-metric").click()
    written = page.locator("[data-panel^=text_]")
    expect(written).to_contain_text("mean(p_true > 0.9)")
    holds(text_area(writing), "")
    page.keyboard.press("Escape")

    button(page, "train").click()
    expect(words(page)).to_contain_text("Completed")
    seen = page.locator(".readout .more")
    for panel, label in ((brier, "test Brier"), (written, "test mean(p_true")):
        expect(panel.locator(".now")).to_have_text(re.compile(r"^\d"))
        expect(panel.locator(".note")).to_contain_text(re.compile(r"test \d"))
        expect(panel.locator(".scatterlayer .trace")).to_have_count(1)
        expect(seen).to_contain_text(label)
    # The line reaches the last evaluation: what is drawn is what was measured.
    [record] = [one for one in store.runs() if one.spec.metrics]
    steps, values = store.series(record.id, "validation_brier")
    drawn_to = brier.locator(".plot").evaluate(
        "({ data: [{ x, y }] }) => [x[x.length - 1], y[y.length - 1]]"
    )
    assert drawn_to == [steps[-1], pytest.approx(values[-1], rel=1e-3)]
    assert values[-1] < values[0]
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_typing_does_not_press_buttons(open_page: Open) -> None:
    page = open_page(LONG + "&loss=-log(p_true)")
    area = text_area(page)
    area.click()
    area.press("Control+End")
    area.press_sequentially("  # a . b")
    page.wait_for_timeout(1500)
    assert "run=" not in page.url
    holds(area, "-log(p_true)  # a . b")


def test_another_browser_may_watch_only(open_page: Open, context: BrowserContext) -> None:
    page = open_page(LONG)
    button(page, "train").click()
    draws_beyond(page, 5)
    assert context.browser is not None
    other = context.browser.new_context()
    try:
        guest = other.new_page()
        guest.goto(page.url)
        draws_beyond(guest, 5)
        expect(guest.get_by_text("Only the browser that started this run")).to_be_visible()
        for key in ("pause", "step", "stop"):
            expect(button(guest, key)).to_be_disabled()
        expect(button(guest, "train-copy")).to_be_enabled()
    finally:
        other.close()
    button(page, "stop").click()
    expect(words(page)).to_contain_text("Stopped")


@pytest.mark.skipif(os.name == "nt", reason="finds the worker with ps")
def test_a_run_goes_on_after_its_worker_was_lost_and_ends_in_a_page_that_stands(
    open_page: Open, server: Server, store: Store
) -> None:
    """It has as many epochs as a run may have, so that none can leave it at its end."""
    page = open_page(LONG)
    button(page, "train").click()
    draws_beyond(page, 5)
    os.kill(training_worker(server.pid), signal.SIGKILL)
    [run] = [record for record in store.runs() if record.state in LIVE]
    expect(words(page)).to_contain_text("Completed")
    ended = store.run(run.id)
    assert ended is not None and (ended.step, ended.resumed) == (ended.steps, 1)
    assert drawn(page) == ended.steps
    page.get_by_role("button", name=f"Go on from step {ended.steps:,}").click()
    expect(page.get_by_text("This run is at its end")).to_be_visible()


def training_worker(server: int) -> int:
    """The process that trains for this server."""
    listed = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()[1:]]
    [found] = [
        int(pid)
        for pid, parent, command in rows
        if int(parent) == server and command.endswith("playground.worker train")
    ]
    return found
