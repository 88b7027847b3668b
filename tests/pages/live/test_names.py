"""Names of series: the pages' scripts draw from the task's list, verdicts from what runs record."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

import pages.live
from playground import train
from playground.spec import RunSpec
from playground.tasks import TASKS
from playground.training.events import Evaluated, Progress
from playground.verdicts import fit

ASSETS = Path(pages.live.__file__).parent / "assets"
SPEC = RunSpec(dataset="digits", train_images=200, epochs=1, label_noise=0.2, watch_fit=True)
RECORDED = set(TASKS["classification"].series(SPEC))
# What the server works out of them (`pages.live.feed`).
DERIVED = {"gap", "fit_gap", "fit_gap_error", "seconds"}
# Fields of a started run that look like one.
FACTS = {"train_images", "validation_images"}


def named(script: str) -> set[str]:
    """The series that a script names, one metric's name of its own put in its place."""
    for constant, value in re.findall(r'const ([A-Z]+) = "(\w+)"', script):
        script = script.replace("${" + constant + "}", value)
    words = re.findall(r"\b(?:train|validation|fit)_\w+", script)
    words += re.findall(r"run\.series\.(\w+)", script)
    panels = set(re.findall(r"^  (fit_\w+): \{", script, re.M)) - DERIVED
    return set(words) - FACTS - panels - {"validation_"}


def test_scripts_name_no_series_that_nobody_records() -> None:
    found = {path.name: named(path.read_text()) for path in ASSETS.glob("*.js")}
    assert {"fit.js", "panel.js", "reliability.js", "readout.js"} <= set(found)
    assert f"train_{fit.NLL}" in found["fit.js"] and "fit_gap" in found["fit.js"]
    lacking = {name: words - RECORDED - DERIVED for name, words in found.items()}
    assert not {name: words for name, words in lacking.items() if words}


def test_verdicts_ask_for_no_series_that_nobody_records() -> None:
    recorded: set[str] = set()
    for event in train(SPEC):
        if isinstance(event, Progress):
            recorded |= set(event.series)
        elif isinstance(event, Evaluated):
            recorded |= {f"{event.split}_{name}" for name in event.metrics}
    asked: set[str] = set()

    def series(run_id: str, name: str, after: int = 0) -> tuple[Any, Any]:
        asked.add(name)
        return np.arange(1, 6), np.ones(5)

    store = SimpleNamespace(
        series=series, started=lambda _: None, marks=lambda _: [], evaluation=lambda *_: None
    )
    record = SimpleNamespace(id="1", spec=SPEC, state="completed", kind="", live=False)
    fit.read(store, record)
    fit.gap_at_evaluations(store, record)
    assert asked <= recorded, asked - recorded
    assert {f"validation_{fit.NLL}", "train_clean_accuracy"} <= asked
