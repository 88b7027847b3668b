"""Mounts the live views on a page. Python passes ids, colours and options only; what moves comes
to the browser by the stream of `routes`, so that no rerun is needed for anything to move.

`key` must be stable: it keeps a view mounted, its zoom and caret included, over reruns.
"""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st

from pages.live import files
from playground.figures.network import Stage
from playground.spec import DEFAULT_TASK

PANELS = ("loss", "accuracy", "gap")
AXES = ("step", "epoch", "seconds")
STUDIO_HEIGHT = 334  # pixels
MATRIX_ROW = 31  # pixels of a phase in the accuracy matrix
SLIDER_WIDTH = 200  # pixels
METRIC_HEIGHT = 150  # pixels of a metric's chart
LINE_HEIGHT = 30  # pixels of a line of the editor
MOST_LINES = 16  # to which the editor grows by itself

# Loads a view's module from our own static route and hands it what Streamlit says. Streamlit calls
# this again whenever data or theme change, and what it returned last once, when the view goes.
_LOADER = """
const views = new WeakMap()
export default function (component) {
  const { data, parentElement } = component
  let view = views.get(parentElement)
  if (!view) {
    view = { gone: false, mounted: null }
    views.set(parentElement, view)
    const home = new URL(data.home, document.baseURI)
    const style = document.createElement("link")
    style.rel = "stylesheet"
    style.href = new URL("live.css", home)
    const styled = new Promise((done) => { style.onload = style.onerror = done })
    const root = document.createElement("div")
    root.className = "live"
    root.style.display = "none"
    root.style.minHeight = `${data.reserve}px`
    // A key for a text in here, or one that presses a button, is not also a shortcut of the page.
    for (const kind of ["keydown", "keypress", "keyup"]) {
      root.addEventListener(kind, (event) => {
        const presses = [" ", "Enter"].includes(event.key) && event.target.closest("button")
        const writes = event.target.closest("textarea, input, [contenteditable]")
        if (presses || writes) event.stopPropagation()
      })
    }
    // In its place while it loads, which is said where that takes longer than one notices.
    const place = document.createElement("div")
    place.setAttribute("role", "status")
    place.style.cssText = `min-height: ${data.reserve}px; display: grid; place-items: center;
      border-radius: 8px; font: 0.9rem var(--st-font); color: var(--st-gray-text-color)`
    const loading = setTimeout(() => {
      place.textContent = "Loading this part of the page"
      place.style.background = "var(--st-secondary-background-color)"
    }, 300)
    const come = () => {
      clearTimeout(loading)
      place.remove()
      root.style.display = ""
    }
    parentElement.append(style, place, root)
    Promise.all([import(new URL(data.view + ".js", home)), styled]).then(
      ([module]) => {
        if (view.gone) return
        come()
        view.mounted = module.mount(root, view.latest)
      },
      () => {
        come()
        root.textContent = "This view did not load. Check the connection and reload the page."
      },
    )
  }
  view.latest = component
  view.mounted?.update(component)
  return () => {
    view.gone = true
    view.mounted?.destroy()
    views.delete(parentElement)
    parentElement.replaceChildren()
  }
}
"""

_mount = st.components.v2.component("live_view", js=_LOADER)


@dataclass(frozen=True)
class Run:
    """A run on a chart. `color` is its place in the theme's palette (0 to 7) or a CSS colour,
    `text` its loss where the name does not say all of it."""

    id: str
    name: str
    color: int | str = 0
    text: str = ""


@dataclass(frozen=True)
class Metric:
    """A metric of the runs: `key` is its name in their evaluations, `short` its name where there is
    little room, `unit` "%" for a share, `better` "higher", "lower" or "" where nobody knows."""

    key: str
    title: str
    short: str
    unit: str = ""
    better: str = ""


def curves(
    key: str,
    runs: Iterable[Run],
    *,
    smoothing: float = 0.9,
    log: bool = False,
    axis: str = "step",
    panels: Sequence[str] = PANELS,
    metrics: Iterable[Metric] = (),
    height: int = 260,
) -> None:
    """The curves of up to eight runs, the first of which is the current one; with none, where they
    will grow. `smoothing` (0 to under 1) weighs an exponential mean over steps; `log` makes the
    loss' axis logarithmic; `axis`, one of AXES, is what they are drawn over; `panels` are some of
    "loss", "accuracy" and "gap"; `metrics` get smaller ones beneath."""
    shown = [asdict(run) for run in runs]
    options = {"smoothing": min(max(smoothing, 0.0), 0.999), "log": log, "panels": list(panels)}
    options["axis"] = axis if axis in AXES else AXES[0]
    beneath = [asdict(metric) for metric in metrics]
    reserve = height + 60 + (METRIC_HEIGHT + 50 if beneath else 0)
    data = {"runs": shown, "height": height, "metricHeight": METRIC_HEIGHT, "metrics": beneath}
    _view(key, "curves", reserve, {**data, **options})


