"""Losses whose text ends by averaging (or adding up) the batch itself: one value a sample, or a
batch whose samples count more and less.

`-mean(sum(a, axis=-1)) + 0.1 * mean(b)` is undone from its end: what is averaged is taken before
it is. Whether samples are compared earlier is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from losses.loss_info import ops

from .graph import BATCHES, Node, Program, topological

Tensor = Any


def by_sample(program: Program, found: Mapping[int, Tensor]) -> Tensor | None:
    """(B,) values that a loss, which is one number, gives to batches of one; None where the text
    does not end in a mean or a sum over all. `found` holds the value of each node by its id."""

    def reduced(op: str, values: Tensor) -> Tensor:
        axes = tuple(range(1, len(values.shape)))
        return _reduce(op, values, axes) if axes else values

    return _undone(program.result, found, reduced, lambda value: None)


def weighed_mean(node: Node, found: Mapping[int, Tensor], weights: Tensor) -> Tensor | None:
    """What a node, which is one number, becomes where samples count `weights` (B,) times in the
    means and sums over the batch that it ends in; None where it ends in none. A number beside them
    that is of no sample counts as often as they do on average."""

    def reduced(op: str, values: Tensor) -> Tensor:
        each = ops.reshape(weights, (-1,) + (1,) * (len(values.shape) - 1))
        return _reduce(op, values * each)

    return _undone(node, found, reduced, lambda value: value * ops.mean(weights))


def _reduce(op: str, values: Tensor, axis: tuple[int, ...] | None = None) -> Tensor:
    return ops.mean(values, axis=axis) if op == "mean" else ops.sum(values, axis=axis)


def averages(node: Node) -> bool:
    """Whether a node, which is one number, ends in means or sums over the batch, so that
    `weighed_mean` can weigh the samples in it."""
    found = dict.fromkeys((id(n) for n in topological(node)), 1.0)
    return _undone(node, found, lambda op, value: value, lambda value: value) is not None


def _undone(
    node: Node,
    found: Mapping[int, Tensor],
    reduced: Callable[[str, Tensor], Tensor],
    alone: Callable[[Tensor], Tensor | None],
) -> Tensor | None:
    if node.shapes[0] and node.shapes[0][0] == BATCHES[0] and node.shapes[1][0] == BATCHES[1]:
        return None  # only what is a number already is undone
    inner = node.args[0] if node.args else None
    if node.op in ("mean", "sum") and inner is not None and node.attrs.get("axis") is None:
        if not inner.shapes[0] or (inner.shapes[0][0], inner.shapes[1][0]) != BATCHES:
            return None
        return reduced(node.op, found[id(inner)])
    if node.op == "neg" and inner is not None:
        made = _undone(inner, found, reduced, alone)
        return None if made is None else -made
    if node.op in ("add", "sub"):
        sides = [_undone(each, found, reduced, alone) for each in node.args]
        if all(side is None for side in sides):
            return None
        one, two = (
            alone(found[id(each)]) if side is None else side
            for each, side in zip(node.args, sides, strict=True)
        )
        if one is None or two is None:
            return None
        return one + two if node.op == "add" else one - two
    if node.op in ("mul", "div"):
        left, right = node.args
        for each, other in ((left, right), (right, left)):
            if other.op in ("const", "parameter") and (node.op == "mul" or other is right):
                made = _undone(each, found, reduced, alone)
                if made is None:
                    return None
                scale = found[id(other)]
                return made * scale if node.op == "mul" else made / scale
    return None
