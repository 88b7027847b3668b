"""Building elementwise operations, with the folding of constants and the meeting of types."""

from __future__ import annotations

from . import numbers
from .build import Builder, common_kind
from .graph import SIGNS, Node, Number
from .sizes import broadcast

ARITHMETIC = ("add", "sub", "mul", "div", "floordiv", "mod", "pow")
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
_KEEPS_INT = ("neg", "abs", "square", "sign", "relu", "floor", "ceil", "round")


def unary(b: Builder, op: str, x: Node) -> Node:
    """A function of one tensor, of its shape."""
    if x.dtype == "bool":
        if op in ("neg", "abs", "square"):
            raise b.error(
                "this needs numbers, and a condition is true or false",
                "convert it with cast(condition, 'float32')",
            )
        x = b.floats(x)
    elif x.dtype == "int" and op not in _KEEPS_INT:
        x = b.floats(x)
    static = fold_unary(b, op, x)
    if x.is_const and static is not None:
        return b.const(static[0], None if x.dtype == "int" and op in _KEEPS_INT else x.dtype)
    if op in ("floor", "ceil", "round") and x.dtype == "int":
        return x
    return b.node(op, (x,), lambda k: x.shapes[k], x.dtype, static)


def fold_unary(b: Builder, op: str, x: Node) -> tuple[Number, Number] | None:
    if x.static is None or op not in numbers.UNARY:
        return None
    try:
        return numbers.unary(op, x.static[0]), numbers.unary(op, x.static[1])
    except numbers.BadNumber as error:
        raise b.error(str(error)) from None


def logical_not(b: Builder, x: Node) -> Node:
    if x.dtype != "bool":
        raise b.error("'not' needs a condition, such as x > 0.5", "compare the tensor first")
    return b.node(
        "logical_not", (x,), lambda k: x.shapes[k], "bool", fold_unary(b, "logical_not", x)
    )


def binary(b: Builder, op: str, x: Node, y: Node) -> Node:
    """Arithmetic, comparison or logic on two tensors that broadcast."""
    static = None
    if x.static is not None and y.static is not None:
        try:
            static = (
                numbers.binary(op, x.static[0], y.static[0]),
                numbers.binary(op, x.static[1], y.static[1]),
            )
        except numbers.BadNumber as error:
            raise b.error(str(error)) from None
        if x.is_const and y.is_const:
            return b.const(static[0])
    x, y, dtype = _meet(b, op, x, y)
    _check_constants(b, op, x, y)
    _warn_of_square(b, x, y)
    return b.node(op, (x, y), lambda k: broadcast(x.shapes[k], y.shapes[k]), dtype, static)


def _meet(b: Builder, op: str, x: Node, y: Node) -> tuple[Node, Node, str]:
    """Cast both sides to the type the operation works in; the result's type."""
    kinds = {x.dtype, y.dtype}
    if op.startswith("logical"):
        if kinds != {"bool"}:
            raise b.error(
                "logical operations need conditions on both sides, such as x > 0.5",
                "compare the tensors first, or multiply them as masks",
                b.sign,
            )
        return x, y, "bool"
    if op in COMPARISONS:
        # conditions are equal or not, but TensorFlow does not order them
        alike = kinds == {"bool"} and op in ("eq", "ne")
        kind = "bool" if alike else "float" if "float" in kinds else "int"
        return b.cast(x, kind), b.cast(y, kind), "bool"
    if kinds == {"bool"}:
        raise b.error(
            f"'{SIGNS.get(op, op)}' needs numbers, and both sides are conditions",
            "convert them with cast(condition, 'float32'), or use logical_and",
        )
    kind = "float" if "float" in kinds or op in ("div", "arctan2") else "int"
    if op == "pow" and kind == "int" and (not y.is_const or y.attrs["value"] < 0):
        kind = "float"
    return b.cast(x, kind), b.cast(y, kind), kind


def _check_constants(b: Builder, op: str, x: Node, y: Node) -> None:
    if op in ("div", "floordiv", "mod") and y.is_const and y.attrs["value"] == 0:
        raise b.error("this divides by zero", "add a small number such as epsilon()", b.sign)
    for side in (x, y):
        if side.is_const and abs(side.attrs["value"]) > numbers.MAX_FLOAT32:
            raise b.error(
                f"{side.attrs['value']:g} is too large for float32, in which losses are computed",
                "the largest float32 is about 3.4e38",
                side.span,
            )


def _warn_of_square(b: Builder, x: Node, y: Node) -> None:
    """(B, 1) with (B,) silently gives (B, B): the classic mistake of custom losses."""
    for p, q in ((x, y), (y, x)):
        column = p.rank == 2 and p.shapes[0][1] == 1 and p.shapes[0][0] != p.shapes[1][0]
        if column and q.rank == 1 and p.shapes[0][0] == q.shapes[0][0] and q.shapes[0][0] > 1:
            b.warn(
                "broadcast",
                "(B, 1) combined with (B,) gives (B, B): every sample with every other",
                "use keepdims=True on both sides, or on neither",
            )


def where(b: Builder, condition: Node, x: Node, y: Node) -> Node:
    """`x` where the condition holds, else `y`."""
    condition = b.cast(condition, "bool")
    kind = common_kind((x, y))
    x, y = b.cast(x, kind), b.cast(y, kind)
    args = (condition, x, y)
    return b.node("where", args, lambda k: broadcast(*(a.shapes[k] for a in args)), kind)


def clip(b: Builder, x: Node, low: Node | None, high: Node | None) -> Node:
    """`x` kept between two bounds."""
    x = b.floats(x) if x.dtype == "bool" else x
    known = low is not None and high is not None and low.static and high.static
    if known and low.static[0] > high.static[0]:  # type: ignore[union-attr,index]
        b.warn(
            "clip-order",
            "the lower bound of this clip is above the upper one: the result is constant",
            "swap the two bounds",
        )
    kind = "float" if "float" in {n.dtype for n in (x, low, high) if n} else "int"
    bounds = [b.cast(n, kind) for n in (low, high) if n is not None]
    x = b.cast(x, kind)
    if low is not None and high is not None:
        args = (x, *bounds)
        return b.node("clip", args, lambda k: broadcast(*(a.shapes[k] for a in args)), kind)
    return binary(b, "maximum" if low is not None else "minimum", x, bounds[0])
