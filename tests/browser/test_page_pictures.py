"""Every page as it was liked: light and dark, wide and narrow, before, during and after training.

A picture that differs from the one in `pictures/` fails; both and their difference are then in
`test-results/pictures`. `PICTURES=record python -m pytest tests/browser/test_page_pictures.py`
writes them anew: look at each of them. What is shown is a recorded run, so that it is the same each
time, in the fonts that the pages bring. A tolerance is for another machine's smoothing of edges.
"""

import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import delete, insert, update

from playground.runs import resuming, tables
from playground.runs.records import TERMINAL
from playground.runs.store import Store, open_store
from playground.settings import Settings
from tests.browser.conftest import Server, pages
from tests.browser.replay import replay
from tests.browser.tasks import replayed

Open = Callable[..., Page]
PICTURES = Path(__file__).parent / "pictures"
RESULTS = Path(__file__).parents[2] / "test-results" / "pictures"
RECORD = os.environ.get("PICTURES") == "record"
SIZES = {1440: 1300, 360: 1300}  # pixels: width, height
TALL = 2600  # where what is the page's own stands beneath what all have
SCALE = 2  # that the wide ones are kept smaller by
COLOURS = 256
UNLIKE = 60  # of 255, in any channel, after a blur of 3 by 3
TILE = 24  # pixels
MOST_OF_A_TILE = 0.15  # may differ, and
MOST_OF_ALL = 0.004  # of the picture
STILL_MS = 350
PATIENCE_MS = 30_000
SLOW_MS = 180_000  # workers may have to get warm first, on a busy machine
DURING = 13  # the step of the recorded run where it is caught
# What is there once a page is complete: before a run, and of one.
READY = {
    "": (
        (".st-key-verdicts :text('convex')", ".studio[data-kind]"),
        (".st-key-verdicts :text('convex')", ".studio[data-kind]", ".editor .is-sound"),
    ),
    "feature_maps": ((".maps.is-empty",), (".maps .layer canvas[aria-label]",)),
    "embedding": ((".embedding.is-empty",), (".cloud[data-step]",)),
    "fitting": ((".curves.is-empty",), (".curves[data-end]",)),
}
# All thumbnails are there: the page is drawn anew with every tenth of them and of what the
# doctor says. The line that counts that is not pictured.
DRAWN = """() => {
    const told = /: (\\d+) of (\\d+) drawn, (\\d+) examined/.exec(document.body.innerText)
    const now = performance.now()
    if (!told && document.querySelector('.face')) return now - (window.faced ??= now) > 5000
    window.faced = undefined
    if (!told) return false
    const [drawn, all, examined] = told.slice(1).map(Number)
    return drawn === all && examined > all / 5
}"""
# No script runs for the page, and nothing on it is of an older run, which Streamlit dims.
AT_REST = """() => document.querySelector('[data-test-script-state=notRunning]')
    && !document.querySelector('[data-stale=true]')"""
