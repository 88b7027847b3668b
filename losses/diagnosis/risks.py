"""Findings on what a loss asks for: where its expected value under true odds q is least.

A loss is proper when no prediction has a smaller expected loss than q itself, strictly when every
other one has a larger one (Gneiting & Raftery 2007); it is classification-calibrated when the
least expected loss is at a prediction whose top class is that of q (Bartlett et al. 2006; for
several classes Tewari & Bartlett 2007); symmetric when it adds up to the same over all classes,
which makes it tolerate uniform label noise (Ghosh et al. 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .finding import Finding, say, spell
from .links import INSIDE, Link, link
from .trial import Trial
from .values import softmax

POLISH = 60  # further steps, where the place itself is wanted
STEPS = 45  # of the search for the least expected loss
RANDOM = 12  # true odds out of a Dirichlet distribution, beside hand-made ones
ROUNDING = 2e-6  # of a float32 value, relative
FAR = 0.05  # a probability that is off by this much makes another prediction
CLEAR = 1e-4  # a difference of expected losses that counts, relative to their spread


@dataclass(frozen=True)
class Found:
    """For M true odds q (M, C): the expected loss of q itself, the least one found and where, and
    the least among predictions far from q, and among those with another top class."""

    q: np.ndarray
    own: np.ndarray
    best: np.ndarray
    best_p: np.ndarray
    far: np.ndarray
    far_p: np.ndarray
    wrong: np.ndarray
    wrong_p: np.ndarray
    clear: np.ndarray  # differences smaller than these do not count


class Search:
    """Looks for the least expected loss by Adam on the logits, from several starts at once.

    `found` is of hand-made and random true odds; `certain` of one-hot targets.
    """

    def __init__(self, trial: Trial) -> None:
        self.trial = trial

    @property
    def found(self) -> Found:
        return self._both[0]

    @property
    def certain(self) -> Found:
        return self._both[1]

    @cached_property
    def _both(self) -> tuple[Found, Found]:
        odds = _odds(self.trial.classes)
        both = self._search(np.concatenate([odds, np.eye(self.trial.classes)]))
        halves = (slice(0, len(odds)), slice(len(odds), None))
        first, second = ({k: v[half] for k, v in both.items()} for half in halves)
        return Found(**first), Found(**second)

    def _search(self, q: np.ndarray) -> dict[str, np.ndarray]:
        count, classes = q.shape
        each, eye = np.arange(count), np.eye(classes)
        order = np.argsort(-q, axis=-1, kind="stable")
        top, second_likeliest = order[:, 0], order[:, 1]
        log_q = np.log(np.maximum(q, 1e-7))
        even = 0.1 * np.random.default_rng(3).normal(size=q.shape)
        z = np.stack([log_q, even, 2 * log_q, 16 * eye[top], 6 * eye[second_likeliest]], axis=1)
        own, size = self._own(q, log_q)
        best, far, wrong = (np.full(count, np.inf) for _ in range(3))
        best_p, far_p, wrong_p = (q.copy() for _ in range(3))
        spread = np.zeros(count)
        mean, square = np.zeros_like(z), np.zeros_like(z)
        for step in range(STEPS):
            risk, slope, _ = self._risk(q, z)
            p = softmax(z)
            if step == 0:
                # What knowing nothing costs, or half of the starts, above the best of them.
                spread = np.maximum(risk[:, 1], np.median(risk, axis=1)) - risk.min(1)
            everywhere = np.ones(risk.shape, bool)
            away = np.abs(p - q[:, None]).max(-1) > FAR
            # An exact tie for the top is no answer either.
            rival = np.where(np.arange(classes) == top[:, None, None], -np.inf, p).max(-1)
            other = p[each, :, top] <= rival + 1e-6
            for mask, least, where in (
                (everywhere, best, best_p),
                (away, far, far_p),
                (other, wrong, wrong_p),
            ):
                here = np.where(mask, risk, np.inf)
                at = here.argmin(1)
                better = here[each, at] < least
                least[better] = here[each, at][better]
                where[better] = p[each, at][better]
            # Adam, with one size for all logits of a prediction: the direction of its slope at a
            # pace that does not depend on the scale of the loss.
            mean = 0.8 * mean + 0.2 * slope
            square = 0.95 * square + 0.05 * slope**2
            size_of = np.sqrt(square.sum(-1, keepdims=True) / (1 - 0.95 ** (step + 1)))
            pace = 0.02 + 0.5 * (1 + np.cos(np.pi * step / STEPS))
            z = z - pace * mean / (1 - 0.8 ** (step + 1)) / np.maximum(size_of, 1e-30)
            z = np.clip(z, -40, 40)
        best_p = np.where((own <= best)[:, None], q, best_p)
        best = np.minimum(best, own)
        clear = ROUNDING * size + CLEAR * np.maximum(spread, 0)
        return {"q": q, "own": own, "best": best, "best_p": best_p, "far": far, "far_p": far_p,
                "wrong": wrong, "wrong_p": wrong_p, "clear": clear}  # fmt: skip

    @cached_property
    def asked(self) -> Link | None:
        """Which odds it asks for in place of the true ones, where there is a law in that."""
        q, p = self.found.q, self.found.best_p
        inside = (q > INSIDE).sum(-1) > 1
        q, p = q[inside], p[inside]
        z = np.log(np.maximum(p, 1e-9))[:, None]
        mean, square = np.zeros_like(z), np.zeros_like(z)
        for step in range(POLISH):  # as in the search, in steps from 0.1 to 0
            _, slope, _ = self._risk(q, z)
            mean, square = 0.8 * mean + 0.2 * slope, 0.95 * square + 0.05 * slope**2
            size = np.sqrt(square.sum(-1, keepdims=True) / (1 - 0.95 ** (step + 1)))
            pace = 0.1 * (1 - step / POLISH)
            z = z - pace * mean / (1 - 0.8 ** (step + 1)) / np.maximum(size, 1e-30)
        return link(q, softmax(z[:, 0]))

    def _own(self, q: np.ndarray, log_q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The expected loss of predicting q, and the largest value in it. Where logits matter
        themselves it is the least over their shifts; for certainty, over their sizes."""
        shifts = np.linspace(-5, 5, 11) if "logits" in self.trial.loss.inputs else np.zeros(1)
        centred = log_q - log_q.mean(-1, keepdims=True)
        sure = np.where(q.max(-1, keepdims=True) == 1, 40 * (2 * q - 1), log_q)
        z = np.concatenate(
            [log_q[:, None], sure[:, None], centred[:, None] + shifts[:, None]], axis=1
        )
        risk, _, size = self._risk(q, z)
        return risk.min(1), size

    def _risk(self, q: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Expected losses (M, S) under q (M, C) at logits z (M, S, C), their slopes (M, S, C), and
        the largest value (M,) that came in."""
        _, starts, classes = z.shape
        which, labels = np.nonzero(q)  # in the order of M; no row of q is all zeros
        values, slopes = self.trial.rows(np.repeat(labels, starts), z[which].reshape(-1, classes))
        values = values.reshape(-1, starts)
        slopes = np.nan_to_num(slopes.reshape(-1, starts, classes), posinf=0, neginf=0)
        weights = q[which, labels][:, None]
        begins = np.searchsorted(which, np.arange(len(q)))
        risk = np.add.reduceat(weights * np.where(np.isnan(values), np.inf, values), begins)
        slope = np.add.reduceat(weights[:, None] * slopes, begins)
        size = np.maximum.reduceat(np.abs(np.nan_to_num(values, posinf=0, neginf=0)), begins)
        return risk, slope, size.max(1)


def truth(search: Search) -> Finding:
    """Whether, for a one-hot target, nothing costs less than the target itself."""
    trial, found = search.trial, search.certain
    own, best, best_p = found.own.copy(), found.best.copy(), found.best_p.copy()
    clear = found.clear.copy()
    # Near certainty digits of 1 - p count: along them alone, rounding is all there is to bear.
    near, near_p, rounding = _near_certainty(trial)
    closer = (near < own - rounding) & ~(best < own - clear)
    best[closer], best_p[closer], clear[closer] = near[closer], near_p[closer], rounding[closer]
    gain = own - best - clear
    worst = int(np.argmax(gain))
    evidence = {
        "label": worst, "at_truth": own[worst], "least": best[worst],
        "p_true": best_p[worst, worst], "p": best_p[worst],
    }  # fmt: skip
    if not np.isfinite(best).all() or not np.isfinite(own).all():
        return Finding("truth", "unknown", "The value is not finite at a sure and right "
                       "prediction.", evidence)  # fmt: skip
    if gain[worst] > 0:
        p = best_p[worst, worst]
        at = f"{p:.3f}" if p < 0.9995 else f"1 - {say(1 - p)}"
        return Finding("truth", "no", f"For a certain truth it is {say(own[worst])} at p = 1 "
                       f"of the true class, but {say(best[worst])} at p = {at}.",
                       evidence)  # fmt: skip
    tie = int(np.argmin(found.wrong - best - clear))
    if found.wrong[tie] <= best[tie] + clear[tie]:
        return Finding("truth", "no", f"The truth costs {say(own[tie])}, and so does a "
                       f"prediction with another top class {spell(found.wrong_p[tie])}.",
                       {**evidence, "label": tie, "p": found.wrong_p[tie]})  # fmt: skip
    return Finding("truth", "yes", f"For each of the {trial.classes} classes nothing found costs "
                   f"less than certainty in it ({say(own[worst])}).", evidence)  # fmt: skip


def _near_certainty(trial: Trial) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each class as the truth (C,): the least value along 1 - p from 0.3 to 1e-8, the others
    even; where, (C, C); and what float32 may have rounded."""
    classes = trial.classes
    missing = np.logspace(np.log10(0.3), -8, 61)
    z = np.zeros((classes, len(missing), classes))
    each = np.arange(classes)
    z[each, :, each] = np.log((1 - missing) / missing * max(classes - 1, 1))
    values, _ = trial.rows(np.repeat(each, len(missing)), z.reshape(-1, classes))
    values = np.where(np.isfinite(values), values, np.inf).reshape(classes, -1)
    at = values.argmin(1)
    least = values[each, at]
    rounding = 2e-7 + ROUNDING * (np.abs(least) + np.ptp(values, axis=1))
    return least, softmax(z[each, at]), rounding


def proper(search: Search) -> Finding:
    """Whether the expected loss is least at the true odds, and only there; if not, at which."""
    found = search.found
    if not np.isfinite(found.own).all() or not np.isfinite(found.best).all():
        return Finding("proper", "unknown", "The expected loss is not finite at ordinary odds.")
    regret = found.own - found.best
    worst = int(np.argmax(np.where(regret > found.clear, regret / found.clear, 0)))
    if regret[worst] > found.clear[worst]:
        q, p = found.q[worst], found.best_p[worst]
        asked = search.asked
        instead = f" It asks for {asked.says}." if asked is not None else ""
        return Finding(
            "proper", "no",
            f"Where the truth has odds {spell(q)}, predicting them costs {say(found.own[worst])}, "
            f"but {spell(p)} only {say(found.best[worst])}: its probabilities are distorted."
            + instead,
            {"q": q, "p": p, "at_q": found.own[worst], "least": found.best[worst],
             "regret": regret[worst]} | (asked.evidence if asked is not None else {}),
        )  # fmt: skip
    gap = found.far - found.own
    tie = int(np.argmin(gap - 0.1 * found.clear))
    evidence = {"tried": len(found.q), "largest_regret": regret.max(), "gap": gap.min()}
    if gap[tie] <= 0.1 * found.clear[tie]:
        return Finding(
            "proper", "no",
            f"Where the truth has odds {spell(found.q[tie])}, predicting them is no better than "
            f"{spell(found.far_p[tie])}: both cost {say(found.own[tie])}.",
            {**evidence, "q": found.q[tie], "p": found.far_p[tie]},
        )  # fmt: skip
    return Finding(
        "proper", "yes",
        f"For {len(found.q)} true odds q over the classes nothing found costs less than predicting "
        f"q; predictions off by {FAR} or more cost at least {say(gap.min())} more.", evidence,
    )  # fmt: skip


def calibrated(search: Search) -> Finding:
    """Whether the least expected loss is at predictions with the right top class."""
    found = search.found
    ordered = np.sort(found.q, -1)
    led = ordered[:, -1] - ordered[:, -2] >= 0.08  # nearer odds need a finer search
    if not np.isfinite(found.best).all():
        return Finding("calibrated", "unknown", "The expected loss is not finite at ordinary odds.")
    gap = np.where(led, found.wrong - found.best, np.inf)
    near = np.where(led, gap - 0.1 * found.clear, np.inf)
    worst = int(np.argmin(near))
    evidence = {
        "tried": int(led.sum()), "gap": gap.min(), "q": found.q[worst], "p": found.wrong_p[worst],
        "least": found.best[worst],
    }  # fmt: skip
    if near[worst] <= 0:
        asked = search.asked
        weighed = asked is not None and "weights" in asked.evidence
        instead = f" It is calibrated for {asked.says}." if asked is not None and weighed else ""
        return Finding(
            "calibrated", "no",
            f"Where the truth has odds {spell(found.q[worst])}, the prediction "
            f"{spell(found.wrong_p[worst])}, whose top class is not the likeliest, costs as "
            f"little as any found: {say(found.wrong[worst])}.{instead}",
            evidence | (asked.evidence if asked is not None and weighed else {}),
        )  # fmt: skip
    return Finding(
        "calibrated", "yes",
        f"For {led.sum()} true odds with a leader, the least expected loss has the leader on top; "
        f"any other top class costs at least {say(gap.min())} more.", evidence,
    )  # fmt: skip


def symmetric(trial: Trial) -> Finding:
    """Whether the values for all classes as the truth add up to the same everywhere."""
    _, z = trial.sample(2, (0.3, 1.0, 3.0, 6.0))
    values, _ = trial.all_classes(z)
    if not np.isfinite(values).all():
        return Finding("symmetric", "unknown", "The value at ordinary predictions is not finite.")
    totals = values.sum(-1)
    low, high = int(totals.argmin()), int(totals.argmax())
    spread = float(totals[high] - totals[low])
    one = float(np.ptp(values))
    evidence = {
        "least": totals[low], "most": totals[high], "p_least": softmax(z[low]),
        "p_most": softmax(z[high]), "spread_of_one": one,
    }  # fmt: skip
    if spread <= 1e-4 * one + ROUNDING * float(np.abs(values).max()) * trial.classes:
        return Finding("symmetric", "yes", f"Over all {trial.classes} classes as the truth it adds "
                       f"up to {say(totals[low])} at every prediction: labels that are wrong at "
                       "random do not move its optimum.", evidence)  # fmt: skip
    return Finding("symmetric", "no", f"Over all {trial.classes} classes as the truth it adds up "
                   f"to {say(totals[low])} at one prediction and {say(totals[high])} at another.",
                   evidence)  # fmt: skip


def _odds(classes: int) -> np.ndarray:
    """True odds (M, C): two rivals, a leader over even noise, and random ones."""
    rng = np.random.default_rng(4)
    found = []
    for i, lead in enumerate((0.55, 0.65, 0.8, 0.9)):
        q = np.zeros(classes)
        q[i % classes], q[(i + 1) % classes] = lead, 1 - lead
        found.append(q)
    for i, lead in enumerate((0.25, 0.4, 0.6, 0.9)):
        q = np.full(classes, (1 - max(lead, 1.5 / classes)) / (classes - 1))
        q[-1 - i % classes] = max(lead, 1.5 / classes)
        found.append(q)
    found.extend(rng.dirichlet(np.ones(classes), RANDOM // 2))
    sparse = rng.dirichlet(np.full(classes, 0.4), RANDOM - RANDOM // 2)
    sparse[sparse < 0.01] = 0
    found.extend(sparse / sparse.sum(-1, keepdims=True))
    return np.stack(found)
