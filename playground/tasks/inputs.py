"""The names that a task hands to the loss language, as data: read by the server, too.

The worker makes `losses.Input` of each, which refuses what is not in its vocabulary
(`losses.language.inputs`, README "A task and its names").
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Input:
    """A tensor that a loss of the task can name.

    `shape`: a capital or a digit for each axis: B the batch (first), C the classes, D the width of
    the features, any other capital a size of the task's own, 1 to 9 themselves; "" is one number.
    `role`: prediction (trained), label (true) or context (neither). `values`: probability, unit,
    binary, class, real, positive or box. `latex` and `what`: its symbol, and what it is in words.
    """

    shape: str
    role: str
    latex: str
    what: str
    values: str = "real"


def known(*names: str) -> dict[str, Input | None]:
    """Names that the language knows already, with the meaning that they have there."""
    return dict.fromkeys(names)


def pair(inputs: Mapping[str, Input | None]) -> tuple[str, str] | None:
    """The first label and the first prediction of a task's own; None where it lacks one."""
    own = [(name, each.role) for name, each in inputs.items() if each is not None]
    label = next((name for name, role in own if role == "label"), None)
    prediction = next((name for name, role in own if role == "prediction"), None)
    return None if label is None or prediction is None else (label, prediction)


def literal(inputs: Mapping[str, Input | None], sizes: Mapping[str, int], names: set[str]) -> str:
    """Python that makes `losses.Provided` of those of a task's inputs that are named, for an
    exported script."""
    rows = [
        f"    {name!r}: {'None' if each is None else f'losses.{each!r}'},\n"
        for name, each in inputs.items()
        if name in names
    ]
    fixed = f", sizes={dict(sizes)!r}" if sizes else ""
    return f"losses.Provided({{\n{''.join(rows)}}}{fixed})"
