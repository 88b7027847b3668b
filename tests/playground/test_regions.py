"""The rules of a two-stage detector, against those of Faster and Mask R-CNN in plain NumPy."""

import math

import numpy as np
import pytest
import tensorflow as tf

from playground import own_layers
from playground.training import regions

DRAW = np.random.default_rng(4)


def boxes_of(count: int) -> np.ndarray:
    low = DRAW.random((count, 2)) * 0.6
    return np.concatenate([low, low + 0.05 + 0.3 * DRAW.random((count, 2))], axis=1)


def iou(one: np.ndarray, other: np.ndarray) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(wide, 0.0) * max(high, 0.0)
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (one, other)]
    return float(shared / (sum(areas) - shared))


def test_anchors_by_hand() -> None:
    found = own_layers.anchors([2], [0.5], [1.0, 4.0])
    assert found.shape == (8, 4)
    np.testing.assert_allclose(found[0], [0, 0, 0.5, 0.5])
    np.testing.assert_allclose(found[1], [0.125, -0.25, 0.375, 0.75])  # as large, 4 times as high
    np.testing.assert_allclose(found[2], [0.5, 0, 1, 0.5])  # the next column
    assert len(own_layers.anchors([16, 8], [0.3, 0.4], [1, 2])) == 2 * (256 + 64)


@pytest.mark.parametrize("weights", [own_layers.ANCHOR_WEIGHTS, own_layers.ROI_WEIGHTS])
def test_deltas_are_those_of_the_r_cnn_family(weights: tuple[float, ...]) -> None:
    """t_x = (x - x_a) / w_a, t_w = log(w / w_a), each times its weight; and back."""
    true, others = boxes_of(20), boxes_of(20)
    expected = []
    for box, other in zip(true, others, strict=True):
        w, h, v, u = box[2] - box[0], box[3] - box[1], other[2] - other[0], other[3] - other[1]
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        a, b = (other[0] + other[2]) / 2, (other[1] + other[3]) / 2
        expected.append([(x - a) / v, (y - b) / u, math.log(w / v), math.log(h / u)])
    one, two = (tf.constant(each, tf.float64) for each in (true, others))
    deltas = own_layers.encoded(one, two, weights)
    np.testing.assert_allclose(deltas, np.array(expected) * weights, rtol=1e-9)
    np.testing.assert_allclose(own_layers.decoded(deltas, two, weights), true, rtol=1e-9)
    far = own_layers.decoded(tf.constant([[0.0, 0.0, 99.0, 99.0]], tf.float64), two[:1], weights)
    side = (others[0, 2] - others[0, 0]) * 1000 / 16  # as far as torchvision lets it grow
    assert float(far[0, 2] - far[0, 0]) == pytest.approx(side)


@pytest.mark.parametrize(("least", "background", "each"), [(0.6, 0.3, True), (0.5, 0.5, False)])
def test_candidates_are_matched_as_torchvision_does(
    least: float, background: float, each: bool
) -> None:
    true, candidates = boxes_of(3), np.concatenate([boxes_of(60), boxes_of(3)])
    candidates[-3:] = true + DRAW.normal(0, 0.01, (3, 4))
    true = np.concatenate([true, candidates[:1]])  # one that is not there
    overlaps = np.array([[iou(c, t) for t in true[:3]] for c in candidates])
    expected = np.full(len(candidates), -1)
    expected[overlaps.max(axis=1) < background] = 0
    expected[overlaps.max(axis=1) >= least] = 1
    if each:
        for item in range(3):
            expected[overlaps[:, item] == overlaps[:, item].max()] = 1
    item, kind = regions.matched(
        tf.constant(true[None]),
        tf.constant(candidates[None]),
        tf.constant([[True, True, True, False]]),
        least, background, each,
    )  # fmt: skip
    np.testing.assert_array_equal(kind[0], expected)
    ours = expected == 1
    np.testing.assert_array_equal(item[0].numpy()[ours], overlaps.argmax(axis=1)[ours])
    assert ours.sum() >= 3 and (expected == 0).sum() > 10


def test_an_item_far_from_every_anchor_has_the_nearest() -> None:
    item, kind = regions.matched(
        tf.constant([[[0.0, 0.0, 0.1, 0.1], [0.5, 0.5, 0.9, 0.9]]]),
        tf.constant([[[0.05, 0.05, 0.4, 0.4], [0.5, 0.5, 0.9, 0.9]]]),
        tf.constant([[True, True]]), 0.6, 0.3, True,
    )  # fmt: skip
    assert kind.numpy().tolist() == [[1, 1]] and item.numpy().tolist() == [[0, 1]]


