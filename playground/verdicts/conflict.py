"""Whether the terms of a composite loss are in conflict: descending one ascends the other.

Yu et al. 2020, "Gradient surgery", arXiv:2001.06782.
"""

import re
from collections.abc import Mapping

OPPOSED = -0.1  # a cosine below this is a conflict, not noise
FAINT = 30.0  # a gradient so many times smaller is hardly felt


def verdict(metrics: Mapping[str, float], count: int, where: str = "the features") -> str:
    """Which two terms conflict, or which is hardly felt, as of the last evaluation; `where` their
    gradients are measured."""
    pairs = [(i, j) for i in range(1, count + 1) for j in range(i + 1, count + 1)]
    cosines = {(i, j): metrics.get(f"validation_cosine{i}{j}") for i, j in pairs}
    known = {pair: value for pair, value in cosines.items() if value is not None}
    if not known:
        return "The terms are measured at the next evaluation."
    norms = {k: metrics.get(f"validation_term{k}_features", 0.0) for k in range(1, count + 1)}
    if not any(norms.values()):
        return f"No term has a gradient at {where}: none of them teaches anything there."
    silent = [k for k, norm in norms.items() if not norm]
    (i, j), least = min(known.items(), key=lambda item: item[1])
    if least < OPPOSED:
        return (
            f"Terms {i} and {j} conflict: the cosine between their gradients at {where} is "
            f"{_said(least)}, so that a step down one goes up the other."
        )
    if silent:
        names = " and ".join(map(str, silent))
        return f"Term {names} has no gradient at {where}, so that nothing conflicts with it."
    strong, weak = max(norms, key=norms.__getitem__), min(norms, key=norms.__getitem__)
    if norms[strong] > FAINT * norms[weak]:
        return (
            f"No terms conflict, but term {strong} pulls {where} "
            f"{norms[strong] / norms[weak]:,.0f} times harder than term {weak}, which is hardly "
            "felt."
        )
    return f"No terms conflict: the least cosine between their gradients is {_said(least)}."


def opposed(metrics: Mapping[str, float]) -> tuple[int, int] | None:
    """The two terms that conflict most, as of the last evaluation; None where none do."""
    known = {
        (int(name[-2]), int(name[-1])): value
        for name, value in metrics.items()
        if re.fullmatch(r"validation_cosine\d\d", name)
    }
    pair = min(known, key=known.__getitem__, default=None)
    return pair if pair is not None and known[pair] < OPPOSED else None


def _said(cosine: float) -> str:
    return f"{cosine:.2f}".replace("-", "−")
