"""The means over the batch that Keras' configured losses take: `CategoricalCrossentropy()(y, p)`.

Within an expression they are what Keras has, one number: exp(-bce) is the exponential of a mean. At
the end of a loss, where they are only added up and scaled, the mean of all that is taken anyway, so
that they are left out there: one value a sample says more, and is what samples can be weighed by.
"""

from __future__ import annotations

from . import elementwise as el
from . import structure as st
from .build import Builder
from .graph import BATCHES, Node, topological


def averaged(b: Builder, node: Node) -> Node:
    """The mean that a configured loss takes of its values a sample."""
    made = st.reduce(b, "mean", node)
    b.averaged.add(made)
    return made


def by_sample(b: Builder, node: Node) -> Node:
    """The same loss without the means of configured losses that it ends in, where its mean over
    the batch is the same."""
    return (_opened(b, node) if b.averaged else None) or node


def _opened(b: Builder, node: Node) -> Node | None:
    """A node of which the mean is `node`, one number; None where none is known."""
    if node in b.averaged:
        each = node.args[0]
        return each if (each.shapes[0][0], each.shapes[1][0]) == BATCHES else None
    if node.rank or not node.args:
        return None
    b.at = node.span
    if node.op == "cast" or (node.op == "mean" and not node.args[0].rank):
        return _opened(b, node.args[0])
    if node.op == "neg":
        inner = _opened(b, node.args[0])
        return None if inner is None else el.unary(b, "neg", inner)
    if node.op in ("add", "sub"):
        one, two = node.args
        left, right = _opened(b, one), _opened(b, two)
        if left is None and right is None:
            return None
        first, second = one if left is None else left, two if right is None else right
        return el.binary(b, node.op, first, second) if _fit(first, second) else None
    if node.op in ("mul", "div"):
        return _scaled(b, node)
    return None


def _scaled(b: Builder, node: Node) -> Node | None:
    """A mean times or divided by one number, which is made of no such mean itself."""
    sides = list(node.args)
    for place in (0, 1) if node.op == "mul" else (0,):
        inner = _opened(b, sides[place])
        if inner is not None:
            if any(n in b.averaged for n in topological(sides[1 - place])):
                return None
            sides[place] = inner
            return el.binary(b, node.op, *sides)
    return None


def _fit(one: Node, two: Node) -> bool:
    """Whether the mean of a sum is the sum of the means: one value a sample in both, or a number
    in one."""
    return one.shapes == two.shapes or not (one.rank and two.rank)
