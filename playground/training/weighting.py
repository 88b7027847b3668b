"""Which weights of a loss' terms set themselves, by the choice of a spec (`weighers`)."""

from typing import Any

from playground.errors import SpecError
from playground.training.weighers import KINDS, Weigher, moved_terms

FIXED = "fixed"


def weigher(name: str, loss: Any, seed: int) -> Weigher | None:
    """What weighs the terms of a loss by this choice of a spec; None where they stay as written.
    Raises SpecError for a loss that has fewer than two terms to weigh."""
    if name == FIXED:
        return None
    weighed = moved_terms(loss)
    if sum(weighed) < 2:
        raise SpecError(
            "weighting",
            "weights that set themselves need a loss of two added terms or more",
            "write the heads' losses as a sum, or choose fixed weights",
        )
    return KINDS[name](weighed, seed)
