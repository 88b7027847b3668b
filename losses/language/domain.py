"""Where a text needs y_pred kept off 0 and 1, and where it can be any number.

In a training run y_pred is a softmax, and clipped to [1e-7, 1 - 1e-7] wherever it stands. In
somebody's own model it may be a regression, of which that would make something else without a
word. There it is clipped only below a logarithm, a power or a quotient that is not finite at 0 or
1, and at that end only: in `y_true / y_pred + log(y_pred)` rates above 1 stay as they are. What
has no negative values whatever y_pred is, such as a norm, does not ask for probabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from .graph import Node, Parameter, const, topological
from .inputs import is_prediction
from .ranges import EVERYTHING, Range, ranges

EPSILON = 1e-7
World = tuple[bool, bool]  # clipped from below, from above

_FREE = EVERYTHING
_LOW, _HIGH = (0.0, 1 - EPSILON), (EPSILON, 1.0)  # without a clip from below, from above


def unclipped(result: Node, parameters: Mapping[str, Parameter]) -> list[Node]:
    """The graph of `result` for a y_pred of any number, in the order of evaluation: clipped below
    the operations that need it."""
    order = topological(result)
    bounds = {held: ranges(order, parameters, y_pred=held) for held in (_FREE, _LOW, _HIGH)}
    made: dict[World, dict[int, Node]] = {w: {} for w in _WORLDS}
    for node in order:
        low, high = _needs(node, bounds)
        for world, new in made.items():
            below = made[world[0] or low, world[1] or high]
            args = tuple(below[id(a)] for a in node.args)
            same = all(a is b for a, b in zip(args, node.args, strict=True))
            new[id(node)] = _clipped(node, world) if same else replace(node, args=args)
    return topological(made[False, False][id(result)])


_WORLDS: tuple[World, ...] = ((False, False), (True, False), (False, True), (True, True))


def _clipped(node: Node, world: World) -> Node:
    if not is_prediction(node):
        return node
    for op, bound, wanted in zip(("maximum", "minimum"), (EPSILON, 1 - EPSILON), world,
                                 strict=True):  # fmt: skip
        if wanted:
            node = Node(op, (node, const(bound, node.span)), {}, node.span, node.shapes)
    return node


def _needs(node: Node, bounds: Mapping[Range, Mapping[int, Range]]) -> World:
    """Whether an operation needs y_pred off 0, and off 1."""
    fails = _FAILS.get(node.op)
    if fails is None:
        return False, False
    at = {held: [found[id(a)] for a in node.args] for held, found in bounds.items()}
    place = _PLACE.get(node.op, 0)
    if at[_FREE][place][0] >= 0:  # it is no probability that this is made of
        return False, False
    return fails(at[_LOW]), fails(at[_HIGH])


def _power(args: list[Range]) -> bool:
    (low, _), (least, most) = args
    if least == most and least >= 1 and least.is_integer():
        return False
    return low < 0 or (low == 0 and least < 1)


# Whether an operation is not finite somewhere, from the bounds of its arguments.
_FAILS: dict[str, Callable[[list[Range]], bool]] = {
    **dict.fromkeys(("log", "log2", "log10", "rsqrt"), lambda args: args[0][0] <= 0),
    "log1p": lambda args: args[0][0] <= -1,
    "xlogy": lambda args: args[1][0] <= 0,
    "div": lambda args: args[1][0] <= 0 <= args[1][1],
    "reciprocal": lambda args: args[0][0] <= 0 <= args[0][1],
    "pow": _power,
}
# Which argument must not be 0.
_PLACE = {"xlogy": 1, "div": 1}
