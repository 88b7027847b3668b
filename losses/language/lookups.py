"""Lookups by number: what class numbers there are, and how far a table reaches."""

from __future__ import annotations

from typing import Any

from .build import Builder
from .errors import LossError, Span
from .graph import BATCHES, Node

# These keep each number as it is, in another place or type.
_MOVES = ("cast", "reshape", "squeeze", "expand_dims", "transpose", "slice", "round", "flip",
          "stop_gradient", "tile", "repeat", "broadcast_to", "take")  # fmt: skip
# Of a one-hot row these give 0 or 1, too.
_ENTRIES = (*_MOVES, "max", "min")
ONE_HOT = "{} is one-hot here: its entries are 0 and 1, no class numbers"


def needs_numbers(b: Builder, index: Node, count: int, span: Span | None = None) -> None:
    """Refuses the entries of the one-hot y_true where class numbers of `count` classes belong."""
    if count <= 2 or not _is_one_hot(index):
        return
    raise LossError(
        ONE_HOT.format(_named(index)), span or b.at, hint=_hint(b, index), fix=_word(b, index)
    )


def column(b: Builder, numbers: Node) -> Node:
    """Class numbers as a row, of those that stand in a column, (B, 1)."""
    if numbers.rank != 2 or numbers.shapes[0][1] != 1 or numbers.shapes[1][1] != 1:
        return numbers
    rows = (numbers.shapes[0][:1], numbers.shapes[1][:1])
    return b.node("squeeze", (numbers,), rows.__getitem__, numbers.dtype, axis=-1)


def needs_labels(b: Builder, target: Node) -> LossError:
    """Says that a sparse form has a one-hot target."""
    word = _word(b, target)
    return LossError(
        "the sparse form needs class numbers, and this target is one-hot",
        b.at,
        hint=f"{_hint(b, target)}; or use categorical_crossentropy",
        fix=b.with_target(word) if word else None,
    )


def needs_one_hot(b: Builder, numbers: Node) -> LossError | None:
    """Says that what needs one-hot targets has class numbers; None where it has something else."""
    while numbers.op in _MOVES:
        numbers = numbers.args[0]
    if numbers.op != "input" or numbers.attrs["of"].values != "class":
        return None
    given = numbers.attrs["name"]
    word = next((hot for hot, sparse in _pairs(b).items() if sparse == given), "one_hot(...)")
    return LossError(
        f"categorical_crossentropy needs one-hot targets, and {given} holds class numbers",
        b.at,
        hint=f"pass {word}; or use sparse_categorical_crossentropy",
        fix=b.with_target(word) if word.isidentifier() else None,
    )


def _pairs(b: Builder) -> dict[str, str]:
    """The one-hot targets that a text may name, and what has the same classes as numbers."""
    offered = b.inputs if b.provided is None else b.provided.inputs
    given = {name: b.inputs[name] for name in offered}
    numbers = [name for name, found in given.items() if found.values == "class"]
    hot = [name for name in given if name.startswith("y_") and given[name].role == "label"]
    own = {name: f"labels{name.removeprefix('y').removesuffix('_true')}" for name in hot}
    return {name: word for name, word in own.items() if word in numbers and word not in b.own}


def _word(b: Builder, target: Node) -> str | None:
    """What has the classes of a one-hot target as numbers."""
    return _pairs(b).get(_named(target))


def _named(target: Node) -> str:
    """The input that a target's entries are from."""
    while target.op in _ENTRIES:
        target = target.args[0]
    return str(target.attrs["name"]) if target.op == "input" else "y_true"


def _hint(b: Builder, target: Node) -> str:
    word = _word(b, target)
    return f"pass {word}" if word else "pass argmax(..., axis=-1) of the one-hot target"


def _is_one_hot(node: Node) -> bool:
    while node.op in _ENTRIES:
        node = node.args[0]
    return (
        node.op == "input"
        and node.attrs["of"].role == "label"
        and node.attrs["of"].values == "probability"
    )


def numbers_in(index: Node, num_classes: int) -> tuple[int, int] | None:
    """The smallest and the largest number that an index can be and will be; None where that does
    not follow from what it is: class numbers, places of the largest entry, a table."""
    shift = 0
    while index.op in _MOVES or index.op in ("add", "sub"):
        if index.op in ("add", "sub"):
            step = index.args[1].static
            if step is None or step[0] != step[1]:
                return None
            shift += int(step[0]) if index.op == "add" else -int(step[0])
        index = index.args[0]
    if index.op == "input" and index.attrs["of"].values == "class":
        return shift, num_classes - 1 + shift
    if index.op in ("argmax", "argmin") and index.attrs["axis"] is not None:
        place = index.attrs["axis"]
        one, two = (shape[place] for shape in index.args[0].shapes)
        return (shift, one - 1 + shift) if one == two else None
    if index.op == "array":
        flat = _flat(index.attrs["values"])
        return min(flat) + shift, max(flat) + shift
    return None


def _flat(values: tuple[Any, ...]) -> list[int]:
    found: list[int] = []
    for value in values:
        found += _flat(value) if isinstance(value, tuple) else [int(value)]
    return found


def check_reach(b: Builder, x: Node, place: int, index: Node, span: Span | None = None) -> None:
    """Refuses numbers beyond the end of an axis, and class numbers as those of samples."""
    at = span or b.at
    one, two = (shape[place] for shape in x.shapes)
    reach = numbers_in(index, b.num_classes)
    if one == two:
        needs_numbers(b, index, one if one == b.num_classes else 0, at)
    if reach is None:
        return
    low, high = reach
    if (one, two) == BATCHES:
        if not _of_a_table(index):
            raise LossError(
                "this picks samples of the batch by class numbers",
                at,
                hint="to pick the true class write sum(y_true * y_pred, axis=-1)",
            )
        return
    if one != two or (-one <= low and high < one):
        return
    if _of_a_table(index):
        wrong = high if high >= one else low
        raise LossError(f"there is no entry {wrong}: the axis has size {one}", at)
    raise LossError(
        f"the numbers {low} to {high} are looked up in {one} entries, 0 to {one - 1}",
        at,
        hint=f"give one entry a class: {b.num_classes}",
    )


def _of_a_table(index: Node) -> bool:
    while index.args and index.op != "argmax" and index.op != "argmin":
        index = index.args[0]
    return index.op == "array"
