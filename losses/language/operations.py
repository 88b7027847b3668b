"""Signs, comparisons and choices, read by a `Reader`."""

from __future__ import annotations

import ast
from itertools import pairwise, permutations
from typing import TYPE_CHECKING

from . import conditions
from . import elementwise as el
from . import structure as st
from .build import MAX_LIST, Items, Value
from .errors import LossError
from .graph import Node
from .scope import Scope

if TYPE_CHECKING:
    from .reader import Reader

BINARY = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.Pow: "pow",
}
LOGIC = {ast.BitAnd: "logical_and", ast.BitOr: "logical_or", ast.BitXor: "logical_xor"}
COMPARE = {
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
}


def bin_op(r: Reader, node: ast.BinOp, scope: Scope) -> Value:
    left = r.value(node.left, scope)
    operand(r, left, node.left)
    right = r.value(node.right, scope)
    operand(r, right, node.right)
    r.b.at = r.tree.span(node)
    r.b.sign = r.tree.from_operator(node.left, node.right)
    try:
        return arithmetic(r, node.op, left, right, node)
    except LossError as error:
        raise _by_pixel(r, (left, node.left), (right, node.right)) or error from None
    finally:
        r.b.sign = None


def _by_pixel(r: Reader, *given: tuple[Value, ast.expr]) -> LossError | None:
    """What is wrong where a value a pixel meets one an image, such as a cross-entropy a divergence;
    pasted code has images as rows, of which Keras takes the mean."""
    for (wide, place), (flat, _) in permutations(given, 2):
        if not isinstance(wide, Node) or not isinstance(flat, Node) or wide.rank < 3:
            continue
        if flat.rank != 1 or any(wide.shapes[k][0] != flat.shapes[k][0] for k in (0, 1)):
            continue
        axes = ", ".join(map(str, range(1, wide.rank)))
        return r.error(
            place,
            "this has a value for each pixel, and what it meets one for each image",
            "Keras takes the mean over pixels of images that are rows; the ELBO has their sum",
            fix=f"mean({r.tree.fragment(place)}, axis=({axes}))",
        )
    return None


def operand(r: Reader, value: Value, node: ast.expr) -> None:
    if isinstance(value, Node):
        return
    r.b.at = r.tree.span(node)
    if isinstance(value, Items):
        if value.values and all(isinstance(v, Node) and v.op == "dim" for v in value.values):
            raise r.error(node, "a shape is not a number", "take one size: x.shape[-1]")
        return
    r.b.tensor(value, "a number or a tensor")


def arithmetic(r: Reader, op: ast.operator, left: Value, right: Value, at: ast.AST) -> Value:
    if isinstance(left, Items) and isinstance(right, Items):
        raise r.error(at, "lists cannot be combined", "write them as one list")
    for value, other in ((left, right), (right, left)):
        number = isinstance(value, Items) and isinstance(other, Node) and other.is_const
        if number and isinstance(op, ast.Mult) and other.dtype == "int":  # type: ignore[union-attr]
            return repeated(r, value, other, at)
    x, y = r.b.tensor(left), r.b.tensor(right)
    if type(op) in BINARY:
        return el.binary(r.b, BINARY[type(op)], x, y)
    if isinstance(op, ast.MatMult):
        return st.matmul(r.b, x, y)
    if isinstance(op, ast.BitXor) and {x.dtype, y.dtype} != {"bool"}:
        raise caret(r, at)
    return el.binary(r.b, LOGIC[type(op)], x, y)


def caret(r: Reader, at: ast.AST) -> LossError:
    """The visitor means a power; so do probably all other carets of the text."""
    if not isinstance(at, ast.BinOp):
        return r.error(at, "'^' is not a power", "write ** for a power")
    here = r.tree.operator_span(at.left, at.right)
    every = [
        r.tree.source.span(token.start, token.end)
        for token in r.tree.scan.tokens
        if token.text == "^"
    ]
    return LossError(
        "'^' is not a power",
        here,
        hint="write ** for a power",
        fix="**",
        also=[(span, "**") for span in every if span != here],
    )


