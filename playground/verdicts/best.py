"""The best epoch: the one at whose end the validation loss was the least, the first of equals.

Early stopping restores its weights, the page marks it with a star, a verdict of a run that was
stopped early judges it. Where the loss was changed midway, its values before say nothing of those
after: all begin anew there. Where a verdict says since when validation NLL rises, that is the turn
of a smoothed curve, and no best epoch.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from playground.training.changes import BEST, LOSS, PARAMETER
from playground.training.events import Changed


def least(losses: Sequence[float]) -> int:
    """The place of the least of these losses, the first of equals; -1 where none is finite."""
    known = [place for place, loss in enumerate(losses) if math.isfinite(loss)]
    return min(known, key=lambda place: losses[place], default=-1)


def restored(marks: Iterable[Changed]) -> int:
    """The epoch whose weights early stopping restored; 0 if none."""
    found = [mark.value for mark in marks if mark.kind == BEST]
    return round(float(found[-1])) if found else 0


def renewed(marks: Iterable[Changed]) -> int:
    """The step after which the losses are those of the present loss with its present parameters;
    0 if it was never changed."""
    return max((mark.step for mark in marks if mark.kind in (LOSS, PARAMETER)), default=0)


def best_epoch(store: Any, run_id: str) -> int:
    """The best epoch of a run so far, the restored one if there is one; 0 before the first has
    ended, or the first since its loss was changed. Raises StoreError."""
    marks, started = store.marks(run_id), store.started(run_id)
    found = restored(marks)
    if found or started is None:
        return found
    steps, losses = store.series(run_id, "validation_loss")
    ends = (steps % started.steps_per_epoch == 0) & (steps > renewed(marks))
    at = least(losses[ends].tolist())
    return int(steps[ends][at]) // started.steps_per_epoch if at >= 0 else 0
