"""Feature maps in Chromium: train, look, go back in time, draw, upload, compare."""

import io
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page, Route, expect

from playground.runs.store import Store
from tests.browser.conftest import Server
from tests.browser.test_visit import button, nothing_left_running, words

Open = Callable[..., Page]

__all__ = ["nothing_left_running"]  # a fixture of these stories, too

QUICK = "?dataset=digits&epochs=4&width=8"


@pytest.fixture
def trained(open_page: Open) -> Page:
    """A run of a second, and its feature maps."""
    page = open_page(QUICK)
    button(page, "train").click()
    expect(words(page)).to_contain_text("Completed")
    page.get_by_role("link", name="Feature maps").click()
    expect(page.locator(".layer canvas").first).to_be_visible()
    return page


def tile(page: Page, layer: str, unit: int):
    return page.locator(f"[data-layer={layer}] canvas").nth(unit)


def pixels(page: Page, layer: str) -> str:
    """What all maps of a layer show."""
    return page.locator(f"[data-layer={layer}] canvas").evaluate_all(
        "tiles => tiles.map(one => one.toDataURL()).join()"
    )


def test_maps_move_while_a_run_trains(open_page: Open) -> None:
    page = open_page("feature_maps?dataset=digits&epochs=200&width=8")
    expect(page.get_by_text("Press Train: every layer's maps show here")).to_be_visible()
    button(page, "train").click()
    expect(tile(page, "block1_conv", 0)).to_be_visible()
    before = pixels(page, "block2_activation")
    for _ in range(100):
        page.wait_for_timeout(100)
        if pixels(page, "block2_activation") != before:
            break
    else:
        pytest.fail("the maps stood still while the network learned")
    button(page, "stop").click()
    expect(words(page)).to_contain_text("Stopped")


def test_every_layer_is_there_and_a_filter_opens(trained: Page) -> None:
    page = trained
    assert page.locator(".layer").count() == 10
    assert page.locator("[data-layer=block2_activation] canvas").count() == 16
    tile(page, "block2_activation", 3).click()
    detail = page.locator(".detail")
    expect(detail).to_contain_text("Filter 3 of block2 activation")
    expect(detail.locator(".film li")).to_have_count(12)
    assert detail.locator(".seen li").count() == 12
    assert detail.locator(".kernels").first.locator("canvas").count() == 8
    expect(page).to_have_url(re.compile("layer=block2_activation.*filter=3"))
    tile(page, "block1_conv", 1).hover()
    expect(page.locator(".tip")).to_contain_text(re.compile(r"filter 1, row \d+, column \d+: "))
    expect(page.locator(".input .region")).to_be_visible()
    page.reload()
    expect(page.locator(".detail")).to_contain_text("Filter 3 of block2 activation")


def test_the_slider_goes_back_to_the_untrained_network(trained: Page) -> None:
    page = trained
    now = pixels(page, "block1_conv")
    page.locator(".time input").fill("0")
    expect(page.locator(".when")).to_contain_text("step 0, epoch 0.00")
    expect(page).to_have_url(re.compile("at=0"))
    for _ in range(100):
        page.wait_for_timeout(50)
        if pixels(page, "block1_conv") != now:
            break
    else:
        pytest.fail("the first step shows what the last did")
    page.get_by_role("button", name="Latest").click()
    expect(page.locator(".when")).not_to_contain_text("step 0,")
    for _ in range(100):
        page.wait_for_timeout(50)
        if pixels(page, "block1_conv") == now:
            return
    pytest.fail("the latest step is not what it was")


def test_images_are_browsed_and_drawn(trained: Page) -> None:
    page = trained
    which = page.locator(".which")
    page.get_by_label("Class").select_option("3")
    expect(which).to_contain_text(", 3: ")
    page.get_by_role("button", name="One it gets wrong").click()
    told = page.locator(".which, .trouble").filter(
        has_text=re.compile("taken for|None of the first")
    )
    expect(told.first).to_be_visible()
    page.get_by_text("Draw one").click()
    box = page.locator(".sketch").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 100, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 100, box["y"] + 160, steps=6)
    page.mouse.up()
    expect(which).to_contain_text("Your drawing: taken for")


