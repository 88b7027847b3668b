"""A text with the operation that broke kept away from where it breaks.

| typed | offered |
|---|---|
| log(x), log2, log10 | log(maximum(x, 1e-7)) |
| log1p(x) | log1p(maximum(x, -0.9999999)) |
| sqrt(x), rsqrt(x) | sqrt(maximum(x, 1e-12)) |
| x**q | maximum(x, 1e-12)**q |
| x / y, reciprocal(y) | x / where(abs(y) < 1e-7, 1e-7, y) |
| exp(x), expm1, sinh, cosh | exp(minimum(x, 80)) |
| arccos(x), arcsin(x), arctanh(x) | arccos(clip(x, -0.999999, 0.999999)) |

`losses.language.stable` puts what has an equal form that cannot break into that form by itself;
these change the values where the typed one had none, so they are only ever offered.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from .errors import Span
from .source import Source

_LOG = "maximum({}, 1e-7)"
_ROOT = "maximum({}, 1e-12)"
_OPEN = "clip({}, -0.999999, 0.999999)"
_LARGE = "minimum({}, 80.0)"
_APART = "where(abs({0}) < 1e-7, 1e-7, {0})"
GUARDS: Mapping[str, str] = {
    "log": _LOG, "log2": _LOG, "log10": _LOG, "xlogy": _LOG,
    "log1p": "maximum({}, -0.9999999)",
    "sqrt": _ROOT, "rsqrt": _ROOT, "pow": _ROOT,
    "div": _APART, "reciprocal": _APART,
    "exp": _LARGE, "expm1": _LARGE, "sinh": _LARGE, "cosh": _LARGE,
    "arccos": _OPEN, "arcsin": _OPEN, "arctanh": _OPEN,
}  # fmt: skip


def guarded(text: str, span: Span, op: str) -> str | None:
    """The text with the argument of the operation `op` at `span` guarded; None where it is not
    typed as one of the forms above. The text is one that `analyse` has understood."""
    guard = GUARDS.get(op)
    if guard is None:
        return None
    source = Source(text)
    start, end = (
        source.offset(span.line, span.column),
        source.offset(span.end_line, span.end_column),
    )
    typed = f"({source.text[start:end]})"  # in brackets it may go over several lines
    try:
        node = ast.parse(typed, mode="eval").body
    except SyntaxError:
        return None
    argument = _argument(node, op)
    if argument is None:
        return None
    found = ast.get_source_segment(typed, argument)
    if found is None:
        return None
    at = start - 1 + _offset(typed, argument)
    return source.text[:at] + guard.format(found) + source.text[at + len(found) :]


def _argument(node: ast.expr, op: str) -> ast.expr | None:
    """What of an operation breaks it: where a logarithm, a root or a quotient is taken of."""
    if op == "xlogy":  # x * log(x), found in the text as the product
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call) and _name(inner) == "log" and len(inner.args) == 1:
                return inner.args[0]
        return None
    if isinstance(node, ast.BinOp) and op in ("div", "pow"):
        return node.right if op == "div" else node.left
    if isinstance(node, ast.Call):
        place = 1 if op == "div" else 0
        return node.args[place] if len(node.args) > place else None
    return None


def _name(node: ast.Call) -> str:
    """The last word of what is called."""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _offset(typed: str, node: ast.expr) -> int:
    """Characters before a node; `ast` counts lines, and columns in bytes."""
    lines = typed.splitlines(keepends=True)
    before = sum(len(line) for line in lines[: node.lineno - 1])
    row = lines[node.lineno - 1].encode("utf-8")[: node.col_offset]
    return before + len(row.decode("utf-8"))
