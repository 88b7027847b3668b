"""What every evaluation records so that one can tell why a run does not train."""

import math

import numpy as np
import pytest

from playground import RunSpec, train
from playground.training.events import Evaluated, Progress
from playground.training.signs import signs

QUICK = {"dataset": "digits", "train_images": 200, "width": 4, "depth": 1, "epochs": 1}


def test_three_images_by_hand() -> None:
    features = np.array([[3.0, 4.0, 0.0], [3.0, 4.0, 0.0], [3.0, 4.0, 0.0]], np.float32)
    probabilities = np.array([[0.5, 0.25, 0.25], [0.5, 0.5, 0.0], [0.8, 0.1, 0.1]], np.float32)
    found = signs(features, probabilities, np.array([0, 1, 0]))
    nll = [math.log(2), math.log(2), -math.log(0.8)]
    assert found["nll"] == pytest.approx(np.mean(nll), rel=1e-6)
    assert found["nll_error"] == pytest.approx(np.std(nll) / math.sqrt(3), rel=1e-6)
    assert found["spread"] == 0 and found["dead"] == 1
    assert (found["unanswered"], found["commonest"]) == (1, 1)  # 1 is never said; 2 is not there


def test_spread_is_a_share_of_the_features_size() -> None:
    draw = np.random.default_rng(0)
    around = draw.normal(size=(500, 8)).astype(np.float32)
    blank, labels = np.full((500, 2), 0.5, np.float32), np.arange(500) % 2
    assert signs(around, blank, labels)["spread"] == pytest.approx(1, abs=0.02)
    for size in (1e-3, 1.0, 1e3):  # whatever the scale
        near = signs(size * (1 + 0.01 * around), blank, labels)
        assert near["spread"] == pytest.approx(0.01, rel=0.05) and near["dead"] == 0
    half = around.copy()
    half[:, :4] = 0
    assert signs(half, blank, labels)["dead"] == 0.5
    broken = signs(around * np.nan, blank, labels)
    assert math.isnan(broken["spread"]) and math.isnan(broken["dead"])
    dark = signs(np.zeros((9, 4), np.float32), blank[:9], labels[:9])
    assert (dark["spread"], dark["dead"]) == (0, 1)


@pytest.mark.parametrize(
    "loss", ["cross_entropy() - 1", "100 * cross_entropy()", "brier", "supcon"]
)
def test_the_negative_log_likelihood_is_measured_whatever_the_loss(loss: str) -> None:
    events = list(train(RunSpec(**QUICK, loss=loss, metrics=("negative_log_likelihood",))))
    looks = [e.metrics for e in events if isinstance(e, Evaluated) and e.split == "validation"]
    for metrics in looks:
        assert metrics["nll"] == pytest.approx(metrics["negative_log_likelihood"], rel=1e-5)
    steps = np.concatenate([e.series["nll"] for e in events if isinstance(e, Progress)])
    losses = np.concatenate([e.series["loss"] for e in events if isinstance(e, Progress)])
    assert steps[0] == pytest.approx(math.log(10), abs=1)
    if "100" in loss:
        np.testing.assert_allclose(losses, 100 * steps, rtol=1e-4)
