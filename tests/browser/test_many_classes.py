"""Views of more classes than the palette has colours."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from pages.live import files
from playground.figures import palette
from tests.browser.recording import Recording

CLASSES = 25
CLOUD = """
async ([home, palette, classes]) => {
    const { Scatter } = await import(`${home}/scatter.js`)
    const canvas = document.createElement('canvas')
    canvas.style.cssText = 'position: fixed; z-index: 9; inset: 0; width: 500px; height: 500px'
    document.body.append(canvas)
    const numbers = (shape, values) => Object.assign(Float32Array.from(values), { shape })
    const labels = Uint8Array.from({ length: classes }, (_, i) => i)
    const places = [...labels].flatMap((c) => [c % 5 + 0.5, Math.floor(c / 5) + 0.5])
    const scatter = new Scatter(canvas)
    const answer = {
        points: numbers([classes, 2], places), labels, predicted: labels, method: 'raw',
        centers: numbers([classes, 2], places.map(() => NaN)),
        kernel: numbers([2, classes], places.map((_, i) => Math.cos(i))),
        bias: numbers([classes], [...labels].map(() => 0)),
    }
    const ink = { faint: '#888888', text: '#000000', background: '#ffffff' }
    const colors = { dark: false, font: 'serif', ...ink }
    const names = [...labels].map(String)
    const style = { palette, hidden: new Set([24]), trails: false, colors, names }
    scatter.take(answer, [], 0)
    const pen = canvas.getContext('2d')
    const ratio = () => canvas.width / 500
    const pixel = (place) => Math.round(place * ratio())
    const at = ([x, y]) => [...pen.getImageData(pixel(x), pixel(y), 1, 1).data]
    scatter.draw({ ...style, regions: false })
    const found = [...labels].map((c) => at(scatter.place(scatter.position(c, 1))))
    scatter.draw({ ...style, regions: true })
    const region = at([250, 60])
    canvas.remove()
    return { found, region }
}
"""


def test_every_class_of_a_cloud_has_its_colour_and_is_hidden_by_itself(
    open_page: Callable[..., Page],
) -> None:
    page = open_page("losses")
    colors = list(palette.CLASSES_LIGHT)
    home = f"/live/assets/{files.version()}"
    drawn = page.evaluate(CLOUD, [home, colors, CLASSES])
    found = drawn["found"][:24]
    for place, (*color, alpha) in enumerate(found):
        wanted = [int(colors[place % 10][at : at + 2], 16) for at in (1, 3, 5)]
        off = max(abs(a - b) for a, b in zip(color, wanted, strict=True))
        assert alpha > 150, place
        assert off < 12 if place < 10 else off > 20, place
    assert len({tuple(color) for color in found}) == 24
    assert drawn["found"][24][3] == 0
    assert drawn["region"][3] > 20


def test_a_confusion_of_many_classes_keeps_to_its_room(
    open_page: Callable[..., Page], recording: Recording
) -> None:
    page = open_page(f"?run={recording.begin().advance(9).evaluate().id}")
    table = page.locator(".confusion table")
    expect(table).to_be_visible()
    mount = """
    async (root, [home, classes]) => {
        const { mount } = await import(`${home}/confusion.js`)
        const own = document.createElement('div')
        own.className = 'live many'
        root.closest('.live').after(own)
        const names = Array.from({ length: classes }, (_, i) => `class number ${i}`)
        mount(own, { data: { run: null, classes: names }, setStateValue: () => {} })
        const matrix = own.querySelector('.matrix')
        return [own.querySelectorAll('td').length, own.scrollWidth - own.clientWidth,
            Math.min(...[...own.querySelectorAll('td')].map((cell) => cell.clientWidth)),
            getComputedStyle(matrix).overflowX]
    }
    """
    home = f"/live/assets/{files.version()}"
    cells, over, least, scrolls = table.evaluate(mount, [home, CLASSES])
    assert (cells, scrolls) == (CLASSES**2, "auto")
    assert over <= 0 and least >= 24
