"""Whether a run can be trained with a loss: one rule for page, link, command line and `train`.

A loss that names what the run does not have is refused. One that trains the features and never the
last layer, whose answers stay at chance, is remarked on, with a text that mends it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

# What the last layer is trained through: its outputs, or its kernel itself.
LAST_LAYER = frozenset({"y_pred", "p_true", "logits", "last_kernel"})
# What only the layers before it are trained through.
EMBEDDING = frozenset({"features", "partner_features", "negative_features"})


@dataclass(frozen=True)
class Remark:
    """What is to be known before training, and what to do; `fix` is a text of the loss that does
    it, or None."""

    message: str
    hint: str
    fix: str | None = None


def refusal(
    inputs: Collection[str], provided: Collection[str], what: str = "loss"
) -> Remark | None:
    """Why a run that provides some inputs cannot have a loss or, of `what` "metric", a metric that
    takes these; None if it can."""
    lacking = [name for name in inputs if name not in provided]
    if not lacking:
        return None
    why = ": there is no teacher to learn from" if "teacher_logits" in lacking else ""
    return Remark(
        f"this {what} needs {', '.join(lacking)}, which a classification run does not have{why}",
        f"Choose a {what} of y_true, y_pred, logits, labels, features or centers.",
    )


def remark(loss: Any) -> Remark | None:
    """That a loss trains the features only, if it does."""
    from losses.reach import TERM, reached, with_cross_entropy

    trained = reached(loss)
    if not trained or not LAST_LAYER.isdisjoint(trained):
        return None  # of a loss that trains nothing its own text says so
    return Remark(
        "no gradient reaches the last layer: the features are trained, and accuracy stays at "
        "chance",
        f"add {TERM}",
        with_cross_entropy(loss),
    )
