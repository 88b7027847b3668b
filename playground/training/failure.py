"""A loss that is not finite any more, in words: what broke, where in its text, what would not."""

import json
from collections.abc import Mapping
from typing import Any

from playground.training.changes import BROKEN
from playground.training.events import Changed, Failed


def nonfinite(loss: Any, tensors: Mapping[str, Any], step: int, epoch: float) -> Failed:
    """What became non-finite at this step and, for a written loss, where in its text; `tensors` are
    what it was computed from."""
    found = loss.find_nonfinite(tensors)
    at = f"at step {step:,} (epoch {epoch:.2f})"
    kept = f"The weights of step {step - 1:,} are kept, and so is all that was recorded."
    if found is None:
        return Failed(
            step,
            "nonfinite",
            f"The loss or its gradient stopped being a finite number {at}. {kept}",
            "Try a smaller learning rate, or a loss that stays finite.",
        )
    value = {"nan": "NaN", "inf": "infinite", "-inf": "minus infinite"}[found["value"]]
    what = "" if found["kind"] == "value" else "The gradient of "
    of = "" if found["sample"] is None else f" for image {found['sample'] + 1} of the batch"
    places = ("line", "column", "end_line", "end_column", "fragment")
    return Failed(
        step,
        "nonfinite",
        f"{what}'{found['fragment']}' became {value}{of} {at}. {kept}",
        "Keep its argument away from where it breaks (clip it, or add a small number), or try "
        "a smaller learning rate.",
        {place: found[place] for place in places},
    )


def mark(failed: Failed, loss: Any, tensors: Mapping[str, Any], back: int) -> Changed:
    """The mark of a failure after which the run pauses instead of ending: with the text that would
    have been finite, where there is one, and the step that one can go `back` to."""
    found = {
        "message": failed.message,
        "hint": failed.hint,
        "where": failed.where,
        "mended": loss.mended(tensors),
        "back": back,
    }
    return Changed(failed.step, BROKEN, "", json.dumps(found))