def transport_readout(
    key: str,
    run: str | None,
    metrics: Iterable[Metric] = (),
    main: Metric | None = None,
    stages: Iterable[Stage] = (),
) -> None:
    """Progress, epoch, step, images a second, time left and the state in words of the run with this
    id; None: that there is none yet. Of its `metrics`, the values on the test images. The `stages`
    of a network are drawn in a line beside them, where there is room."""
    main = main or Metric("loss", "Loss", "loss")
    given = {"run": run, "main": asdict(main), "metrics": [asdict(each) for each in metrics]}
    given["stages"] = [asdict(each) for each in stages]
    _view(key, "readout", 70, given)


def reliability(key: str, runs: Iterable[Run]) -> None:
    """The reliability diagram of each of a few runs on the validation images, with their expected
    calibration error, Brier score and NLL."""
    _view(key, "reliability", 280, {"runs": [asdict(run) for run in runs]})


def confusion(key: str, run: str | None, class_names: Sequence[str]) -> None:
    """The confusion matrix and the accuracy of each class on the validation images."""
    _view(key, "confusion", 330, {"run": run, "classes": list(class_names)})


@dataclass(frozen=True)
class Seen:
    """What is looked at in a network: a test image, the step of the weights (None: the latest), a
    layer and one of its filters (-1: none)."""

    image: int = 0
    step: int | None = None
    layer: str = ""
    unit: int = -1


def maps(
    key: str,
    run: str | None,
    class_names: Sequence[str],
    shape: tuple[int, int, int],
    seen: Seen,
    *,
    sights: Sequence[str] = ("images",),
    tells: bool = True,
    other: Run | None = None,
    upload: tuple[str, str, bytes] | None = None,
) -> Seen:
    """The feature maps of a run whose images have this `shape` (H, W, C), beside those of `other`.
    `sights` are the images that its network takes at once, and it `tells` classes apart or not.
    `seen` is where it begins; returns what the visitor looks at now. `upload` is a picture to look
    at: a key of its own, its name, and pixels uint8 of that shape."""
    result = _view(
        key,
        "maps",
        640,
        {
            "run": run,
            "sights": list(sights),
            "tells": tells,
            "classes": list(class_names),
            "side": shape[0],
            "channels": shape[2],
            "other": None if other is None else asdict(other),
            "upload": _upload(upload),
            **asdict(seen),
        },
        on_view_change=_nothing,
    )
    return seen_of(result.view, seen)


def _upload(picture: tuple[str, str, bytes] | None) -> dict[str, str] | None:
    """A visitor's picture for a view: a key of its own, its name, and its pixels."""
    if picture is None:
        return None
    mark, name, pixels = picture
    return {"key": mark, "name": name, "pixels": base64.b64encode(pixels).decode()}


def embedding(
    key: str,
    runs: Iterable[Run],
    class_names: Sequence[str],
    palette: Mapping[str, Any],
    seen: Seen,
) -> Seen:
    """Where the networks of up to eight runs put images, one cloud a run, the current one first.
    `palette` has the classes' colours under "light" and "dark"; `seen` is where it begins (an
    image, a step); returns what the visitor looks at now."""
    shown = [asdict(run) for run in runs]
    options = {"classes": list(class_names), "palette": dict(palette), **asdict(seen)}
    result = _view(key, "embedding", 700, {"runs": shown, **options}, on_view_change=_nothing)
    return seen_of(result.view, seen)


def seen_of(view: Any, otherwise: Seen) -> Seen:
    """What a browser says it looks at, or `otherwise` where that makes no sense."""
    if not isinstance(view, Mapping):
        return otherwise
    step, layer = view.get("step"), view.get("layer")
    image, unit = _whole(view.get("image"), 0), _whole(view.get("unit"), -1)
    if image is None or unit is None or not isinstance(layer, str):
        return otherwise
    if step is not None and _whole(step, 0) is None:
        return otherwise
    return Seen(image, step, layer[:64], unit)


