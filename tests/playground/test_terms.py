"""What is measured of the terms of a composite loss while it trains."""

from types import SimpleNamespace

import numpy as np
import pytest

from pages.parts import term_charts
from playground.spec import RunSpec
from playground.training import loop
from playground.training.control import Control
from playground.training.events import Evaluated, Started
from playground.training.terms import SAMPLE
from playground.verdicts.conflict import verdict

SMALL = {"dataset": "digits", "train_images": 200, "width": 4, "epochs": 1, "batch_size": 32}


def evaluations(loss: str) -> tuple[Started, list[dict[str, float]]]:
    events = list(loop.run(RunSpec(**SMALL, loss=loss), Control()))
    started = next(event for event in events if isinstance(event, Started))
    found = [event for event in events if isinstance(event, Evaluated)]
    return started, [event.metrics for event in found if event.split == "validation"]


def test_opposed_terms_are_found_and_named() -> None:
    started, measured = evaluations("cross_entropy() - 0.25 * cross_entropy() + 0.5 * mae()")
    minus = "− 0.25 * cross_entropy()"
    assert started.loss["terms"] == ["cross_entropy()", minus, "0.5 * mae()"]
    for metrics in measured:
        assert metrics["cosine12"] == pytest.approx(-1, abs=1e-3)
        assert metrics["term2"] == pytest.approx(-0.25 * metrics["term1"], rel=1e-4)
        for where in ("features", "logits"):
            ratio = metrics[f"term2_{where}"] / metrics[f"term1_{where}"]
            assert ratio == pytest.approx(0.25, rel=1e-3)
        # At the logits cross-entropy pulls with p - y: at most √2 a sample, the mean of the batch.
        assert 0 < metrics["term1_logits"] * np.sqrt(SAMPLE) <= np.sqrt(2) + 0.01
    last = {f"validation_{name}": value for name, value in measured[-1].items()}
    assert "Terms 1 and 2 conflict" in verdict(last, 3)


def test_a_loss_of_one_term_is_not_measured() -> None:
    started, measured = evaluations("cross_entropy()")
    assert started.loss["terms"] == []
    assert all(not name.startswith(("term", "cosine")) for m in measured for name in m)


def test_a_term_that_is_hardly_felt_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = {"validation_cosine12": 0.2, "validation_term1_features": 3.0,
               "validation_term2_features": 0.01}  # fmt: skip
    assert "term 1 pulls the features 300 times harder than term 2" in verdict(metrics, 2)
    assert "No terms conflict: the least cosine" in verdict(
        {**metrics, "validation_term2_features": 1.0}, 2
    )
    assert "next evaluation" in verdict({}, 2)
    monkeypatch.setattr(term_charts, "names", lambda record: ["a", "b"])
    record = SimpleNamespace(spec=RunSpec(dataset="digits"))
    keys = [chart.key for chart in term_charts.charts(record)]
    assert keys[0] == "term1" and keys[-1] == "cosine12"


def test_a_constant_is_no_term() -> None:
    for loss in ("cross_entropy() - 1", "lam = 2.0  # 0..4\ncross_entropy() + lam"):
        started, measured = evaluations(loss)
        assert started.loss["terms"] == []
        assert all(not name.startswith(("term", "cosine")) for m in measured for name in m)
    started, measured = evaluations("1 + cross_entropy() - 3 + 0.5 * mae()")
    assert started.loss["terms"] == ["cross_entropy()", "0.5 * mae()"]
    for metrics in measured:
        assert metrics["term2_features"] > 0 and metrics["cosine12"] != 0


def test_terms_without_a_gradient_are_not_said_to_be_in_harmony() -> None:
    dead = {"validation_cosine12": 0.0, "validation_term1_features": 0.0,
            "validation_term2_features": 0.0}  # fmt: skip
    assert "No term has a gradient" in verdict(dead, 2)
    half = {**dead, "validation_term1_features": 2.0}
    assert "Term 2 has no gradient" in verdict(half, 2)