def repeated(r: Reader, value: Value, times: Value, at: ast.AST) -> Items:
    """`[1.0] * 10`, kept small."""
    assert isinstance(value, Items) and isinstance(times, Node)  # noqa: S101
    count = int(times.attrs["value"])
    flat = all(isinstance(v, Node) for v in value.values)
    if not flat or not 0 < count * len(value.values) <= MAX_LIST:
        raise r.error(at, f"this list would not have 1 to {MAX_LIST:,} numbers", "use ones")
    return Items(value.values * count)


def unary_op(r: Reader, node: ast.UnaryOp, scope: Scope) -> Value:
    value = r.value(node.operand, scope)
    r.b.at = r.tree.span(node)
    if isinstance(node.op, ast.Not):
        if isinstance(value, Node) and conditions.is_number(value):
            return el.logical_not(r.b, r.b.cast(value, "bool"))
        if conditions.known(value) is None:
            raise r.error(node, "'not' cannot turn a tensor", "write logical_not(a)")
        return r.b.const(not r.truth(value, node, "the condition of 'not'"))
    operand(r, value, node.operand)
    r.b.at = r.tree.span(node)
    x = r.b.tensor(value)
    if isinstance(node.op, ast.USub):
        return el.unary(r.b, "neg", x)
    if isinstance(node.op, ast.Invert):
        return el.logical_not(r.b, x)
    return x


def compare(r: Reader, node: ast.Compare, scope: Scope) -> Value:
    test, other = node.ops[0], node.comparators[0]
    left = r.value(node.left, scope)
    right = r.value(other, scope)
    r.b.at = r.tree.span(node)
    known = conditions.compared(r.b, test, left, right)
    if type(test) not in COMPARE and (known is None or is_input(r, node.left, scope)):
        raise LossError(
            "this compares what is always there"
            if known is not None
            else "this is not known before training",
            r.tree.operator_span(node.left, other),
            hint="compare tensors with ==, !=, <, <=, > or >=",
        )
    if known is not None:
        return known
    operand(r, left, node.left)
    operand(r, right, other)
    r.b.at = r.tree.span(node)
    return el.binary(r.b, COMPARE[type(test)], r.b.tensor(left), r.b.tensor(right))


def is_input(r: Reader, node: ast.expr, scope: Scope) -> bool:
    """Whether an expression is an input by its own name, which no caller leaves out."""
    return isinstance(node, ast.Name) and node.id in r.b.inputs and scope.find(node.id) is None


def bool_op(r: Reader, node: ast.BoolOp, scope: Scope) -> Value:
    """Python's `and` and `or`: what is decided is not read on; of numbers of the batch, as
    AutoGraph has it, the logical operation."""
    both = isinstance(node.op, ast.And)
    word = "and" if both else "or"
    result = r.value(node.values[0], scope)
    for before, part in pairwise(node.values):
        held = conditions.known(result)
        if held is not None:
            if r.truth(result, node, f"what '{word}' joins") != both:
                return result
            result = r.value(part, scope)
            continue
        other = r.value(part, scope)
        numbers = [v for v in (result, other) if isinstance(v, Node) and not any(v.shapes[0])]
        if len(numbers) < 2:
            raise LossError(
                f"'{word}' cannot join tensors",
                r.tree.operator_span(before, part),
                hint=f"write logical_{word}(a, b), or multiply the two masks",
            )
        r.b.at = r.tree.span(node)
        one, two = (r.b.cast(v, "bool") for v in numbers)
        result = el.binary(r.b, f"logical_{word}", one, two)
    return result


def choice(r: Reader, node: ast.IfExp, scope: Scope) -> Value:
    test = r.value(node.test, scope)
    fixed = isinstance(test, Node) and not test.is_const
    if not fixed:
        taken = r.truth(test, node, "this condition")
        return r.value(node.body if taken else node.orelse, scope)
    yes, no = r.value(node.body, scope), r.value(node.orelse, scope)
    r.b.at = r.tree.span(node)
    b = r.b
    if conditions.known(test) is not None and not all(isinstance(v, Node) for v in (yes, no)):
        return yes if r.truth(test, node, "this condition") else no
    return el.where(b, b.tensor(test), b.tensor(yes), b.tensor(no))
