"""What a race amounts to, in words with their evidence; "not enough evidence" is a full answer.

There is one verdict, when all seeds are done: tests are made for one look. Who looks after each
seed and stops at the first p below 5% finds a winner where there is none far more often.
"""

import math
from dataclasses import dataclass

from playground.races.judgement import (
    BETTER,
    LEVEL,
    OPEN,
    SMALL,
    THRESHOLD,
    WORSE,
    Judged,
    judge,
)
from playground.races.results import MEASURES, Results

FEWEST = 3  # seeds of which anything can be said


@dataclass(frozen=True)
class Verdict:
    """`sentence` is the answer; `lanes` has of each lane but the first its outcome, sentence and
    evidence, of none while seeds are missing; `winner` is the number of the lane that is better
    than all evidence asks for and has the best mean, from 0, None where there is none; `notes` say
    what to keep in mind."""

    sentence: str
    lanes: list[tuple[Judged, str, str]]
    winner: int | None
    notes: list[str]


def verdict(results: Results, done: bool = True) -> Verdict:
    """The verdict on a race by what it is judged by; none yet where it is not `done`."""
    if not done:
        return _not_yet(results)
    race, measure = results.race, MEASURES[results.race.judge]
    titles = race.titles()
    found = judge(results.judged, measure.higher)
    lanes = []
    for number, each in enumerate(found, 1):
        sentence = _sentence(titles[number], titles[0], measure.title.lower(), each)
        lanes.append((each, sentence, _evidence(results, each)))
    counts = [each.count for each in found]
    winner = _winner(results, found)
    sentence = _whole(titles, found, winner, measure.title.lower())
    notes = []
    if max(counts, default=0) < FEWEST:
        notes.append(
            f"Of {_seeds(max(counts, default=0))} nothing can be said, however far apart the "
            "lanes are: again with more seeds."
        )
    notes += _broken(results)
    if len(found) > 1:
        notes.append(
            f"{len(found)} lanes are compared with {titles[0]}; by Holm's correction the chance "
            f"that any of them is told better or worse by luck stays at most {LEVEL:.0%}. Lanes "
            "are not compared with one another: make another lane the first for that."
        )
    return Verdict(sentence, lanes, winner, notes)


def _not_yet(results: Results) -> Verdict:
    """What is said while seeds are missing: how many are there, and no test of them."""
    race = results.race
    count = sum(
        all(
            seed in found or seed in broken
            for found, broken in zip(results.judged, results.broken, strict=True)
        )
        for seed in range(race.seeds)
    )
    return Verdict(
        f"{count} of {_seeds(race.seeds)} so far: no verdict yet.",
        [],
        None,
        [
            "It comes when all are done. Whoever judges after each seed and stops when the numbers "
            "please finds winners that are none.",
            *_broken(results),
        ],
    )


def _broken(results: Results) -> list[str]:
    """Which lanes' runs ended otherwise, and of what the first did."""
    race, found = results.race, []
    for title, why in zip(race.titles(), results.broken, strict=True):
        if why:
            seed = min(why)
            found.append(
                f"{title} broke with {len(why)} of {_seeds(race.seeds)}. "
                f"With seed {race.base.seed + seed}: {why[seed]}"
            )
    if found:
        found.append(
            "Broken runs count for nothing here, good or bad. A loss that breaks is no better for "
            "the seeds with which it did not."
        )
    return found


def _winner(results: Results, found: list[Judged]) -> int | None:
    """The lane with the best mean of those that are better than the first; the first, where all
    the others are worse."""
    better = [number for number, each in enumerate(found, 1) if each.outcome == BETTER]
    if better:
        sign = 1 if MEASURES[results.race.judge].higher else -1
        return max(better, key=lambda number: sign * found[number - 1].difference)
    return 0 if found and all(each.outcome == WORSE for each in found) else None


def _whole(titles: list[str], found: list[Judged], winner: int | None, measure: str) -> str:
    if winner is not None and winner:
        others = [
            titles[n] for n, each in enumerate(found, 1) if each.outcome == BETTER and n != winner
        ]
        beside = f" So {_are(others)} {_listed(others)}." if others else ""
        return f"{titles[winner]} is better than {titles[0]} by {measure}.{beside}"
    if winner == 0:
        return f"{titles[0]} is better than {_listed(titles[1:])} by {measure}."
    worse = [titles[n] for n, each in enumerate(found, 1) if each.outcome == WORSE]
    if worse:
        return (
            f"No lane is shown to be better than {titles[0]} by {measure}; {_listed(worse)} "
            f"{_are(worse)} worse."
        )
    if any(each.outcome == SMALL for each in found):
        return f"No lane is better than {titles[0]} by enough to count, by {measure}."
    return f"Not enough evidence: no lane is shown to be better than {titles[0]} by {measure}."


def _sentence(title: str, first: str, measure: str, each: Judged) -> str:
    if each.outcome == BETTER:
        return f"{title} is better than {first}."
    if each.outcome == WORSE:
        return f"{title} is worse than {first}."
    if each.outcome == SMALL:
        return (
            f"{title} and {first} differ in {measure}, but so little that another seed undoes it "
            "in more than a quarter of cases."
        )
    if not each.count:
        return f"{title}: no seed with which both are done."
    return f"{title}: not enough evidence. {_more(each)}"


def _more(each: Judged) -> str:
    if each.count < FEWEST:
        return "So few seeds cannot tell: again with more."
    if each.more is not None:
        return (
            f"About {each.more} more {'seed' if each.more == 1 else 'seeds'} would decide it, with "
            "a chance of 80%, if differences go on as they are."
        )
    return "If differences go on as they are, 200 more seeds would not decide it."


def _evidence(results: Results, each: Judged) -> str:
    if not each.count:
        return ""
    measure = MEASURES[results.race.judge]
    points = " points" if measure.unit == "%" else ""
    parts = [f"{_seeds(each.count)}: mean difference {measure.said(each.difference, True)}{points}"]
    if math.isfinite(each.low):
        low, high = measure.said(each.low, True), measure.said(each.high, True)
        parts.append(f"95% interval {low} to {high} (Student's t)")
    if each.count > 1:
        holm = f", {_p(each.adjusted)} by Holm" if each.adjusted != each.p else ""
        parts.append(f"p = {_p(each.p)}{holm} (sign flips; {_p(each.least_p)} at the least)")
        parts.append(
            f"better with {each.superior:.0%} of the seeds (to count it takes {THRESHOLD:.0%})"
        )
    if math.isfinite(each.effect):
        parts.append(f"effect size {each.effect:+.2f} spreads of the differences")
    return "; ".join(parts) + "."


def _p(value: float) -> str:
    return f"{value:.4f}" if value < 0.01 else f"{value:.3f}"


def _seeds(count: int) -> str:
    return f"{count} {'seed' if count == 1 else 'seeds'}"


def _are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


OUTCOMES = {BETTER: "better", WORSE: "worse", SMALL: "hardly apart", OPEN: "not enough evidence"}
