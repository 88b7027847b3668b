"""Autoencoder from a terminal: a run, its lines of JSON and its curves."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from playground.__main__ import app
from playground.settings import settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def test_a_run_says_its_parts_as_json_and_as_curves(home: Path) -> None:
    words = "train --task autoencoder --dataset digits --epochs 1 --width 4 --batch-size 128 --json"
    done = CliRunner().invoke(app, words.split())
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    test = next(each for each in lines if each.get("split") == "test")["metrics"]
    assert test["elbo"] == pytest.approx(test["reconstruction"] + test["divergence"], rel=1e-5)
    verdict = next(each for each in lines if each["event"] == "Verdict")
    assert verdict["kind"] == "early" and "of the 400 steps" in verdict["sentence"]
    path = home / "run.csv"
    done = CliRunner().invoke(app, ["series", verdict["run"], str(path)])
    assert done.exit_code == 0, done.output
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert len(rows) == 10 and float(rows[0]["divergence"]) >= 0
    assert rows[-1]["validation_elbo"] and rows[-1]["test_active"]
