"""Between which bounds the values of a graph lie, whatever the batch: arithmetic on intervals.

The bounds are safe, not tight: what they exclude cannot happen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from .graph import Node, Parameter
from .inputs import is_chance, is_prediction
from .sizes import elements

Range = tuple[float, float]
INF = math.inf
EVERYTHING: Range = (-INF, INF)

_VALUES: dict[str, Range] = {
    "probability": (0.0, 1.0),
    "unit": (0.0, 1.0),
    "binary": (0.0, 1.0),
    "class": (0.0, INF),
    "positive": (0.0, INF),
    "count": (1.0, INF),
}
_CHANCE: Range = (1e-7, 1 - 1e-7)  # it reaches an expression clipped
_KEPT = ("cast", "reshape", "squeeze", "expand_dims", "transpose", "tile", "repeat", "slice",
         "broadcast_to", "take", "take_along_axis", "stop_gradient", "mean", "max", "min", "sort",
         "flip", "roll", "diagonal")  # fmt: skip
_RISING = ("exp", "log", "sqrt", "softplus", "sigmoid", "tanh", "relu", "log1p", "log_sigmoid")
_ALWAYS: dict[str, Range] = {
    "softmax": (0.0, 1.0),
    "log_softmax": (-INF, 0.0),
    "cosh": (1.0, INF),
    "std": (0.0, INF),
    "var": (0.0, INF),
    "one_hot": (0.0, 1.0),
    "eye": (0.0, 1.0),
    "squared_difference": (0.0, INF),
    "dim": (1.0, INF),
    "size": (1.0, INF),
    "argmax": (0.0, INF),
    "argmin": (0.0, INF),
    "argsort": (0.0, INF),
}


def ranges(
    order: list[Node],
    parameters: Mapping[str, Parameter],
    clipped: bool = True,
    y_pred: Range | None = None,
) -> dict[int, Range]:
    """The bounds of each node of `order` (in the order of evaluation), by its id.

    Without `clipped`, probabilities may be 0 and 1; with `y_pred`, predictions lie between these.
    """
    found: dict[int, Range] = {}
    for node in order:
        made = range_of(node, [found[id(a)] for a in node.args], parameters)
        if y_pred is not None and is_prediction(node):
            made = y_pred
        found[id(node)] = (0.0, 1.0) if is_chance(node) and not clipped else made
    return found


def range_of(node: Node, args: list[Range], parameters: Mapping[str, Parameter]) -> Range:
    """The bounds of one node, from those of its arguments."""
    op = node.op
    if op == "const":
        return float(node.attrs["value"]), float(node.attrs["value"])
    if op == "parameter":
        parameter = parameters[node.attrs["name"]]
        return parameter.low, parameter.high
    if op == "input":
        return _CHANCE if is_chance(node) else _VALUES.get(node.attrs["of"].values, EVERYTHING)
    if op in _ALWAYS:
        return _ALWAYS[op]
    if op == "full_like":
        return float(node.attrs["value"]), float(node.attrs["value"])
    if node.dtype == "bool":
        return 0.0, 1.0
    if op in _KEPT:
        return args[0]
    if op in ("concatenate", "stack"):
        return _union(args)
    if op in _RISING:
        return _at(op, args[0][0]), _at(op, args[0][1])
    rule = _RULES.get(op)
    return rule(node, args) if rule else EVERYTHING


def _at(op: str, x: float) -> float:
    """A rising function at a bound, which may be infinite or outside where it is defined."""
    if op in ("log", "log1p", "sqrt"):
        x = max(x, {"log1p": -1.0}.get(op, 0.0))
    if op == "relu":
        return max(x, 0.0)
    if op == "tanh":
        return math.tanh(x)
    try:
        if op == "exp":
            return math.exp(x)
        if op == "sqrt":
            return math.sqrt(x)
        if op == "softplus":
            return x if x > 30 else math.log1p(math.exp(x))
        if op == "log_sigmoid":
            return x if x < -30 else -math.log1p(math.exp(-x))
        if op == "sigmoid":
            return 0.5 * (1 + math.tanh(x / 2))
        return math.log(x) if op == "log" else math.log1p(x)
    except OverflowError:
        return INF
    except ValueError:
        return -INF


def _union(args: list[Range]) -> Range:
    return min(a[0] for a in args), max(a[1] for a in args)


def _product(x: float, y: float) -> float:
    return 0.0 if 0.0 in (x, y) else x * y


def _times(a: Range, b: Range) -> Range:
    corners = [_product(x, y) for x in a for y in b]
    return min(corners), max(corners)


def _add(node: Node, args: list[Range]) -> Range:
    return args[0][0] + args[1][0], args[0][1] + args[1][1]


def _sub(node: Node, args: list[Range]) -> Range:
    return args[0][0] - args[1][1], args[0][1] - args[1][0]


def _mul(node: Node, args: list[Range]) -> Range:
    if node.args[0] is node.args[1]:
        return _square(node, args)
    return _times(args[0], args[1])


def _div(node: Node, args: list[Range]) -> Range:
    low, high = args[1]
    if low < 0 < high or (low, high) == (0.0, 0.0):
        return EVERYTHING
    # 0 can only be the one end that the quotient flies off to
    upper = 1 / low if low else INF
    lower = 1 / high if high else -INF
    return _times(args[0], (lower, upper))


def _square(node: Node, args: list[Range]) -> Range:
    low, high = args[0]
    ends = (low * low, high * high)
    return (0.0 if low <= 0 <= high else min(ends)), max(ends)


def _abs(node: Node, args: list[Range]) -> Range:
    low, high = args[0]
    ends = (abs(low), abs(high))
    return (0.0 if low <= 0 <= high else min(ends)), max(ends)


def _pow(node: Node, args: list[Range]) -> Range:
    low, (least, most) = args[0][0], args[1]
    if low >= 0:
        # a positive base stays positive, however small
        floor = 5e-324 if low > 0 or (least, most) == (0.0, 0.0) else 0.0
        return floor, 1.0 if args[0][1] <= 1 and least >= 0 else INF
    even = least == most and least % 2 == 0
    return (0.0, INF) if even else EVERYTHING


def _sum(node: Node, args: list[Range]) -> Range:
    counts = {
        elements(one) // max(elements(two), 1)
        for one, two in zip(node.args[0].shapes, node.shapes, strict=True)
    }
    least, most = min(counts), INF if len(counts) > 1 else max(counts)
    low, high = args[0]
    return (
        _product(low, least if low > 0 else most),
        _product(high, most if high > 0 else least),
    )


def _ends(choose: Callable[[float, float], float]) -> Callable[[Node, list[Range]], Range]:
    return lambda node, args: (choose(args[0][0], args[1][0]), choose(args[0][1], args[1][1]))


def _clip(node: Node, args: list[Range]) -> Range:
    (low, high), least, most = args
    return min(max(low, least[0]), most[0]), max(min(high, most[1]), least[0])


def _neg(node: Node, args: list[Range]) -> Range:
    return -args[0][1], -args[0][0]


def _logsumexp(node: Node, args: list[Range]) -> Range:
    return args[0][0], INF


def _flat(values: Any) -> list[float]:
    if not isinstance(values, tuple):
        return [float(values)]
    return [number for value in values for number in _flat(value)]


_RULES: dict[str, Callable[[Node, list[Range]], Range]] = {
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "div": _div,
    "square": _square,
    "abs": _abs,
    "pow": _pow,
    "sum": _sum,
    "neg": _neg,
    "maximum": _ends(max),
    "minimum": _ends(min),
    "clip": _clip,
    "logsumexp": _logsumexp,
    "where": lambda node, args: _union(args[1:]),
    "full": lambda node, args: args[0],
    "arange": lambda node, args: _union(args[:2]),
    "array": lambda node, args: (
        min(_flat(node.attrs["values"])),
        max(_flat(node.attrs["values"])),
    ),
}
