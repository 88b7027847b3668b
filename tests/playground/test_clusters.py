"""Numbers on an embedding, against scikit-learn and by hand; the alarm."""

import math

import numpy as np
import pytest
from sklearn.metrics import silhouette_score
from sklearn.neighbors import NearestNeighbors

from playground import RunSpec, train
from playground.presets import PRESETS
from playground.training.clusters import NUMBERS, PREFIX, SAMPLE, measure, numbers
from playground.training.events import Evaluated
from playground.verdicts.collapse import ASKED, collapsed


def clouds(apart: float, count: int = 90, width: int = 2) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    labels = np.arange(count) % 3
    middles = np.zeros((3, width))
    middles[:, :2] = apart * np.array([[1, 0], [-0.5, math.sqrt(3) / 2], [-0.5, -math.sqrt(3) / 2]])
    return (middles[labels] + draw.normal(size=(count, width))).astype(np.float32), labels


def test_four_points_by_hand() -> None:
    features = np.array([[0, 1], [0, 3], [3, 0], [5, 0]], np.float32)
    found = numbers(features, np.array([0, 0, 1, 1]))
    assert found["within"] == pytest.approx(1)
    assert found["between"] == pytest.approx(math.hypot(4, 2))
    # Means (0, 2), (4, 0) about (2, 1): 2 * 2 * 5 between, 4 * 1 within.
    assert found["fisher"] == pytest.approx(20 / 4)
    assert found["angle"] == pytest.approx(90)
    assert found["recall_1"] == 1


@pytest.mark.parametrize("width", [2, 16])
def test_they_agree_with_scikit_learn(width: int) -> None:
    features, labels = clouds(2.0, width=width)
    found = numbers(features, labels)
    assert found["silhouette"] == pytest.approx(silhouette_score(features, labels), abs=1e-6)
    nearest = NearestNeighbors(n_neighbors=2).fit(features).kneighbors(features)[1][:, 1]
    assert found["recall_1"] == pytest.approx((labels[nearest] == labels).mean())


def test_they_tell_parted_classes_from_mixed_ones() -> None:
    far, near = numbers(*clouds(8.0)), numbers(*clouds(0.3))
    for name in ("between", "fisher", "silhouette", "knn_1", "recall_1", "angle"):
        assert far[name] > near[name], name
    assert far["knn_1"] == 1 and far["angle"] == pytest.approx(120, abs=3)


def test_what_has_no_answer_is_no_number_and_no_fault() -> None:
    one = numbers(np.ones((4, 2), np.float32), np.zeros(4, int))
    assert one["within"] == 0 and math.isnan(one["fisher"])
    broken = numbers(np.array([[np.nan, 0], [1, 1]], np.float32), np.array([0, 1]))
    assert math.isnan(broken["silhouette"])
    same = numbers(np.ones((6, 2), np.float32), np.arange(6) % 2)
    assert same["fisher"] == 0 and all(np.isfinite(list(same.values())))


def test_a_large_evaluation_is_sampled() -> None:
    features, labels = clouds(3.0, count=6 * SAMPLE)
    probabilities = np.full((len(labels), 3), 1 / 3, np.float32)
    found = measure(features, labels, probabilities)
    assert set(found) == {PREFIX + name for name in NUMBERS}
    assert found[PREFIX + "cross_entropy"] == pytest.approx(math.log(3))
    whole = numbers(features, labels)
    assert found[PREFIX + "within"] == pytest.approx(whole["within"], rel=0.1)


def looks(*each: tuple[float, float, float]) -> dict[str, np.ndarray]:
    """Spread, kNN and the share of the commonest answer at each look."""
    return dict(zip(("spread", "knn", "commonest"), np.array(each, float).T, strict=True))


def test_the_alarm_asks_what_the_features_do() -> None:
    steps = [1, 5, 20, 40, 80]
    begun, fallen, point = (0.3, 0.6, 0.9), (0.2, 0.15, 0.97), (0.0, 0.1, 0.3)
    assert collapsed(steps, looks(begun, begun, fallen, fallen, fallen), 0.1) == (20, 80)
    assert collapsed(steps, looks(begun, begun, point, point, point), 0.1) == (20, 80)
    assert collapsed(steps, looks(begun, begun, begun, fallen, fallen), 0.1) is None
    assert collapsed(steps, looks(begun, begun, fallen, fallen, begun), 0.1) is None  # learnt
    # At chance with features that part the classes: a last layer that is not trained, a slow start.
    assert collapsed(steps, looks(*[(0.8, 0.95, 0.9)] * 5), 0.1) is None
    assert collapsed(steps, looks(*[begun] * 5), 0.1) is None
    unknown = looks(*[(math.nan, 0.1, math.nan)] * 5)  # of an earlier version
    assert collapsed(steps, unknown, 0.1) is None
    assert collapsed([], looks(begun), 0.1) is None


@pytest.mark.parametrize("seed", [0, 1])
def test_the_experiment_collapse_collapses(seed: int) -> None:
    changes = {"dataset": "digits", "epochs": 4, "evaluations": 2, "seed": seed}
    found = []
    for spec in PRESETS["collapse"].specs():
        events = train(RunSpec(**{**spec.model_dump(), **changes}))
        seen = [e for e in events if isinstance(e, Evaluated) and e.split == "validation"]
        numbers = {
            name: np.array([look.metrics[key.removeprefix("validation_")] for look in seen])
            for name, key in ASKED.items()
        }
        found.append(collapsed([look.step for look in seen], numbers, 0.1) is not None)
    assert found == [False, True]