def test_at_most_half_of_what_is_learned_is_of_items() -> None:
    kind = np.full((3, 200), 0)
    kind[0, :90], kind[1, :5], kind[2, :] = 1, 1, -1
    kind[:2, 190:] = -1
    chosen = regions.sampled(tf.constant(kind), tf.constant([1, 2]), 64, 0.5).numpy()
    assert [np.count_nonzero(chosen[i] & (kind[i] == 1)) for i in range(3)] == [32, 5, 0]
    assert [np.count_nonzero(chosen[i] & (kind[i] == 0)) for i in range(3)] == [32, 59, 0]
    assert not chosen[kind == -1].any()
    again = regions.sampled(tf.constant(kind), tf.constant([1, 3]), 64, 0.5).numpy()
    assert (again != chosen).any()


def test_proposals_are_the_surest_that_lie_apart() -> None:
    boxes, scores = boxes_of(50), DRAW.normal(size=50)
    expected: list[int] = []
    for at in np.argsort(-scores):
        if len(expected) < 8 and all(iou(boxes[at], boxes[kept]) <= 0.3 for kept in expected):
            expected.append(int(at))
    layer = own_layers.Proposals(8, 0.3)
    found = layer([scores[None, :, None].astype("float32"), boxes[None].astype("float32")])
    kept = found.numpy()[0][: len(expected)]
    np.testing.assert_allclose(kept, boxes[expected].clip(0, 1), rtol=1e-5)


def test_detections_are_the_surest_of_their_likeliest_class() -> None:
    boxes = np.array([[0.1, 0.1, 0.5, 0.5], [0.1, 0.1, 0.5, 0.6], [0.6, 0.6, 1.2, 0.9]])
    logits = np.log([[0.1, 0.6, 0.3], [0.1, 0.8, 0.1], [0.3, 0.1, 0.6]])
    layer = own_layers.Detections(3, 0.5)
    found = layer([boxes[None].astype("float32"), logits[None].astype("float32")]).numpy()[0]
    np.testing.assert_allclose(found[0], [0.1, 0.1, 0.5, 0.6, 1, 0.8], rtol=1e-6)
    np.testing.assert_allclose(found[1], [0.6, 0.6, 1, 0.9, 0, 0.3], rtol=1e-6)
    assert found[2, 5] == 0  # what overlaps the first is none


def aligned(maps: np.ndarray, box: np.ndarray, side: int, samples: int) -> np.ndarray:
    """RoIAlign in float64, place by place (He et al. 2017, section 3; pixels at their centres)."""
    height, width, channels = maps.shape
    found = np.zeros((side, side, channels))
    for i in range(side * samples):
        for j in range(side * samples):
            y = (box[1] + (i + 0.5) / (side * samples) * (box[3] - box[1])) * height - 0.5
            x = (box[0] + (j + 0.5) / (side * samples) * (box[2] - box[0])) * width - 0.5
            y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
            top, left = min(int(y), height - 2), min(int(x), width - 2)
            for row, p in ((top, 1 - (y - top)), (top + 1, y - top)):
                for column, q in ((left, 1 - (x - left)), (left + 1, x - left)):
                    found[i // samples, j // samples] += p * q * maps[row, column]
    return found / samples**2


@pytest.mark.parametrize("samples", [1, 2])
def test_roi_align_by_hand(samples: int) -> None:
    maps, boxes = DRAW.normal(size=(2, 8, 6, 3)), np.stack([boxes_of(4), boxes_of(4)])
    boxes[0, 0] = [0, 0, 1, 1]
    layer = own_layers.RoiAlign(5, samples)
    found = layer([tf.constant(maps, tf.float32), tf.constant(boxes, tf.float32)]).numpy()
    for canvas in range(2):
        for place in range(4):
            expected = aligned(maps[canvas], boxes[canvas, place], 5, samples)
            np.testing.assert_allclose(found[canvas, place], expected, atol=1e-5)


def test_a_mask_is_pasted_where_its_box_lies() -> None:
    box = np.array([[[0.25, 0.125, 0.75, 0.625]]], np.float32)
    logits = DRAW.normal(size=(1, 1, 8, 8)).astype("float32")
    canvas = regions.pasted(tf.constant(logits), tf.constant(box), 16)[..., None]
    # The box is 8 by 8 of 16 pixels: what is pasted is what was there.
    np.testing.assert_allclose(canvas[0, 0, 2:10, 4:12, 0], logits[0, 0], atol=1e-6)
    back = own_layers.RoiAlign(8, 1)([canvas[0], box[0][None]])
    np.testing.assert_allclose(np.asarray(back)[0, 0, ..., 0], logits[0, 0], atol=1e-5)