def _whole(value: Any, least: int) -> int | None:
    """A number of what is looked at, from `least`; None for anything else."""
    return value if isinstance(value, int) and least <= value < 10**9 else None


def time(key: str, run: str | None, step: int | None) -> int | None:
    """The slider of the moment that all views of the page show of a run: begins at this step (None:
    the latest) and returns the one that the visitor looks at by now."""
    result = _view(key, "time", 0, {"run": run, "step": step}, on_view_change=_nothing)
    if not isinstance(result.view, Mapping) or result.view.get("run") != run:
        return step
    found = result.view.get("step")
    return None if found is None else _whole(found, 0)


def slider(
    key: str,
    name: str,
    value: float,
    on_move: Callable[[float], None],
    *,
    low: float,
    high: float,
    step: float,
    stops: Sequence[float] | None = None,
    about: str = "",
) -> None:
    """A slider from `low` to `high`, or over `stops` between them, that calls `on_move` with each
    place it is moved to, before the page is drawn: at once, and while a hand moves it at a pace.
    It then shows the `value` that the page says, which may be another."""

    def moved() -> None:
        place = _moved(key).get("value")
        if isinstance(place, int | float) and not isinstance(place, bool):
            place = min(max(place, low), high)
            if low <= place <= high:  # and no NaN
                on_move(float(place))

    given = {"name": name, "value": value, "low": low, "high": high, "step": step, "about": about}
    given["stops"] = None if stops is None else list(stops)
    given["heard"] = _whole(_moved(key).get("moves"), 0) or 0
    _view(key, "slider", 52, given, width=SLIDER_WIDTH, on_moved_change=moved)


def _moved(key: str) -> Mapping[str, Any]:
    """What a slider said last."""
    found = (st.session_state.get(key) or {}).get("moved")
    return found if isinstance(found, Mapping) else {}


def network(key: str, stages: Iterable[Stage]) -> None:
    """The picture of a network: its stages side by side, under each other where there is no room
    for that."""
    _view(key, "network", 150, {"stages": [asdict(stage) for stage in stages]})


def strip(key: str, run: str | None, class_names: Sequence[str], which: str = "all") -> None:
    """Test images with what the network says of each; `which` ("all", "wrong") is shown first."""
    _view(key, "strip", 190, {"run": run, "classes": list(class_names), "which": which})


def pairs(key: str, run: str | None, class_names: Sequence[str]) -> None:
    """Pairs of test images with what the network says of each image and of both, hardest first."""
    _view(key, "pairs", 190, {"run": run, "classes": list(class_names)})


def distances(key: str, run: str | None) -> None:
    """How far apart pairs of one class and of two are, and the verification's ROC."""
    _view(key, "distances", 250, {"run": run})


def reconstructions(key: str, run: str | None, class_names: Sequence[str]) -> None:
    """Test images beside what an autoencoder makes of them."""
    _view(key, "reconstructions", 190, {"run": run, "classes": list(class_names)})


def latent(
    key: str,
    run: str | None,
    class_names: Sequence[str],
    palette: Mapping[str, Any],
    shape: tuple[int, int, int],
    *,
    conditional: bool = False,
    upload: tuple[str, str, bytes] | None = None,
) -> None:
    """Where an autoencoder of images of this `shape` (H, W, C) puts test images and what its
    decoder makes of each place; `palette` has the classes' colours under "light" and "dark". A
    `conditional` decoder is told a class. `upload` as of `maps`."""
    given = {"run": run, "classes": list(class_names), "palette": dict(palette)}
    about = {"conditional": conditional, "side": shape[0], "channels": shape[2]}
    _view(key, "latent", 560, {**given, **about, "upload": _upload(upload)})


def canvases(key: str, run: str | None, class_names: Sequence[str]) -> None:
    """Test canvases with their true boxes and what a detector finds on them."""
    _view(key, "canvases", 420, {"run": run, "classes": list(class_names)})


def placing(key: str, run: str | None, class_names: Sequence[str], *, stages: str = "one") -> None:
    """A canvas on which the visitor places items, or a test canvas, and what the network makes of
    it, stage by stage; a detector of "two" stages has more to show."""
    _view(
        key, "placing", 330 if stages == "one" else 770, {"run": run, "classes": list(class_names)}
    )


def box_studio(key: str) -> None:
    """A target and a box that are dragged, and where descent by losses of boxes leads."""
    _view(key, "box-studio", 460, {})


