"""The pieces that the page is made of, by themselves."""

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from pages.parts import problems, runs, visitor
from pages.parts.knobs import log_stops
from pages.parts.url import View
from playground.figures import palette
from playground.figures.comparison import comparison
from playground.figures.thumbnail import thumbnail
from playground.runs.store import RunRecord
from playground.runs.supervisor import Supervisor
from playground.spec import RunSpec, knobs

ROOT = Path(__file__).parents[2]


def record(supervisor: Supervisor, **fields: object) -> RunRecord:
    found = supervisor.store.run(supervisor.store.create(RunSpec(**fields), "me"))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("headers", "address", "local"),
    [
        ({"Host": "localhost:8501"}, None, True),
        ({"Host": "127.0.0.1:8501"}, None, True),
        ({"Host": "[::1]:8501"}, None, True),
        ({"Host": "playground.example"}, None, False),
        ({"Host": "localhost.example:8501"}, None, False),
        ({"Host": "localhost:8501"}, "192.0.2.7", False),
        ({"Host": "localhost:8501", "X-Forwarded-For": "192.0.2.7"}, None, False),
        ({"Host": "localhost:8501", "Forwarded": "for=192.0.2.7"}, None, False),
        ({}, None, False),
    ],
)
def test_a_browser_is_on_this_machine_or_not(
    headers: dict[str, str], address: str | None, local: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = SimpleNamespace(headers=headers, ip_address=address)
    monkeypatch.setattr(visitor.st, "context", context)
    assert visitor.local() is local


def test_view_round_trips_through_the_url() -> None:
    view = View("abc", ("d", "e"), 0.25, True)
    assert View.from_query(view.to_query("pick", "huber")) == (view, [])
    assert View().to_query("pick", "huber") == {}
    assert View().to_query("write", "huber") == {"mode": "write"}


@pytest.mark.parametrize("value", ["nan", "-1", "1", "x", "1e400", ""])
def test_view_notes_what_it_cannot_take(value: str) -> None:
    view, notes = View.from_query({"smoothing": value, "run": "a", "compare": "a,b,b,,c"})
    assert view == View("a", ("b", "c"))
    assert len(notes) == 1


@pytest.mark.parametrize(
    ("column", "end", "carets"), [(3, 4, "  ^"), (1, 9_000, "^^^^^"), (10**9, 2 * 10**9, "     ^")]
)
def test_carets_stay_within_their_line(column: int, end: int, carets: str) -> None:
    where = {"line": 1, "column": column, "end_line": 1, "end_column": end}
    assert problems.marked("a + b", where) == f"a + b\n{carets}"


def test_log_stops_hold_any_value_of_the_range() -> None:
    knob = knobs()["learning_rate"]
    stops = log_stops(knob, 0.00123)
    assert stops == sorted(stops)
    assert {1e-6, 1e-3, 0.00123, 10.0} <= set(stops)
    assert stops[0] == knob.low
    assert stops[-1] == knob.high


def test_runs_are_told_apart(supervisor: Supervisor) -> None:
    one = record(supervisor, dataset="digits", learning_rate=0.01)
    two = record(supervisor, dataset="digits", learning_rate=0.02)
    text = record(supervisor, dataset="digits", loss="a = 1\nreturn -log(p_true)  # x")
    names = runs.names([one, two, text])
    assert names[one.id] == "#1 learning rate 0.01 · Cross-entropy"
    assert names[two.id] == "#2 learning rate 0.02 · Cross-entropy"
    assert names[text.id] == "#3 -log(p_true)"
    sweep = [
        record(
            supervisor, dataset="digits", loss=f"λ = {weight}  # 0..1\ncross_entropy() + λ * mae()"
        )
        for weight in (0.1, 1)
    ]
    assert list(runs.names(sweep).values()) == ["#4 λ = 0.1", "#5 λ = 1"]
    pasted = [
        record(
            supervisor,
            dataset="digits",
            loss=f"def emd(y_true, y_pred, p={p}):\n    return mean(abs(y_true - y_pred)**p)",
        )
        for p in (1.0, 2.0)
    ]
    assert runs.loss_name(pasted[0].spec) == "emd"
    assert list(runs.names(pasted[:1]).values()) == ["#6 emd"]
    assert [name.split(" · ")[1] for name in runs.names(pasted).values()] == ["emd", "emd"]
    assert len(set(runs.names(pasted).values())) == 2
    long = [
        record(supervisor, dataset="digits", loss=f"categorical_focal_crossentropy() + {k} * mae()")
        for k in (1, 2)
    ]
    assert [name[-9:] for name in runs.names(long).values()] == ["1 * mae()", "2 * mae()"]


def test_colours_belong_to_runs_and_never_clash(supervisor: Supervisor) -> None:
    made = [record(supervisor, dataset="digits") for _ in range(9)]
    assert runs.places(made[:3]) == {run.id: place for place, run in enumerate(made[:3])}
    assert runs.places(made[2:3]) == {made[2].id: 2}
    places = runs.places([made[0], made[8]])
    assert places == {made[0].id: 0, made[8].id: 1}
    assert len(set(runs.places(made[1:]).values())) == palette.COUNT


CURVE = {
    "p": [0.01, 0.1, 0.5, 0.9, 0.97],
    "loss": [None, 0.3, 0.2, 0.1, 0.0],
    "slope": [0.0, -1.0, -0.5, -0.1, 0.0],
}
GHOST = {
    "p": CURVE["p"],
    "loss": [4.6, 2.3, 0.7, 0.1, 0.0],
    "slope": [-1.0, -0.9, -0.5, -0.1, 0.0],
}


def test_a_comparison_shows_the_losses_and_only_as_much_of_the_ghost() -> None:
    empty = {"p": [], "loss": []}
    figure = comparison({"One": CURVE, "No curve": empty}, GHOST)
    assert [trace.name for trace in figure.data] == ["cross-entropy", "One", "No curve"]
    low, high = figure.layout.yaxis.range
    assert low < 0.0
    assert 0.3 < high < 0.7
    assert figure.layout.xaxis.title.text == "p(true class)"


def test_a_comparison_of_constants_or_of_nothing_has_axes() -> None:
    for values in ([1.0, 1.0, 1.0], [None, None, None]):
        curve = {"p": [0.1, 0.5, 0.9], "loss": values}
        low, high = comparison({"One": curve}, None).layout.yaxis.range
        assert low < high
    assert comparison({}, None).layout.yaxis.range == (0.0, 1.0)


def test_thumbnails_are_drawn_of_lines_points_and_nothing() -> None:
    line = [[0.1, 2.0], [0.5, 1.0], [0.9, 0.0]]
    drawn = thumbnail({"lines": [line], "ghost": [[0.1, 99.0], [0.9, 0.0]]})
    assert drawn.count("<polyline") == 2
    places = [float(y) for y in re.findall(r",([-\d.]+)", drawn.split("<polyline")[2])]
    assert places == sorted(places) and places[0] > 0 and places[-1] < 84  # falls; y is downwards
    assert thumbnail({"points": [[0.0, 0.0], [1.0, 1.0]]}).count("<circle") == 2
    assert "<polyline" not in thumbnail({})


def test_no_page_imports_tensorflow() -> None:
    """In an interpreter of its own, with every page run as the server runs it."""
    script = """
import sys, tempfile
from pathlib import Path
from streamlit.testing.v1 import AppTest
from playground.runs import supervisor
from playground.runs.store import open_store
from playground.settings import Settings
config = Settings(home=Path(tempfile.mkdtemp()))
found = supervisor.Supervisor(config, open_store(config))
supervisor.service = lambda: found
frame = AppTest.from_file("pages/frame.py", default_timeout=60)
frame.query_params["dataset"] = "digits"
for page in sorted(Path("pages").glob("*.py")):
    if page.name not in {"frame.py", "__init__.py", "class_runs.py"}:  # a teacher's, with a login
        frame.run()
        frame.switch_page(page.name).run()
        assert not frame.exception, frame.exception
import app
wrong = {"tensorflow", "keras", "losses", "torch", "ray"} & set(sys.modules)
assert not wrong, wrong
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_a_sanitiser_takes_nothing_in_the_styles_for_a_tag() -> None:
    """Streamlit hands them to one, which throws a whole style away for a `<` before a letter."""
    style = (ROOT / "pages" / "parts" / "page.css").read_text("utf-8")
    assert not re.search(r"<[/\w!]", style)
