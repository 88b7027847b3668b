"""The statistics of paired runs, against values by hand, from papers and from SciPy."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from playground.races.judgement import (
    BETTER,
    OPEN,
    SMALL,
    WORSE,
    differences,
    holm,
    interval,
    judge,
    least,
    more,
    probability,
    sign_flip,
)


def lanes(*rows: list[float]) -> list[dict[int, float]]:
    return [dict(enumerate(row)) for row in rows]


def by_hand(d: list[float]) -> float:
    """All sign flips, written out."""
    seen = abs(np.mean(d))
    flips = [np.mean(np.array(d) * signs) for signs in itertools.product((1, -1), repeat=len(d))]
    return float(np.mean([abs(each) >= seen - 1e-12 for each in flips]))


@pytest.mark.parametrize(
    "d", [[1.0, 2.0, 3.0], [0.3, -0.1, 0.4, 0.2, 0.6], [1.0, 1.0, -1.0, 1.0, 1.0, 1.0, 1.0]]
)
def test_the_sign_flip_test_tries_every_flip(d: list[float]) -> None:
    assert sign_flip(d) == pytest.approx(by_hand(d), abs=1e-12)


def test_fisher_on_darwins_maize() -> None:
    """Darwin's 15 pairs of maize, crossed minus self-fertilised, in eighths of an inch: 863 of
    16,384 flips on one side and as many on the other (Fisher, The Design of Experiments, 1935,
    section 21)."""
    d = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    assert sign_flip(d) == pytest.approx(2 * 863 / 2**15, abs=0.006)
    assert by_hand([float(each) for each in d]) == pytest.approx(2 * 863 / 2**15)


def test_few_pairs_cannot_give_a_small_p() -> None:
    assert [least(count) for count in (1, 2, 3, 6)] == [1.0, 0.5, 0.25, 1 / 32]
    assert sign_flip([5.0, 6.0, 7.0]) == least(3)
    assert sign_flip([5.0]) == 1.0 and sign_flip([0.0, 0.0, 0.0]) == 1.0


def test_holm_as_in_his_paper() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]


def test_the_interval_is_students() -> None:
    """Student's own example (Biometrika 1908, section 9): what a second drug adds to ten patients'
    hours of sleep over the first, mean 1.58, sd 1.23; R's t.test(sleep) has 0.70 to 2.46."""
    d = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    assert interval(d) == pytest.approx((0.7001142, 2.4598858), abs=1e-6)
    assert interval([2.0, 2.0, 2.0]) == (2.0, 2.0)
    assert all(map(math.isnan, interval([1.0, 2.0])))


@pytest.mark.parametrize("count", [3, 5, 10])
def test_the_interval_covers_as_often_as_it_says(count: int) -> None:
    """Of 700 races whose true difference is 0.3: normal differences, and those of accuracies on
    200 images, which are whole numbers of images."""
    draw = np.random.default_rng(count)
    normal = draw.normal(0.3, 1.0, (700, count))
    images = (draw.binomial(200, 0.92, (700, count)) - draw.binomial(200, 0.9, (700, count))) / 200
    for pairs, true in ((normal, 0.3), (images, 0.02)):
        ends = np.array([interval(each) for each in pairs])
        covered = np.mean((ends[:, 0] <= true) & (true <= ends[:, 1]))
        assert stats.binom.ppf(0.001, 700, 0.95) <= 700 * covered
        assert 700 * covered <= stats.binom.ppf(0.999, 700, 0.95)


def test_a_judgement_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = lanes([0.1, 0.25, 0.3, 0.4], [0.2, 0.3, 0.4, 0.61])
    first = judge(rows)
    monkeypatch.setattr("playground.races.judgement.sign_flip", lambda d: pytest.fail("again"))
    assert judge([dict(each) for each in rows]) == first
    with pytest.raises(pytest.fail.Exception, match="again"):
        judge(rows, higher=False)
    assert [found[0] for found in differences(rows)] == pytest.approx([0.115])


def test_ties_are_half_a_win() -> None:
    assert probability(np.array([1.0, 0.0, -1.0, 2.0])) == 0.625


def test_more_seeds_have_the_power_that_simulated_pairs_have() -> None:
    gain = np.array([1.3, -0.6, 1.6, 0.1, 0.6])  # mean 0.6, spread 0.9: d_z 0.66
    extra = more(gain, lanes=1)
    size = float(gain.mean() / gain.std(ddof=1))
    draw = np.random.default_rng(0)
    pairs = draw.normal(size, 1.0, (4000, len(gain) + extra))
    found = np.mean(stats.ttest_1samp(pairs, 0, axis=1).pvalue <= 0.05)
    assert 0.77 < found < 0.86
    assert more(np.array([1.0, 1.0, 1.0]), lanes=1) == 3  # 6 pairs: the first with p below 0.05
    assert more(np.array([1.0, -1.0]), lanes=1) is None


def test_outcomes() -> None:
    base = [0.90, 0.91, 0.92, 0.90, 0.91, 0.92, 0.90, 0.91]
    up, down = [each + 0.05 for each in base], [each - 0.05 for each in base]
    noisy = [each + shift for each, shift in zip(base, [0.01, -0.01] * 4, strict=True)]
    found = judge(lanes(base, up, down, noisy))
    assert [each.outcome for each in found] == [BETTER, WORSE, OPEN]
    assert found[0].difference == pytest.approx(0.05)
    assert found[0].p == 1 / 128 and found[0].adjusted == 3 / 128
    assert found[2].more is None and found[0].more is None
    assert [each.outcome for each in judge(lanes(base, up), higher=False)] == [WORSE]


def test_a_difference_that_another_seed_undoes_is_small() -> None:
    """Wins by much in 7 of 10 seeds, loses by next to nothing in 3: significant, not superior."""
    gains = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, -0.01, -0.02, -0.03]
    (found,) = judge(lanes([0.0] * 10, gains))
    assert found.adjusted < 0.05 and found.superior == 0.7
    assert found.outcome == SMALL


def test_what_wins_by_little_and_loses_by_much_is_no_better() -> None:
    """Of 24 seeds 18 are won by 0.001 and 6 lost by 0.1: most are won, and the mean is a loss."""
    draw = np.random.default_rng(0)
    gains = np.r_[np.full(18, 0.001), np.full(6, -0.1)] + draw.normal(0, 1e-5, 24)
    (found,) = judge(lanes([0.0] * 24, list(gains)))
    assert found.superior >= 0.75 and found.difference < 0 and found.adjusted <= 0.05
    assert found.outcome == SMALL


def test_only_seeds_that_both_have_are_compared() -> None:
    (found,) = judge([{0: 1.0, 1: 2.0, 2: math.nan}, {1: 3.0, 2: 9.0, 5: 1.0}])
    assert found.count == 1 and found.difference == 1.0 and found.outcome == OPEN
    (none,) = judge([{0: 1.0}, {1: 1.0}])
    assert none.count == 0 and none.outcome == OPEN


def test_a_loss_against_itself_seldom_wins() -> None:
    """Three lanes of one distribution, ten seeds, 80 races: at most the 5% that were promised,
    within what so few races can tell."""
    draw = np.random.default_rng(3)
    won = 0
    for _ in range(80):
        rows = draw.normal(0, 1, (4, 10))
        won += any(each.outcome in (BETTER, WORSE) for each in judge(lanes(*rows.tolist())))
    assert won <= stats.binom.ppf(0.999, 80, 0.05)
