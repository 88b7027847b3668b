"""Average precision by COCO's rule: hand-made cases, and what pycocotools said of drawn ones."""

import numpy as np
import pytest

from playground.training.average_precision import THRESHOLDS, Detections, average_precision, paired

# What pycocotools 2.0.11 gave for `scene(seed)`: AP at each threshold from 0.5 to 0.95.
COCO: dict[int, list[float]] = {
    0: [
        0.470208848391,
        0.416162169584,
        0.31956018166,
        0.244407931652,
        0.161283655147,
        0.106548815227,
        0.029170288686,
        0.002434982952,
        0.000319386777,
        0.0,
    ],
    1: [
        0.450071491091,
        0.40772144197,
        0.326188998094,
        0.278427272977,
        0.200102089127,
        0.102653589082,
        0.051855299265,
        0.004723445318,
        0.000319386777,
        0.0,
    ],
    2: [
        0.4632503128,
        0.396098576023,
        0.355594208725,
        0.26212532552,
        0.17650037396,
        0.093274492601,
        0.035837773355,
        0.009043706709,
        0.001090543837,
        0.0,
    ],
}


def scene(seed: int) -> tuple[Detections, np.ndarray, np.ndarray]:
    """40 pictures with 1 to 4 boxes of 3 classes; what was found is near some of them, of the wrong
    class now and then, twice, or of nothing."""
    draw = np.random.default_rng(seed)
    low = draw.uniform(0, 0.6, (40, 4, 2))
    boxes = np.concatenate([low, low + draw.uniform(0.1, 0.4, (40, 4, 2))], axis=-1)
    classes = draw.integers(0, 3, (40, 4))
    classes[np.arange(4)[None] >= draw.integers(1, 5, 40)[:, None]] = -1
    which = draw.integers(0, 4, (40, 6))
    found = np.take_along_axis(boxes, which[..., None], 1)
    found = found + draw.normal(0, 0.03, found.shape)
    said = np.take_along_axis(classes, which, 1)
    said = np.where(draw.random(said.shape) < 0.15, draw.integers(0, 3, said.shape), said)
    scores = np.round(draw.random(said.shape), 6)
    return Detections(found, said, np.where(said >= 0, scores, 0)), boxes, classes


@pytest.mark.parametrize("seed", COCO)
def test_it_is_what_pycocotools_gives(seed):
    np.testing.assert_allclose(average_precision(*scene(seed)), COCO[seed], atol=1e-9)


def one(boxes: list, classes: list, scores: list | None = None) -> Detections:
    return Detections(
        np.array([boxes], float), np.array([classes]), np.array([scores or [1.0] * len(classes)])
    )


BOX, FAR = [0.0, 0.0, 0.4, 0.4], [0.5, 0.5, 0.9, 0.9]
SHIFTED = [0.1, 0.0, 0.5, 0.4]  # IoU with BOX: 0.12 / 0.20 = 0.6


def precision(found: Detections, boxes: list, classes: list) -> np.ndarray:
    return average_precision(found, np.array([boxes], float), np.array([classes]))


def test_cases_by_hand():
    both = [BOX, FAR]
    assert precision(one(both, [0, 0]), both, [0, 0]).tolist() == [1.0] * 10
    # Half of what is there: recalls 0 to 0.5 have precision 1, 51 of 101.
    assert precision(one([BOX], [0]), both, [0, 0])[0] == pytest.approx(51 / 101)
    # The wrong one first: precision 1/2 at every recall.
    first = one([FAR, BOX], [0, 0], [0.9, 0.8])
    assert precision(first, [BOX], [0])[0] == pytest.approx(0.5)
    # An IoU of 0.6 counts at 0.5, 0.55 and, up to rounding, 0.6.
    near = precision(one([SHIFTED], [0]), [BOX], [0])
    assert near[:2].tolist() == [1, 1] and near[3:].tolist() == [0] * 7
    # The second detection of the same box is wrong; one of another class is, too.
    twice = one([BOX, BOX, FAR], [0, 0, 0], [0.9, 0.8, 0.7])
    assert precision(twice, both, [0, 0])[0] == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert precision(one([BOX], [1]), [BOX], [0])[0] == 0
    # Classes count alike, however many boxes they have.
    assert precision(one([BOX], [0]), both, [0, 1])[0] == pytest.approx(0.5)
    # The better of two true boxes is taken, so that a later one still has its own.
    found = one([BOX, SHIFTED], [0, 0], [0.9, 0.8])
    assert precision(found, [SHIFTED, BOX], [0, 0])[0] == 1
    assert precision(one([BOX], [-1], [0.0]), [BOX], [0])[0] == 0
    assert np.isnan(precision(one([BOX], [0]), [BOX], [-1])).all()
    assert len(THRESHOLDS) == 10


def test_what_is_found_is_paired_whatever_its_class():
    found = one([BOX, FAR, FAR], [3, 0, 0], [0.9, 0.2, 0.8])
    boxes, classes = np.array([[FAR, BOX]], float), np.array([[0, 1]])
    assert paired(found, boxes, classes).tolist() == [[1, -1, 0]]