# Nor is the list of pages, in which one more would move what stands beneath it in every picture,
# and what the store takes on disk.
WITHOUT_PROGRESS = """() => {
    for (const each of document.querySelectorAll('[data-testid=stSidebarNav]'))
        each.style.display = 'none'
    for (const each of document.querySelectorAll('[data-testid=stCaptionContainer]'))
        if (each.textContent.startsWith('Worked out the first time'))
            each.closest('[data-testid=stElementContainer]').style.display = 'none'
    const room = '.st-key-runs-head [data-testid=stCaptionContainer]'
    for (const each of document.querySelectorAll(room))
        each.style.visibility = 'hidden'
}"""
STATES = [(path, state) for path in READY for state in ("before", "during", "after")]
# The same of the page of a task, of a run that is over.
OF_TASKS = {
    "siamese": (".pairs li canvas[aria-label]", ".distances svg path"),
    "incremental": (".matrix tbody td", ".exemplars canvas"),
    "autoencoder": (".reconstructions .row canvas", ".latent canvas.plane[aria-label]"),
}
# Pages that are pictured before a run alone.
BEFORE = {
    "detection": (".st-key-verdicts :text('convex')", ".editor .is-sound", ".box-studio .films li"),
    "race": (".st-key-panel-lanes",),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose store holds nothing but what is pictured: runs are told apart by numbers and
    colours in the order in which they came."""
    server = Server(tmp_path_factory.mktemp("pictured"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def store(server: Server) -> Iterator[Store]:
    with closing(open_store(Settings(home=server.home))) as store:
        yield store


@pytest.fixture
def open_page(context: BrowserContext, server: Server) -> Iterator[Open]:
    with pages(context, server) as opened:
        yield opened


@pytest.fixture(scope="module")
def runs(store: Store, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The address of each state, and of each task's run."""
    during = replay(store, tmp_path_factory.mktemp("during"), DURING)
    after = replay(store, tmp_path_factory.mktemp("after"))
    tasks = {each: replayed(each, store, tmp_path_factory.mktemp(each)) for each in OF_TASKS}
    found = {"before": "dataset=digits", "during": f"run={during}", "after": f"run={after}"}
    return {**found, **{each: f"run={run}" for each, run in tasks.items()}}


@pytest.mark.parametrize(("path", "state"), STATES)
def test_a_page_looks_as_it_did(
    open_page: Open, runs: dict[str, str], path: str, state: str
) -> None:
    page = open_page(f"{path}?{runs[state]}", height=SIZES[1440])
    for what in READY[path][state != "before"]:
        expect(page.locator(what).first).to_be_visible(timeout=SLOW_MS)
    looked_at(page, f"{path or 'playground'}-{state}")


@pytest.mark.parametrize("path", OF_TASKS)
def test_a_page_of_a_task_looks_as_it_did(open_page: Open, runs: dict[str, str], path: str) -> None:
    page = open_page(f"{path}?dataset=digits", height=SIZES[1440])
    expect(page.locator(".curves.is-empty")).to_be_visible(timeout=SLOW_MS)
    expect(page.locator(".studio[data-kind]")).to_be_visible(timeout=SLOW_MS)
    looked_at(page, f"{path}-before", ("light",))
    page = open_page(f"{path}?{runs[path]}", height=TALL)
    for what in (".curves[data-end]", *OF_TASKS[path]):
        expect(page.locator(what).first).to_be_attached(timeout=SLOW_MS)
    looked_at(page, f"{path}-after", sizes={1440: TALL, 360: TALL})


@pytest.mark.parametrize("path", BEFORE)
def test_a_page_looks_as_it_did_before_it_is_used(
    open_page: Open, runs: dict[str, str], path: str
) -> None:
    page = open_page(f"{path}?dataset=digits", height=SIZES[1440])
    for what in BEFORE[path]:
        expect(page.locator(what).first).to_be_visible(timeout=SLOW_MS)
    looked_at(page, f"{path}-before")


@pytest.fixture
def newcomer(context: BrowserContext) -> Iterator[None]:
    """The browser has no runs and came by no links: as of somebody else."""
    kept = context.cookies()
    context.clear_cookies()
    yield
    context.clear_cookies()
    context.add_cookies(kept)


def test_the_list_of_runs_looks_as_it_did(
    newcomer: None, open_page: Open, store: Store, runs: dict[str, str], tmp_path: Path
) -> None:
    page = open_page("runs", height=SIZES[1440])
    expect(page.get_by_text("No run yet")).to_be_visible(timeout=SLOW_MS)
    looked_at(page, "runs-before", ("light",))
    list_some(store, tmp_path)
    page = open_page("runs", height=SIZES[1440])
    table = page.locator(".st-key-runs-table canvas").first
    expect(table).to_be_visible(timeout=SLOW_MS)
    table.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+Space")  # marks the row
    expect(page.locator(".st-key-panel-runs-family img")).to_be_visible(timeout=SLOW_MS)
    expect(page.locator(".curves[data-end]")).to_be_visible(timeout=SLOW_MS)
    looked_at(page, "runs-after", ("light",))  # the family is drawn in the scheme it came by


def list_some(store: Store, folder: Path) -> None:
    """Two runs of this machine's terminals, which every browser here lists: one leaves the other.
    Their times and sizes are the same whenever that is."""
    parent, branch = (replay(store, folder / name, owner=TERMINAL) for name in ("parent", "branch"))
    store.labels.name(parent, [TERMINAL], "with centre loss")
    store.labels.star([parent], [TERMINAL], True)
    with store._database.writing() as connection:
        resuming.branch(connection, branch, parent, 8, False)
        connection.execute(update(tables.runs).values(created=1.8e9))
        sizes = {"files": 45_000, "rows": 23_000, "measured": 4e9}
        for run_id in (parent, branch):
            connection.execute(delete(tables.sizes).where(tables.sizes.c.run_id == run_id))
            connection.execute(insert(tables.sizes).values(run_id=run_id, **sizes))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_losses_look_as_they_did(open_page: Open, scheme: str) -> None:
    """Their thumbnails are drawn by the server, in the scheme that it was told."""
    page = open_page("losses", height=SIZES[1440], scheme=scheme)
    expect(page.locator(".st-key-panel-catalog")).to_be_visible()
    page.wait_for_function(DRAWN, timeout=SLOW_MS)
    looked_at(page, "losses", (scheme,))


def looked_at(
    page: Page,
    name: str,
    schemes: Sequence[str] = ("light", "dark"),
    sizes: Mapping[int, int] = SIZES,
) -> None:
    """Compares all pictures of a page, and lets axe examine what is on it, of a phone's in one
    scheme: the colours of both are those of the wide page."""
    unlike = []
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for width, height in sizes.items():
            page.set_viewport_size({"width": width, "height": height})
            shown = small(still(page), width)
            unlike += compared(f"{name}-{scheme}-{width}", shown)
            if width == 1440 or scheme == schemes[0]:
                serious(page, f"{name}, {scheme}, {width}")
        page.set_viewport_size({"width": 1440, "height": sizes[1440]})
    assert not unlike, f"see test-results/pictures: {unlike}"


def still(page: Page) -> Image.Image:
    """The page once nothing moves on it."""
    before, waited = b"", 0
    while waited < PATIENCE_MS:
        page.wait_for_timeout(STILL_MS)
        page.wait_for_function(AT_REST, timeout=SLOW_MS)
        waited += STILL_MS
        page.evaluate(WITHOUT_PROGRESS)
        now = page.screenshot(animations="disabled", caret="hide")
        if now == before:
            break
        before = now
    return Image.open(io.BytesIO(before)).convert("RGB")


def small(picture: Image.Image, width: int) -> Image.Image:
    return picture.reduce(SCALE) if width > 1000 else picture


def compared(name: str, shown: Image.Image) -> list[str]:
    """What is wrong with a picture, if anything; its difference is then a file."""
    file = PICTURES / f"{name}.png"
    if RECORD:
        PICTURES.mkdir(exist_ok=True)
        shown.quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
            file, optimize=True
        )
        return []
    if not file.exists():
        return [f"{name}: not recorded"]
    wanted = Image.open(file).convert("RGB")
    if wanted.size != shown.size:
        return [f"{name}: {shown.size} rather than {wanted.size} pixels"]
    unlike = difference(np.asarray(wanted, np.float32), np.asarray(shown, np.float32))
    worst = tiles(unlike).max()
    if worst <= MOST_OF_A_TILE and unlike.mean() <= MOST_OF_ALL:
        return []
    RESULTS.mkdir(parents=True, exist_ok=True)
    red = np.asarray(shown.convert("L").convert("RGB")).copy()
    red[unlike] = (255, 0, 0)
    beside = np.concatenate([np.asarray(wanted), np.asarray(shown), red], axis=1)
    Image.fromarray(beside).save(RESULTS / f"{name}.png")
    return [f"{name}: {unlike.mean():.2%}, in one place {worst:.0%}"]


