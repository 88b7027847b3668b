"""Which odds a loss asks for, where it does not ask for the true ones.

Under true odds q its expected loss is least at some prediction p. Three laws say what most losses
that are not proper are proper, or calibrated, for: p ~ w q with a weight w a class (class-balanced
cross-entropy; logit adjustment, whose optimum is that of the balanced error, Menon et al. 2021),
p ~ q^a (generalised cross-entropy: a = 1 / (1 - q), Zhang & Sabuncu 2018), and q = the tempered
softmax of the logits (bi-tempered logistic, Amid et al. 2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .finding import say

INSIDE = 2e-3  # odds below are left out: there the search has little to go by
CLOSE = 0.04  # what a law may leave unexplained of the logits asked for, root mean square
PLAIN = 0.05  # a power or a log weight that is no smaller is no other law
TEMPERATURES = np.linspace(0.2, 3.0, 141)


@dataclass(frozen=True)
class Link:
    """The odds that a loss asks for: `says` follows "It asks for"."""

    says: str
    evidence: dict[str, Any]


def link(q: np.ndarray, p: np.ndarray) -> Link | None:
    """The law between true odds q (M, C) and where the expected loss is least, p (M, C); None where
    none of the three fits."""
    held = (q > INSIDE) & (p > 1e-6)
    asked, odds = (np.log(np.where(held, x, 1.0)) for x in (p, q))
    if held.sum() < 3 * q.shape[1]:
        return None
    for law in (_power, _weights, _tempered):
        found = law(asked, odds, held)
        if found is not None:
            return found
    return None


def _centred(x: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Rows less the mean of what is held of them, 0 elsewhere: logits are told up to a constant."""
    count = np.maximum(held.sum(-1, keepdims=True), 1)
    mean = np.where(held, x, 0).sum(-1, keepdims=True) / count
    return np.where(held, x - mean, 0.0)


def _size(x: np.ndarray, held: np.ndarray) -> float:
    return float(np.sqrt((_centred(x, held) ** 2).sum()))


def _left(asked: np.ndarray, law: np.ndarray, held: np.ndarray) -> float:
    """What a law leaves unexplained of the logits asked for, as a share of them."""
    return _size(asked - law, held) / max(_size(asked, held), 1e-30)


def _power(asked: np.ndarray, odds: np.ndarray, held: np.ndarray) -> Link | None:
    x, y = _centred(odds, held), _centred(asked, held)
    a = float((x * y).sum() / (x * x).sum())
    if abs(a - 1) < PLAIN or _left(asked, a * odds, held) > CLOSE:
        return None
    return Link(f"the odds to the power {say(a)}", {"link": "power", "power": a})


def _weights(asked: np.ndarray, odds: np.ndarray, held: np.ndarray) -> Link | None:
    rest, count = asked - odds, np.maximum(held.sum(0), 1)
    log_w = np.zeros(rest.shape[1])
    for _ in range(100):  # rows and columns in turn: each row has a constant of its own
        row = np.where(held, rest - log_w, 0).sum(1, keepdims=True) / held.sum(1, keepdims=True)
        log_w = np.where(held, rest - row, 0).sum(0) / count
    log_w -= log_w.mean()
    if np.ptp(log_w) < PLAIN or _left(asked, odds + log_w, held) > CLOSE:
        return None
    w = np.exp(log_w)
    low, high = int(np.argmin(w)), int(np.argmax(w))
    return Link(
        f"the odds times a weight a class, from {say(w[low])} for class {low} to {say(w[high])} "
        f"for class {high}",
        {"link": "weights", "weights": w},
    )


def _tempered(asked: np.ndarray, odds: np.ndarray, held: np.ndarray) -> Link | None:
    """log_t(q) = z up to a constant; t = 1 is the softmax."""
    left = {
        float(t): _left(asked, (np.exp((1 - t) * odds) - 1) / (1 - t), held)
        for t in TEMPERATURES
        if abs(t - 1) >= PLAIN
    }
    t = min(left, key=lambda each: left[each])
    if left[t] > CLOSE:
        return None
    return Link(
        f"the true odds, read off a tempered softmax with t = {say(t)} in place of the softmax",
        {"link": "tempered", "t": t},
    )
