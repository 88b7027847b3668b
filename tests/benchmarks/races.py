"""How often a race is wrong: races of a loss against itself, and of known differences.

    python -m playground race tests/benchmarks/races/pool.toml     trains the seeds (once)
    python tests/benchmarks/races.py [--races 200] [--race FILE]   resamples and judges them

False alarms: a loss races itself. Each lane gets seeds of the pool that no other lane has, so that
the lanes differ by luck alone; a race in which any lane is told better or worse is a false alarm.

With `--coverage` nothing is trained: how often 95% intervals of a mean of so many differences hold
the mean, by Student's t and by SciPy's bootstraps, of 2,000 draws each.

Power: the same with a difference added to all lanes but the first, in standard deviations of a
pair's difference; and, of the pool's second lane, a difference that is real: seeds are drawn from
the pool, paired as they were trained, and the share of races with each outcome is told.
"""

import argparse
import sys
import warnings
from contextlib import closing
from pathlib import Path

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playground.races import race_file
from playground.races.judgement import BETTER, OPEN, SMALL, WORSE, judge
from playground.races.progress import follow
from playground.races.results import MEASURES, Reader, Results, mean, spread
from playground.runs.store import open_store
from playground.settings import settings

POOL = Path(__file__).parent / "races" / "pool.toml"
DESIGNS = ((2, 6), (2, 10), (2, 15), (3, 10), (5, 6))  # lanes, seeds
SIZES = (0.5, 1.0, 1.5, 2.0)
WON = (BETTER, WORSE)


def lanes(values: list[np.ndarray]) -> list[dict[int, float]]:
    return [dict(enumerate(map(float, row))) for row in values]


def itself(pool: np.ndarray, higher: bool, count: int, seeds: int, races: int) -> int:
    """In how many of so many races of a loss against itself any lane is told better or worse."""
    draw = np.random.default_rng(0)
    found = 0
    for _ in range(races):
        rows = draw.permutation(pool)[: count * seeds].reshape(count, seeds)
        found += any(each.outcome in WON for each in judge(lanes(list(rows)), higher))
    return found


def shifted(pool: np.ndarray, size: float, seeds: int, races: int) -> int:
    """How often a lane is told better that is, by so many spreads of a pair's difference."""
    draw = np.random.default_rng(1)
    by, found = size * np.sqrt(2) * pool.std(ddof=1), 0
    for _ in range(races):
        first, second = draw.permutation(pool)[: 2 * seeds].reshape(2, seeds)
        found += judge(lanes([first, second + by]))[0].outcome == BETTER
    return found


def coverage(draws: int = 2000, resamples: int = 999) -> None:
    """How often intervals hold the mean, of normal and of skewed differences."""
    kinds = {
        "normal": lambda draw, size: draw.normal(0, 1, size),
        "skewed (exponential)": lambda draw, size: draw.exponential(1, size) - 1,
    }
    for name, drawn in kinds.items():
        for count in (3, 5, 8, 10, 30):
            pairs = drawn(np.random.default_rng(count), (draws, count))
            found = {"t": stats.ttest_1samp(pairs, 0, axis=1).confidence_interval(0.95)}
            for method in ("percentile", "BCa"):
                with warnings.catch_warnings():  # of draws in which all are about alike
                    warnings.simplefilter("ignore")
                    found[method] = stats.bootstrap(
                        (pairs,), np.mean, axis=1, n_resamples=resamples, method=method,
                        vectorized=True, batch=100, random_state=0,
                    ).confidence_interval  # fmt: skip
            told = ", ".join(
                f"{method} {np.mean((each.low <= 0) & (each.high >= 0)):.1%}"
                for method, each in found.items()
            )
            print(f"{name}, {count} pairs: {told}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--race", type=Path, default=POOL)
    parser.add_argument("--races", type=int, default=200)
    parser.add_argument("--coverage", action="store_true", help="of intervals, by simulation")
    options = parser.parse_args()
    if options.coverage:
        coverage()
        return
    race = race_file.read(options.race)
    with closing(open_store(settings())) as store:
        found = follow(race, store.by_digest)
        if not found.done:
            raise SystemExit(f"Train it first: python -m playground race {options.race}")
        results = Reader(store).results(race, found)
    for name in ("accuracy", "nll"):
        tell(results, name, options.races)


def tell(results: Results, name: str, races: int) -> None:
    """Everything of one measure."""
    measure, (own, other) = MEASURES[name], results.values[name][:2]
    first, second = results.race.titles()[:2]
    pool = np.array([own[seed] for seed in sorted(own)])
    print(
        f"{measure.title}, {len(pool)} seeds: {first} {mean(own):.4f} ± {spread(own):.4f}, ", end=""
    )
    print(f"{second} {mean(other):.4f} ± {spread(other):.4f}")
    for count, seeds in DESIGNS:
        if count * seeds <= len(pool):
            wrong = itself(pool, measure.higher, count, seeds, races)
            what = f"{first} against itself, {count} lanes, {seeds} seeds"
            print(f"  {what}: {wrong} of {races} races have a winner", flush=True)
    for size in SIZES if measure.higher else ():
        told = [f"{n} seeds {shifted(pool, size, n, races) / races:.1%}" for n in (5, 6, 10, 15)]
        print(f"  better by {size:g} spreads: told with {', '.join(told)}", flush=True)
    draw, both = np.random.default_rng(2), sorted(own.keys() & other.keys())
    for seeds in (3, 6, 10):
        outcomes = dict.fromkeys((BETTER, WORSE, SMALL, OPEN), 0)
        for _ in range(races):
            chosen = draw.permutation(both)[:seeds]
            pairs = [{s: own[s] for s in chosen}, {s: other[s] for s in chosen}]
            outcomes[judge(pairs, measure.higher)[0].outcome] += 1
        said = ", ".join(f"{word} {count / races:.1%}" for word, count in outcomes.items())
        print(f"  {second} with {seeds} of the seeds: {said}", flush=True)


if __name__ == "__main__":
    main()
