"""How a verdict says numbers, and what it is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Next:
    """One step to take next: in words; the settings that it `change`s for the next run (none where
    it only finds out, or changes what is no setting); and in which `respect` that run is better, a
    name of `RESPECTS`."""

    words: str
    change: Mapping[str, Any] = field(default_factory=dict)
    respect: str = ""


# In what a run that obeys is better, and how the sentence says it.
RESPECTS: Mapping[str, str] = {
    "validation accuracy": "Expect a higher validation accuracy.",
    "training accuracy": "Expect a higher training accuracy.",
    "gap": "Expect a smaller gap.",
    "validation NLL": "Expect a lower validation NLL at the end.",
    "wrong labels learned": "Expect fewer wrong labels learned.",
    "classes answered": "Expect fewer classes that are never the answer.",
    "embedding": "Expect nearest neighbours that are right more often.",
    "old classes": "Expect a higher accuracy of the old classes.",
    "new classes": "Expect a higher accuracy of the new classes.",
    "finite": "Expect a loss that stays finite.",
    "code": "Expect dimensions of the code that are used.",
    "elbo": "Expect a lower negative ELBO.",
    "ap": "Expect a higher average precision.",
    "masks": "Expect a higher mask IoU.",
    "named": "Expect more of what is found to be named correctly.",
}


@dataclass(frozen=True)
class Verdict:
    """`kind` of `fit.KINDS`, a `sentence`, the numbers it rests on as (name, value) texts, one
    `step` to take next, `notes` on what might mislead, and since which epoch (0: none). `cause` is
    a name of `causes.NAMES`, "" where none is named; `change` and `respect` are those of `Next`."""

    kind: str
    sentence: str
    evidence: tuple[tuple[str, str], ...]
    step: str
    notes: tuple[str, ...] = ()
    epoch: int = 0
    cause: str = ""
    change: Mapping[str, Any] = field(default_factory=dict)
    respect: str = ""


def percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def points(share: float) -> str:
    return f"{100 * share:.1f}".replace("-", "−")


def listed(names: Sequence[str]) -> str:
    """Names with commas, and "and" before the last."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
