"""Numbers on an embedding, against scikit-learn and by hand; the alarm."""

import math

import numpy as np
import pytest
from sklearn.metrics import silhouette_score
from sklearn.neighbors import NearestNeighbors

from playground import RunSpec, train
from playground.presets import PRESETS
from playground.training import objective
from playground.training.clusters import NUMBERS, PREFIX, SAMPLE, measure, numbers
from playground.training.events import Evaluated
from playground.verdicts.collapse import advice, collapsed


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


def test_the_alarm_rings_where_cross_entropy_stays_at_ln_c_and_falls_silent() -> None:
    level = math.log(10)
    steps = [1, 5, 10, 20, 40, 80, 120]
    assert collapsed(steps, [level] * 7, 10) == (20, 120)
    assert collapsed(steps, [level] * 6 + [1.5], 10) is None  # it has learnt after all
    assert collapsed(steps[:4], [level] * 4, 10) is None  # every network begins so
    assert collapsed(steps, [2, 1, 1, 1, level, level, 1.02 * level], 10) == (40, 120)
    assert collapsed(steps, [float("nan")] * 7, 10) is None


@pytest.mark.parametrize("seed", [0, 1])
def test_the_experiment_collapse_collapses(seed: int) -> None:
    changes = {"dataset": "digits", "epochs": 4, "evaluations": 2, "seed": seed}
    found = []
    for spec in PRESETS["collapse"].specs():
        events = train(RunSpec(**{**spec.model_dump(), **changes}))
        looks = [e for e in events if isinstance(e, Evaluated) and e.split == "validation"]
        losses = [look.metrics["embedding_cross_entropy"] for look in looks]
        found.append(collapsed([look.step for look in looks], losses, 10) is not None)
    assert found == [False, True]


@pytest.mark.parametrize(
    "text, said",
    [
        ("λ = 1.0  # 0..2\ncross_entropy() + λ * center()", "make λ smaller"),
        ("lambda_ = 1.0  # 0..2\ncross_entropy() + lambda_ * center()", "make lambda_ smaller"),
        ("0.001 * cross_entropy() + center()", "weigh the pull on the features less"),
        ("triplet", "add cross_entropy()"),
        ("center()", "add cross_entropy()"),
        ("categorical_crossentropy", "make the learning rate smaller"),
        ("gamma = 2.0  # 0..5\n-(1 - p_true)**gamma * log(p_true)", "learning rate smaller"),
    ],
)
def test_the_advice_on_a_collapse_names_what_the_loss_has(text: str, said: str) -> None:
    loss = objective.build(RunSpec(dataset="digits", loss=text))
    parameters = [parameter.as_dict() for parameter in loss.parameters.values()]
    advised = advice({"inputs": list(loss.inputs), "parameters": parameters})
    assert said in advised
    assert ("λ" in advised) == ("λ" in text)