def matrix(
    key: str, run: str | None, class_names: Sequence[str], groups: Sequence[Sequence[str]]
) -> None:
    """The accuracy after each phase of the classes of each; `groups` are their names."""
    groups = [list(each) for each in groups]
    height = MATRIX_ROW * (len(groups) + 2)
    _view(key, "matrix", height, {"run": run, "classes": list(class_names), "groups": groups})


def exemplars(key: str, run: str | None, class_names: Sequence[str]) -> None:
    """The images of old classes that are kept to train on."""
    _view(key, "exemplars", 190, {"run": run, "classes": list(class_names)})


def studio(
    key: str,
    text: str,
    *,
    written: bool,
    parameters: Mapping[str, float],
    names: Sequence[str] = (),
    run: str | None = None,
    task: str = DEFAULT_TASK,
    classes: int = 10,
) -> None:
    """What a loss does: its curves, its simplex, whom it pushes. `text` is its name or its text;
    of a `written` one, the editor's text of the moment goes before. `parameters` are those moved
    away from their defaults, `names` all that have a slider, which it follows while one drags.
    Whom it pushes is looked at in the answers of this `run`. It is read as a loss of the `task`, on
    data of so many `classes`."""
    _view(
        key,
        "studio",
        STUDIO_HEIGHT,
        {
            "text": text,
            "mode": "write" if written else "pick",
            "parameters": dict(parameters),
            "names": list(names),
            "run": run or "",
            "task": task,
            "class_count": classes,
        },
    )


@dataclass(frozen=True)
class Edited:
    """What the editor holds; `set` counts how often the page has put another text into it."""

    text: str
    set: int = 0


def editor(
    key: str,
    text: str,
    *,
    height: int = 200,
    parameters: dict[str, float] | None = None,
    kind: str = "loss",
    task: str = DEFAULT_TASK,
    classes: int = 10,
    on_change: Callable[[], None] | None = None,
) -> Edited:
    """The loss editor: checks while one types, answers beside the text, and gives what was typed
    when typing rests. It is `height` high and grows with its text. Of `kind` "metric" it takes a
    metric. What it may name is what a run of the `task` has, on data of so many
    `classes`.

    Pass as `text` the text as the page knows it. When that differs both from what was passed
    before and from what the editor gave, the page has set it (another loss was picked) and the
    editor takes it over; otherwise what is being typed is never touched.
    """
    memory = st.session_state.setdefault(f"{key}.memory", _Memory(text, text))
    if text not in (memory.passed, memory.given):
        memory.set += 1
        memory.given = text
    memory.passed = text
    edit = (st.session_state.get(key) or {}).get("edit")
    current = _typed(edit, memory, memory.given)
    lines = min(current.count("\n") + 1, MOST_LINES)
    result = _view(
        key,
        "editor",
        max(height, lines * LINE_HEIGHT + LINE_HEIGHT) + 101,
        {
            "text": current,
            "set": memory.set,
            "height": height,
            "most": (MOST_LINES + 1) * LINE_HEIGHT,
            "kind": kind,
            "task": task,
            "class_count": classes,
            "parameters": parameters or {},
        },
        on_edit_change=on_change or _nothing,
    )
    memory.given = _typed(result.edit, memory, current)
    return Edited(memory.given, memory.set)


def edited(key: str) -> str | None:
    """What was typed last, for a callback, which runs before the page; None without an editor."""
    memory = st.session_state.get(f"{key}.memory")
    edit = (st.session_state.get(key) or {}).get("edit")
    if memory is None:
        return None
    memory.passed = memory.given = _typed(edit, memory, memory.given)  # the page knows it now
    return memory.given


@dataclass
class _Memory:
    """What passed between page and editor: the last text each way, how often the page set one."""

    passed: str
    given: str
    set: int = 0


def _typed(edit: Any, memory: _Memory, otherwise: str) -> str:
    """The text of an edit, unless it is older than the text that the page has set since."""
    if isinstance(edit, Mapping) and edit.get("set") == memory.set:
        return str(edit.get("text", otherwise))
    return otherwise


def _view(key: str, view: str, reserve: int, data: dict[str, Any], **more: Any) -> Any:
    """Mounts a view, with `more` as Streamlit takes it: callbacks, a width."""
    home = f"{files.base()}/live/assets/{files.version()}/"
    return _mount(key=key, data={"home": home, "view": view, "reserve": reserve, **data}, **more)


def _nothing() -> None:
    """Streamlit keeps a state only for those who listen to it."""
