"""One value a sample, of a loss whose text ends by averaging (or adding up) the batch itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from losses.named import ops

from .graph import BATCHES, Node, Program

Tensor = Any


def by_sample(program: Program, found: Mapping[int, Tensor]) -> Tensor | None:
    """(B,) values that a loss, which is one number, gives to batches of one; None where the text
    does not end in a mean or a sum over all. `found` holds the value of each node by its id.

    `-mean(sum(a, axis=-1)) + 0.1 * mean(b)` is undone from its end: what is averaged is taken
    before it is. Whether samples are compared earlier is not looked at.
    """
    return _of(program.result, found)


def _of(node: Node, found: Mapping[int, Tensor]) -> Tensor | None:
    if node.shapes[0] and node.shapes[0][0] == BATCHES[0] and node.shapes[1][0] == BATCHES[1]:
        return None  # only what is a number already is undone
    inner = node.args[0] if node.args else None
    if node.op in ("mean", "sum") and inner is not None and node.attrs.get("axis") is None:
        if not inner.shapes[0] or (inner.shapes[0][0], inner.shapes[1][0]) != BATCHES:
            return None
        values = found[id(inner)]
        reduce = ops.mean if node.op == "mean" else ops.sum
        return reduce(values, axis=tuple(range(1, inner.rank))) if inner.rank > 1 else values
    if node.op == "neg" and inner is not None:
        made = _of(inner, found)
        return None if made is None else -made
    if node.op in ("add", "sub"):
        one, two = (_of(each, found) for each in node.args)
        if one is None or two is None:
            return None
        return one + two if node.op == "add" else one - two
    if node.op in ("mul", "div"):
        left, right = node.args
        for each, other in ((left, right), (right, left)):
            if other.op in ("const", "parameter") and (node.op == "mul" or other is right):
                made = _of(each, found)
                if made is None:
                    return None
                scale = found[id(other)]
                return made * scale if node.op == "mul" else made / scale
    return None
