"""What the README says of the code holds: its settings are all there are; an addition of each kind
in its table is made in a copy of the tree, by the files that it names and by no more, and is used.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from playground.settings import Settings
from tests.__main__ import GROUPS
from tests.imports import FLOORS, ROOT

LOSS = '''

@named(
    title="Toy", group="Robust", when="Never.", latex="y - p", paper="none", low=Range(0, 1),
    text="mean(abs(y_true - y_pred), axis=-1) + low",
)
def toy(y_true, y_pred, *, low=0.0):
    """mean_c |y - p| + low"""
    return ops.mean(ops.abs(y_true - y_pred), axis=-1) + low
'''
METRIC = '''

@metric(title="Toy", short="Toy", when="Never.", latex="y", paper="none", better="lower")
def toy_metric(y_true, y_pred):
    """the mean of y"""
    return ops.mean(y_true, axis=-1)
'''
DATA_SET = '''"""A toy."""

from dataclasses import replace

from playground.datasets import digits

SOURCE = replace(digits.SOURCE, name="toy", title="Toy")
'''
PAGE = """import streamlit as st

st.subheader("Toy")
"""
# By what is added: file -> what is put in place of what ("" is the whole of a new file, None the
# end of one), and a program that uses it.
Edits = dict[str, tuple[str | None, str]]
ADDED: dict[str, tuple[Edits, str]] = {
    "a loss": (
        {"losses/robust.py": (None, LOSS)},
        "import losses, numpy as np; y = np.eye(3, dtype='float32');"
        "assert abs(float(losses.get('toy', low=0.5)(y, y)) - 0.5) < 1e-6;"
        "assert losses.check('toy(y_true, y_pred, low=0.2)')['ok'];"
        "assert 'toy' in [info.name for info in losses.catalog()]",
    ),
    "a metric": (
        {"losses/metrics.py": (None, METRIC)},
        "import losses, numpy as np; m = losses.get_metric('toy_metric');"
        "y = np.eye(3, dtype='float32'); m.update_state(y, y);"
        "assert abs(float(m.result()) - 1 / 3) < 1e-6;"
        "assert losses.check('1 - toy_metric()', metric=True)['ok']",
    ),
    "a layer": (
        {
            "playground/layers.py": (
                '    "Add": Kind(_same),\n',
                '    "Add": Kind(_same),\n    "GaussianNoise": Kind(_same, random=True),\n',
            )
        },
        "from playground.layers import Layer, Plan, build;"
        "p = Plan({'images': (8, 8, 1)}, (Layer('noise', 'GaussianNoise', {'stddev': 0.1}),),"
        "('noise',)); assert p.parameters == 0; assert build(p, {}).model.count_params() == 0",
    ),
    "a data set": (
        {
            "playground/datasets/toy.py": ("", DATA_SET),
            "playground/datasets/__init__.py": (
                "(mnist, fashion_mnist, cifar10, digits, shapes)",
                "(mnist, fashion_mnist, cifar10, digits, shapes,"
                " __import__('playground.datasets.toy', fromlist=['toy']))",
            ),
        },
        "from playground import datasets; from playground.spec import RunSpec;"
        "assert datasets.load('toy').images.shape[1:] == (8, 8, 1);"
        "assert RunSpec(dataset='toy').to_query()['dataset'] == 'toy'",
    ),
    "a page": (
        {
            "pages/toy.py": ("", PAGE),
            "pages/frame.py": (
                '        st.Page("named_losses.py"',
                '        st.Page("toy.py", title="Toy"),\n        st.Page("named_losses.py"',
            ),
        },
        "import playground.spec; from streamlit.testing.v1 import AppTest;"  # as `app.py` does
        "page = AppTest.from_file('pages/frame.py', default_timeout=120);"
        "page.switch_page('toy.py').run(); assert not page.exception, page.exception;"
        "assert page.subheader[0].value == 'Toy'",
    ),
    "a question to a worker": (
        {
            "playground/questions.py": (
                "QUESTIONS: dict[str, Question] = {\n",
                "QUESTIONS: dict[str, Question] = {\n    'toy': Question('check', 'A toy'),\n",
            ),
            "playground/answers.py": (
                "ANSWERS: dict[str, Callable[[Request, Control], Any]] = {\n",
                "ANSWERS: dict[str, Callable[[Request, Control], Any]] = {\n"
                "    'toy': lambda request, control: request['x'] + 1,\n",
            ),
        },
        "from playground.runs.supervisor import service; s = service();"
        "assert s.questions.ask('toy', x=1) == 2; s.close()",
    ),
}


def table() -> dict[str, int]:
    """The README's count of files for each addition."""
    rows = re.findall(r"^\| (an? [\w ]+) \| (\d) \|", (ROOT / "README.md").read_text(), re.M)
    return {what: int(count) for what, count in rows}


def test_every_addition_is_tried() -> None:
    # A task is the one of `tests/playground/toy.py`, which trains, is watched and exported there.
    assert set(table()) == {*ADDED, "a task"}


@pytest.mark.parametrize("what", ADDED)
def test_an_addition_takes_the_files_that_the_readme_says(what: str, tmp_path: Path) -> None:
    for floor in FLOORS:
        shutil.copytree(
            ROOT / floor, tmp_path / floor, ignore=shutil.ignore_patterns("__pyc*", "node_modules")
        )
    shutil.copytree(ROOT / ".streamlit", tmp_path / ".streamlit")
    edits, used = ADDED[what]
    for name, (old, new) in edits.items():
        path = tmp_path / name
        before = "" if old == "" else path.read_text("utf-8")
        assert old is None or old == "" or old in before, f"{name} has changed: adapt this test"
        path.write_text(before + new if not old else before.replace(old, new, 1), "utf-8")
        assert ("own" in row(what)) if old == "" else (name in row(what)), row(what)
    assert len(edits) == table()[what]
    environment = {"PLAYGROUND_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-c", used],
        cwd=tmp_path, env=_environment(environment), capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_readme_lists_every_setting() -> None:
    found = re.findall(r"^\| `PLAYGROUND_(\w+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert sorted(found) == sorted(name.upper() for name in Settings.model_fields)


def row(what: str) -> str:
    """The README's row of an addition."""
    lines = (ROOT / "README.md").read_text().splitlines()
    return next(line for line in lines if line.startswith(f"| {what} |"))


def _environment(more: dict[str, str]) -> dict[str, str]:
    return {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": ".", **more}


def test_the_test_command_runs_every_test_once() -> None:
    paths = [ROOT / path for group in GROUPS for path in group]
    for file in (ROOT / "tests").rglob("test_*.py"):
        assert len([path for path in paths if path in (file, *file.parents)]) == 1, file
