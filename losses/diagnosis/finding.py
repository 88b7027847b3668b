"""What a diagnosis is made of: one finding a property, each with its numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

State = Literal["yes", "no", "unknown", "n/a"]

TITLES = {
    "sound": "Sound",
    "finite": "Finite everywhere",
    "gradient": "Gradient is the slope",
    "depends": "Depends on the prediction",
    "bounded_below": "Bounded below",
    "bounded_above": "Bounded above",
    "truth": "Least at the truth",
    "proper": "Proper",
    "calibrated": "Classification-calibrated",
    "symmetric": "Symmetric",
    "convex": "Convex in the logits",
    "coupled": "Couples the batch",
    "scale": "Scale of cross-entropy",
    "push": "Pushes on sure mistakes",
    "sure": "Gradient at confident mistakes",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A property of a loss: whether it has it, one plain sentence why, the numbers behind it.

    `evidence` holds JSON-able numbers, lists and words; what is not finite is None in it.
    """

    name: str
    state: State
    sentence: str
    evidence: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return TITLES[self.name]

    def as_dict(self) -> dict[str, Any]:
        """A JSON-able copy, for the page."""
        return {
            "name": self.name,
            "title": self.title,
            "state": self.state,
            "sentence": self.sentence,
            "evidence": plain(self.evidence),
        }


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The findings on a loss, in the order of `TITLES`; `diagnosis["proper"]` is one of them."""

    findings: tuple[Finding, ...]

    def __getitem__(self, name: str) -> Finding:
        for finding in self.findings:
            if finding.name == name:
                return finding
        raise KeyError(f"expected one of {', '.join(TITLES)}; got {name!r}")

    def as_dict(self) -> dict[str, Any]:
        """A JSON-able copy, for the page."""
        return {"findings": [finding.as_dict() for finding in self.findings]}


def plain(value: Any) -> Any:
    """Arrays and NumPy numbers as lists and numbers with six digits; None where not finite."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(each) for each in value]
    if isinstance(value, (bool, str, int)) or value is None:
        return value
    number = float(value)
    return float(f"{number:.6g}") if math.isfinite(number) else None


def say(value: float) -> str:
    """A number as a sentence has it: three digits, and 0 for what is nothing but rounding."""
    number = float(value)
    if not math.isfinite(number):
        return "not a number" if math.isnan(number) else "infinite"
    text = f"{number:.3g}"
    return text if abs(number) > 1e-12 else "0"


def spell(p: np.ndarray) -> str:
    """A distribution over classes as a sentence has it: its largest entries, the rest together."""
    order = np.argsort(-p, kind="stable")[:2]
    named = ", ".join(f"class {i}: {p[i]:.2f}" for i in order)
    return f"({named}, the rest {max(0.0, 1 - p[order].sum()):.2f})"