def difference(wanted: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Which pixels (H, W) are of another colour."""
    return np.abs(blurred(wanted) - blurred(shown)).max(axis=-1) > UNLIKE


def blurred(picture: np.ndarray) -> np.ndarray:
    """The mean of each pixel's neighbourhood of 3 by 3."""
    padded = np.pad(picture, ((1, 1), (1, 1), (0, 0)), mode="edge")
    height, width, _ = picture.shape
    parts = [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    return np.mean(parts, axis=0)


def tiles(unlike: np.ndarray) -> np.ndarray:
    """The share of unlike pixels of each tile."""
    height, width = (size // TILE * TILE for size in unlike.shape)
    cut = unlike[:height, :width].reshape(height // TILE, TILE, width // TILE, TILE)
    return cut.mean(axis=(1, 3))


def serious(page: Page, where: str) -> None:
    """axe finds nothing serious. Formulas that are wider than their place scroll, and Chromium
    gives what scrolls the focus by itself."""
    options = {
        "resultTypes": ["violations"],
        "rules": {"scrollable-region-focusable": {"enabled": False}},
    }
    found = Axe().run(page, options=options).response["violations"]
    told = [
        f"{where}: {each['id']}, {len(each['nodes'])} times: {each['nodes'][0]['html'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    assert not told, "\n".join(told)


def test_a_moved_button_is_a_difference() -> None:
    page = np.full((240, 240, 3), 250, np.float32)
    page[100:112, 40:90] = 30
    moved = np.roll(page, 14, axis=1)
    assert tiles(difference(page, moved)).max() > MOST_OF_A_TILE
    smoothed = blurred(page)
    assert not difference(page, smoothed).any()