def test_an_upload_is_looked_at_and_a_bad_one_costs_nothing(trained: Page) -> None:
    page = trained
    image = Image.new("L", (200, 200), 255)
    ImageDraw.Draw(image).line([(100, 20), (100, 180)], fill=0, width=24)
    out = io.BytesIO()
    image.save(out, "PNG")
    upload = page.locator("input[type=file]")
    upload.set_input_files({"name": "one.png", "mimeType": "image/png", "buffer": out.getvalue()})
    expect(page.locator(".which")).to_contain_text("one.png: taken for")
    upload.set_input_files({"name": "not.png", "mimeType": "image/png", "buffer": b"hello"})
    expect(page.get_by_text("This is not a picture that can be read.")).to_be_visible()
    expect(page.locator(".which")).to_contain_text("one.png: taken for")


def test_what_is_awaited_is_said_and_an_upload_meanwhile_is_seen(
    trained: Page, open_page: Open
) -> None:
    page = open_page()
    page.route("**/live/look", lambda route: held.append(route))
    held: list[Route] = []
    page.goto(trained.url)
    awaited = page.locator(".maps .stage > .empty")
    expect(awaited).to_contain_text("Asking the network for every layer's maps")
    expect(page.locator(".which")).to_have_text("Test image 0: asking the network")
    expect(awaited).to_contain_text("The first look starts a worker")  # after a while
    out = io.BytesIO()
    Image.new("L", (40, 40), 90).save(out, "PNG")
    page.locator("input[type=file]").set_input_files(
        {"name": "grey.png", "mimeType": "image/png", "buffer": out.getvalue()}
    )
    expect(page.locator(".which")).to_have_text("grey.png: asking the network")
    shown = page.locator(".picture").evaluate(
        "c => c.getContext('2d').getImageData(3, 3, 1, 1).data[0]"
    )
    assert shown == pytest.approx(90, abs=4)
    held.pop().continue_()  # those before were given up by the page
    page.unroute("**/live/look")
    expect(page.locator(".which")).to_contain_text("grey.png: taken for")
    expect(page.locator(".layer canvas").first).to_be_visible()
    expect(awaited).to_be_empty()


def test_reasons_dead_filters_and_a_second_run(trained: Page, store: Store) -> None:
    page = trained
    page.get_by_text("Why it says so").click()
    expect(page.locator(".reasons figure")).to_have_count(4)
    page.get_by_text("Dead filters", exact=True).click()
    expect(page.locator(".more table tr")).to_have_count(3)
    page.get_by_text("Beside another run").click()
    expect(page.get_by_text("Choose a run to compare with")).to_be_visible()
    button(page, "train").click()
    expect(page).to_have_url(re.compile("compare="))
    expect(words(page)).to_contain_text("Completed")
    expect(page.locator(".twins li")).to_have_count(8)
    # The same seed gave the same network: each filter is its own twin.
    assert page.locator(".twins small").first.inner_text() == "0 ~ 0, r 1.00"


@pytest.mark.parametrize(
    "question",
    [
        "[]",
        "{",
        '{"run": "../x", "what": "maps"}',
        '{"run": "abc", "what": "maps", "step": 1e400}',
        '{"run": "abc", "what": "maps", "step": 1000000000000000000000000000000}',
        '{"run": "abc", "what": "maps", "image": 5}',
        '{"run": "abc", "what": "maps", "image": {"pixels": "?"}}',
        '{"run": "abc", "what": "match", "other": ["abc"]}',
    ],
)
def test_nonsense_is_refused_before_anyone_looks(server: Server, question: str) -> None:
    code, said = refused(server, question)
    assert code == 400 and "expected" in said


@pytest.mark.parametrize("question", ['{"run": "abc"}', '{"run": "abc", "what": "eval"}'])
def test_a_look_at_nothing_that_there_is_has_no_answer(server: Server, question: str) -> None:
    code, said = refused(server, question)
    assert code == 404 and "no such question" in said


def refused(server: Server, question: str) -> tuple[int, str]:
    request = urllib.request.Request(
        f"{server.url}/live/look", question.encode(), {"Content-Type": "application/json"}
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=20)
    return caught.value.code, json.load(caught.value)["refused"]
