"""Conditions: those known before training choose a branch, those on a number of the batch both.

`x is None`, `kind == 'l2'` and `n > 1` are known when a text is read. `if mean(x) > 1:` is not:
AutoGraph turns it into an operation that chooses, and so it is read here.
"""

from __future__ import annotations

import ast

from . import elementwise as el
from .build import NONE, Builder, Callee, DType, Items, Special, Text, Value
from .graph import Node


def known(value: Value) -> bool | None:
    """Whether a value counts as true, as in Python; None where only the data tell."""
    if isinstance(value, Special):
        return value != NONE
    if isinstance(value, Items):
        return bool(value.values)
    if isinstance(value, Text):
        return bool(value.text)
    if isinstance(value, (Callee, DType)):
        return True
    if isinstance(value, Node) and not value.rank and value.static is not None:
        return bool(value.static[0]) if value.static[0] == value.static[1] else None
    return None


def compared(b: Builder, op: ast.cmpop, left: Value, right: Value) -> Node | None:
    """The truth of a comparison with what is no tensor: None, a word, a type, a list of words;
    None where tensors are compared."""
    if isinstance(op, (ast.In, ast.NotIn)):
        if not isinstance(right, Items):
            return None
        held = [_equal(left, item) for item in right.values]
        if any(each is None for each in held):
            return None
        return b.const(any(held) == isinstance(op, ast.In))
    if not isinstance(op, (ast.Is, ast.IsNot, ast.Eq, ast.NotEq)):
        return None
    if isinstance(left, Node) and isinstance(right, Node) and isinstance(op, (ast.Eq, ast.NotEq)):
        return None
    held_ = _equal(left, right)
    return None if held_ is None else b.const(held_ == isinstance(op, (ast.Is, ast.Eq)))


def _equal(one: Value, two: Value) -> bool | None:
    """Whether two values are equal; None where that is not known, or is of each entry."""
    if isinstance(one, Node) and isinstance(two, Node):
        fixed = one.static is not None and two.static is not None
        return one.static == two.static if fixed else None
    for side, other in ((one, two), (two, one)):
        if side == NONE:
            return other == NONE
        if isinstance(side, Text):
            words = isinstance(other, DType) and other.name in side.text
            return words or side == other
    if isinstance(one, DType) and isinstance(two, DType):
        return one.name == two.name
    return None


def is_number(value: Value) -> bool:
    """Whether a condition is one number of the batch, which AutoGraph can branch on."""
    return isinstance(value, Node) and value.static is None and set(value.shapes[0]) <= {1}


def merged(b: Builder, test: Node, yes: dict[str, Value], no: dict[str, Value]) -> dict[str, Value]:
    """The variables after both branches of an `if`: each as the branch taken leaves it. One that
    a branch does not set has no value after it."""
    found: dict[str, Value] = {}
    for name, one in yes.items():
        two = no.get(name)
        if one is two or one == two:
            found[name] = one
        elif two is not None:
            found[name] = el.where(b, test, b.tensor(one), b.tensor(two))
    return found


def returns(body: list[ast.stmt]) -> bool:
    """Whether statements can return from the function they are in."""
    return any(isinstance(n, ast.Return) for s in body for n in ast.walk(s))
