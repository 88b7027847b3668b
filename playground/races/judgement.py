"""Statistics of paired runs: is one lane better than another, or was it luck?

Two lanes of one seed share their images, first weights and batches, so what is judged are the
differences of the pairs. All tests are SciPy's; Holm's correction, which SciPy has not, is here.
Nothing here knows how many looks there were: whoever judges after every seed and stops when it
pleases finds differences that are not there more often than LEVEL (`verdict` waits for all seeds).
"""

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

LEVEL = 0.05  # of false alarms, over all lanes of a race together
THRESHOLD = 0.75  # P(A > B) from which a difference counts (Bouthillier et al. 2021)
POWER = 0.8  # the chance with which more seeds should decide
EXACT = 12  # pairs up to which every sign flip is tried
RESAMPLES = 9_999
MOST_MORE = 200  # seeds; a difference that needs more is too small to matter
BETTER, WORSE, SMALL, OPEN = "better", "worse", "small", "open"


@dataclass(frozen=True)
class Judged:
    """A lane against the first one, of `count` pairs.

    `difference`: mean of the lane's value minus the first's; `low` and `high` its 95% interval by
    Student's t; `p` of the sign-flip test, two-sided, and `adjusted` by Holm over the race's lanes;
    `least_p`, the least that so many pairs could give; `superior`, P(lane better), ties half;
    `effect`, the mean over the spread of the differences (Cohen's d_z), better is positive;
    `more` seeds that would decide with a chance of 80% if differences go on as they are, None
    where more than 200 would be needed or nobody can tell. `outcome`: BETTER, WORSE, SMALL (there
    is a difference, but another seed undoes it in over a quarter of cases) or OPEN.
    """

    count: int
    difference: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = 1.0
    adjusted: float = 1.0
    least_p: float = 1.0
    superior: float = 0.5
    effect: float = math.nan
    more: int | None = None
    outcome: str = OPEN


def judge(
    values: Sequence[Mapping[int, float]], higher: bool = True, level: float = LEVEL
) -> list[Judged]:
    """Each lane but the first against the first. `values` are the lanes' numbers by seed; only
    seeds that both have count, NaN is none. `higher` says which way is better."""
    return list(_judge(tuple(map(_finite, values)), higher, level))


def _finite(found: Mapping[int, float]) -> tuple[tuple[int, float], ...]:
    return tuple(sorted((seed, value) for seed, value in found.items() if math.isfinite(value)))


@lru_cache(maxsize=256)  # a page looks every two seconds, and a race changes once a run
def _judge(
    values: tuple[tuple[tuple[int, float], ...], ...], higher: bool, level: float
) -> tuple[Judged, ...]:
    first, *others = map(dict, values)
    pairs = [_pairs(first, lane) for lane in others]
    found = [sign_flip(each) for each in pairs]
    adjusted = holm(found)
    return tuple(
        _judged(each, p, holms, higher, len(others), level)
        for each, p, holms in zip(pairs, found, adjusted, strict=True)
    )


def _judged(
    pairs: np.ndarray, p: float, adjusted: float, higher: bool, lanes: int, level: float
) -> Judged:
    count = len(pairs)
    if not count:
        return Judged(0)
    gain = pairs if higher else -pairs
    superior = probability(gain)
    low, high = interval(pairs)
    outcome = OPEN
    if adjusted <= level:
        outcome = SMALL
        # Both must say so: a lane may win by little in most seeds and lose by much in the others.
        if superior >= THRESHOLD and gain.mean() > 0:
            outcome = BETTER
        elif superior <= 1 - THRESHOLD and gain.mean() < 0:
            outcome = WORSE
    return Judged(
        count=count,
        difference=float(pairs.mean()),
        low=low,
        high=high,
        p=p,
        adjusted=adjusted,
        least_p=least(count),
        superior=superior,
        effect=effect(gain),
        more=None if outcome != OPEN else more(gain, lanes, level),
        outcome=outcome,
    )


def _pairs(first: Mapping[int, float], other: Mapping[int, float]) -> np.ndarray:
    """The differences of the seeds that both have, in the order of the seeds."""
    found = [other[seed] - first[seed] for seed in sorted(first.keys() & other.keys())]
    return np.array(found, np.float64)


