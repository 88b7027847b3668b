"""Numbers of the text that a slider can move: where they are declared, and their ranges."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping, Sequence

from .build import Builder
from .errors import LossError, Span, quote, suggest
from .graph import Node, Parameter
from .numbers import MAX_FLOAT32
from .syntax import Tree

_NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
_RANGE = re.compile(
    rf"[\[(]?\s*{_NUMBER}\s*(?:\.\.+|…|–|\bto\b|,|:)\s*{_NUMBER}\s*[\])]?"
    rf"(?:[\s,;]*(?:step|by)\s*=?\s*{_NUMBER})?"
)


def literal(node: ast.expr | None) -> int | float | None:
    """The number an expression is, if it is a plain one such as 2.0 or -1."""
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        sign = -1 if isinstance(node.op, ast.USub) else 1
        node = node.operand
    if not isinstance(node, ast.Constant) or isinstance(node.value, bool):
        return None
    return sign * node.value if isinstance(node.value, (int, float)) else None


def declare(
    b: Builder,
    tree: Tree,
    name: str,
    value: int | float,
    span: Span,
    overrides: Mapping[str, float],
) -> Node:
    """Enter a parameter and return its node; an override takes the place of its value."""
    low, high, step = _range(tree, name, value, span)
    whole = isinstance(value, int)
    if name in overrides:
        value = checked(name, overrides[name], span)
    if not math.isfinite(value) or abs(value) > MAX_FLOAT32:
        raise LossError(f"{quote(name)} must be a finite number", span, hint="such as 2.0")
    low, high = min(low, value), max(high, value)
    b.parameters[name] = Parameter(name, float(value), low, high, step, span)
    b.at = span
    kind = "int" if whole and float(value).is_integer() else "float"
    static = int(value) if kind == "int" else float(value)
    return Node("parameter", (), {"name": name}, span, ((), ()), kind, (static, static))


def checked(name: str, value: object, span: Span | None = None) -> float:
    """A parameter's value, or a `LossError` that says why it is none."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise LossError(f"{quote(name)} must be a number", span, hint="such as 2.0") from None
    if isinstance(value, str) or not math.isfinite(number) or abs(number) > MAX_FLOAT32:
        raise LossError(f"{quote(name)} must be a finite number", span, hint="such as 2.0")
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else number


def integer(name: str, value: object) -> int:
    """A parameter that is a whole number, or a `LossError`."""
    number = checked(name, value)
    if number != int(number):
        raise LossError(f"{quote(name)} must be a whole number", hint="such as 2")
    return int(number)


def checked_word(name: str, value: str, choices: Sequence[str], span: Span | None = None) -> str:
    """A parameter that is a word, or a `LossError` that says which words there are; any word where
    there are no choices."""
    if not choices or value in choices:
        return value
    near = suggest(value, choices)
    raise LossError(
        f"{quote(name)} cannot be {quote(value)}" + (f": did you mean '{near}'?" if near else ""),
        span,
        hint=f"it is one of {', '.join(map(repr, choices))}",
    )


def _range(tree: Tree, name: str, value: float, span: Span) -> tuple[float, float, float]:
    comment = tree.scan.comments.get(span.line)
    found = _RANGE.search(comment.text) if comment else None
    if found:
        low, high = float(found.group(1)), float(found.group(2))
        if low < high and math.isfinite(low) and math.isfinite(high):
            step = float(found.group(3) or 0)
            return low, high, step if 0 < step <= high - low else _nice((high - low) / 100)
    return guess_range(value)


def guess_range(value: float) -> tuple[float, float, float]:
    """A range for a value that came without one."""
    size = abs(float(value))
    if size > MAX_FLOAT32 / 10:
        return min(value, 0.0), max(value, 0.0), size / 100
    if isinstance(value, int) and size > 1:
        high = float(math.ceil(2.5 * size))
        return (-high, 0.0, 1.0) if value < 0 else (0.0, high, 1.0)
    if size == 0:
        return 0.0, 1.0, 0.01
    if size < 0.01:
        high = 10 ** math.ceil(math.log10(size * 5))
    else:
        high = 1.0 if size <= 1 else float(math.ceil(2.5 * size))
    step = _nice(high / 100)
    return (-high, 0.0, step) if value < 0 else (0.0, high, step)


def _nice(step: float) -> float:
    """The nearest of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    best = min((1, 2, 5, 10), key=lambda m: abs(m * power - step))
    return float(f"{best * power:.12g}")
