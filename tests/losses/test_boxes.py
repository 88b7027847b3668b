"""Losses of boxes against their formulas by hand in float64 and published cases."""

import math

import numpy as np
import pytest
import tensorflow as tf

import losses

NAMES = ("smooth_l1", "iou_loss", "giou_loss", "diou_loss", "ciou_loss")


def by_hand(name: str, a: list[float], b: list[float]) -> float:
    """One box of each, corner by corner."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = width * height if width > 0 and height > 0 else 0.0
    sides = [(c[2] - c[0], c[3] - c[1]) for c in (a, b)]
    union = sides[0][0] * sides[0][1] + sides[1][0] * sides[1][1] - shared
    iou = shared / union
    around = (max(a[2], b[2]) - min(a[0], b[0]), max(a[3], b[3]) - min(a[1], b[1]))
    if name == "smooth_l1":
        errors = [abs(x - y) for x, y in zip(a, b, strict=True)]
        return sum(5 * d * d if d < 0.1 else d - 0.05 for d in errors)
    if name == "iou_loss":
        return 1 - iou
    if name == "giou_loss":
        hull = around[0] * around[1]
        return 1 - (iou - (hull - union) / hull)
    centres = [((c[0] + c[2]) / 2, (c[1] + c[3]) / 2) for c in (a, b)]
    apart = math.dist(*centres) ** 2 / (around[0] ** 2 + around[1] ** 2)
    if name == "diou_loss":
        return 1 - iou + apart
    angles = [math.atan(w / h) for w, h in sides]
    v = 4 / math.pi**2 * (angles[0] - angles[1]) ** 2
    return 1 - iou + apart + (v * v / (1 - iou + v) if v else 0.0)


@pytest.mark.parametrize("name", NAMES)
def test_a_loss_of_boxes_is_its_formula(name):
    rng = np.random.default_rng(3)
    pairs = np.sort(rng.random((2, 200, 2, 2)), axis=2).reshape(2, 200, 4)
    boxes, predicted = pairs.astype("float32")
    found = np.asarray(losses.get(name).values({"boxes": boxes, "boxes_pred": predicted}))
    expected = [
        by_hand(name, *(each.astype("float64").tolist() for each in pair))
        for pair in zip(boxes, predicted, strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=3e-4, atol=3e-5)


# torchvision's tests (test_ops.py, TestGeneralizedBoxIouLoss and its sisters) have these boxes and
# values; here they are a hundredth of their size, which changes no IoU.
FIRST, SECOND, THIRD = [-1, -1, 1, 1], [0, 0, 1, 1], [0, 1, 1, 2]
FOURTH = [1, 1, 2, 2]
PUBLISHED = [
    ("giou_loss", FIRST, FIRST, 0.0),
    ("giou_loss", FIRST, SECOND, 0.75),
    ("giou_loss", SECOND, THIRD, 1.0),
    ("giou_loss", SECOND, FOURTH, 1.5),
    ("iou_loss", FIRST, SECOND, 0.75),
    ("iou_loss", SECOND, FOURTH, 1.0),
    ("diou_loss", FIRST, FIRST, 0.0),
    ("diou_loss", FIRST, SECOND, 0.8125),
    ("diou_loss", FIRST, FOURTH, 1.25),
    ("diou_loss", FIRST, THIRD, 1.1923),
    ("ciou_loss", FIRST, FIRST, 0.0),
    ("ciou_loss", FIRST, SECOND, 0.8125),
    ("ciou_loss", FIRST, THIRD, 1.1923),
    ("ciou_loss", FIRST, FOURTH, 1.25),
]


@pytest.mark.parametrize(("name", "one", "other", "expected"), PUBLISHED)
def test_published_cases(name, one, other, expected):
    boxes, predicted = (np.array([each], "float32") / 100 + 0.5 for each in (one, other))
    value = losses.get(name).on({"boxes": boxes, "boxes_pred": predicted})
    assert float(value) == pytest.approx(expected, abs=2e-3)


CORNERS = {
    "apart": ([0.1, 0.1, 0.3, 0.3], [0.6, 0.7, 0.9, 0.8]),
    "equal": ([0.1, 0.1, 0.3, 0.3], [0.1, 0.1, 0.3, 0.3]),
    "touching": ([0.1, 0.1, 0.3, 0.3], [0.3, 0.1, 0.5, 0.3]),
    "no size": ([0.1, 0.1, 0.3, 0.3], [0.2, 0.2, 0.2, 0.2]),
    "both without size": ([0.2, 0.2, 0.2, 0.2], [0.2, 0.2, 0.2, 0.2]),
    "a line": ([0.1, 0.1, 0.3, 0.3], [0.1, 0.2, 0.3, 0.2]),
    "corners swapped": ([0.1, 0.1, 0.3, 0.3], [0.3, 0.3, 0.1, 0.1]),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("corner", CORNERS)
def test_value_and_slope_are_finite_at_the_corners(name, corner):
    boxes, predicted = (tf.constant([each]) for each in CORNERS[corner])
    with tf.GradientTape() as tape:
        tape.watch(predicted)
        value = losses.get(name).on({"boxes": boxes, "boxes_pred": predicted})
    assert np.isfinite(value)
    slope = tape.gradient(value, predicted).numpy()
    assert np.isfinite(slope).all() and np.abs(slope).max() < 1e4


def test_only_iou_stalls_where_boxes_do_not_touch():
    boxes, predicted = (tf.constant([each]) for each in CORNERS["apart"])
    for name in NAMES:
        with tf.GradientTape() as tape:
            tape.watch(predicted)
            value = losses.get(name).on({"boxes": boxes, "boxes_pred": predicted})
        assert (np.abs(tape.gradient(value, predicted)).max() == 0) == (name == "iou_loss")


OF_A_RUN = losses.Provided(
    {
        "boxes": losses.Input("BN4", "label", "b", "the true boxes", "box"),
        "boxes_pred": losses.Input("BN4", "prediction", r"\hat b", "the predicted boxes", "box"),
        "positive": losses.Input("BN", "context", "m", "1 where there is one", "binary"),
    }
)


def test_a_text_calls_them_of_many_boxes_a_sample():
    text = "sum(positive * giou_loss(boxes, boxes_pred)) / maximum(sum(positive), 1)"
    loss = losses.compile_loss(text, inputs=OF_A_RUN)
    rng = np.random.default_rng(0)
    boxes, predicted = np.sort(rng.random((2, 3, 5, 2, 2)), axis=3).reshape(2, 3, 5, 4)
    positive = np.zeros((3, 5))
    positive[1, 2] = positive[2, 4] = 1
    given = {"boxes": boxes, "boxes_pred": predicted, "positive": positive}
    value = loss.on({n: each.astype("float32") for n, each in given.items()})
    pairs = [(boxes[i, j].tolist(), predicted[i, j].tolist()) for i, j in ((1, 2), (2, 4))]
    assert float(value) == pytest.approx(np.mean([by_hand("giou_loss", *p) for p in pairs]), 1e-4)


def test_what_is_no_box_is_refused_where_it_stands():
    with pytest.raises(losses.LossError, match="last axis of 4") as caught:
        losses.compile_loss("giou_loss(positive, positive)", inputs=OF_A_RUN)
    assert caught.value.hint == "pass boxes, boxes_pred"


def test_descent_as_the_papers_say() -> None:
    """Boxes apart: IoU stalls, GIoU grows the box first, DIoU takes its centre straight there."""
    target, start = [0.56, 0.5, 0.92, 0.8], [0.06, 0.1, 0.28, 0.32]
    found = losses.descents(target, start, "sum(abs(boxes - boxes_pred), axis=-1)")
    film = {name: found["path"][i] for i, name in enumerate(found["names"])}
    assert found["names"] == [*NAMES, "your own"]
    last = {name: found["iou"][i, -1] for i, name in enumerate(found["names"])}
    assert last["iou_loss"] == 0 and np.all(film["iou_loss"] == np.float32(start))
    assert all(value > 0.95 for name, value in last.items() if name != "iou_loss")
    area = {n: (p[:, 2] - p[:, 0]) * (p[:, 3] - p[:, 1]) for n, p in film.items()}
    early = 30
    assert area["giou_loss"][early] > 1.2 * area["giou_loss"][0]
    assert area["giou_loss"][early] > 1.5 * area["diou_loss"][early]
    middle = {n: (p[:, :2] + p[:, 2:]) / 2 for n, p in film.items()}
    goal = np.array([0.74, 0.65]) - middle["diou_loss"][0]
    ways = {n: m[early] - m[0] for n, m in middle.items() if n != "iou_loss"}
    straight = {n: w @ goal / np.linalg.norm(w) / np.linalg.norm(goal) for n, w in ways.items()}
    assert straight["diou_loss"] > 0.995 > straight["giou_loss"]
    # The push at the start is the loss' slope, by differences; CIoU holds its alpha still.
    for i, name in enumerate(NAMES[:-1]):
        for side in range(4):
            moved = [
                float(
                    np.float64(
                        by_hand(name, target, [s + h * (k == side) for k, s in enumerate(start)])
                    )
                )
                for h in (-1e-4, 1e-4)
            ]
            assert -(moved[1] - moved[0]) / 2e-4 == pytest.approx(found["push"][i, side], abs=2e-2)


def test_the_studio_takes_losses_of_boxes_alone() -> None:
    with pytest.raises(losses.LossError, match="the studio moves one box"):
        losses.descents([0, 0, 1, 1], [0, 0, 1, 1], "mean(square(y_true - y_pred))")