def differences(values: Sequence[Mapping[int, float]]) -> list[tuple[float, float, float]]:
    """Of each lane but the first the mean difference to the first with the ends of its interval,
    untested; NaN where there is none."""
    first, *others = (dict(_finite(each)) for each in values)
    pairs = [_pairs(first, lane) for lane in others]
    return [(float(each.mean()) if len(each) else math.nan, *interval(each)) for each in pairs]


def sign_flip(differences: Sequence[float] | np.ndarray) -> float:
    """Two-sided p of the mean of paired differences, were their signs as likely one way as the
    other: exact up to EXACT pairs, of RESAMPLES random flips beyond. 1 of fewer than two pairs."""
    d = np.asarray(differences, np.float64)
    if len(d) < 2 or not d.any():
        return 1.0
    from scipy import stats  # where a race is judged, not with the server

    exact = len(d) <= EXACT
    found = stats.permutation_test(
        (d,),
        lambda x, axis: np.mean(x, axis=axis),
        permutation_type="samples",
        n_resamples=np.inf if exact else RESAMPLES,
        vectorized=True,
        **_random(stats.permutation_test),
    )
    return float(found.pvalue)


def least(count: int) -> float:
    """The least p that so many pairs can give: all signs one way, of 2^count."""
    return min(1.0, 2.0 ** (1 - count)) if count <= EXACT else 2.0 / (RESAMPLES + 1)


def interval(differences: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """The 95% interval of the mean by Student's t; NaN of fewer than three pairs. It covers the
    mean as often as it says where differences are about normal, as those of sums over many images
    are; bootstrap intervals of so few pairs, percentiles or BCa, are too narrow
    (`tests/benchmarks/races.py --coverage`)."""
    d = np.asarray(differences, np.float64)
    if len(d) < 3:
        return math.nan, math.nan
    if np.ptp(d) == 0:
        return float(d[0]), float(d[0])
    from scipy import stats

    found = stats.ttest_1samp(d, 0.0).confidence_interval(0.95)
    return float(found.low), float(found.high)


def probability(gain: np.ndarray) -> float:
    """The share of pairs in which the lane is better; a tie is half (Bouthillier et al. 2021)."""
    return float(np.mean((gain > 0) + 0.5 * (gain == 0)))


def effect(gain: np.ndarray) -> float:
    """Cohen's d_z: the mean of the differences over their spread; infinite where all are alike."""
    if len(gain) < 2:
        return math.nan
    spread = float(gain.std(ddof=1))
    mean = float(gain.mean())
    if spread == 0:
        return 0.0 if mean == 0 else math.copysign(math.inf, mean)
    return mean / spread


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p values (Holm 1979), in the order given."""
    order = np.argsort(p, kind="stable")
    found, worst = [1.0] * len(p), 0.0
    for place, index in enumerate(order):
        worst = max(worst, min(1.0, (len(p) - place) * p[int(index)]))
        found[int(index)] = worst
    return found


def more(gain: np.ndarray, lanes: int, level: float = LEVEL) -> int | None:
    """How many more seeds would find the difference with a chance of POWER, were mean and spread
    to stay as they are: by the power of the paired t test at the strictest level of Holm's
    correction, and no fewer than with which the sign-flip test can reach it."""
    size = abs(effect(gain))
    if not math.isfinite(size) and len(gain) < 2:
        return None
    if size == 0:
        return None
    from scipy import stats

    strict = level / lanes
    for count in range(len(gain) + 1, len(gain) + MOST_MORE + 1):
        if least(count) > strict:
            continue
        if math.isinf(size):
            return count - len(gain)
        bound = stats.t.ppf(1 - strict / 2, count - 1)
        if stats.nct.sf(bound, count - 1, size * math.sqrt(count)) >= POWER:
            return count - len(gain)
    return None


def _random(function: object) -> dict[str, int]:
    """A fixed seed by the name that this SciPy has for it: the same race gives the same table."""
    name = "rng" if "rng" in inspect.signature(function).parameters else "random_state"  # type: ignore[arg-type]
    return {name: 0}
