"""Pieces of a class as Python's grammar has them: what `classes` asks of methods and statements."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeVar

from .grammar import dotted

VARIABLES = ("add_weight", "add_variable", "Variable")


T = TypeVar("T", bound=ast.AST)


def placed(node: T, where: ast.AST) -> T:
    return ast.copy_location(node, where)


def no_arguments() -> ast.arguments:
    return ast.arguments([], [], None, [], [], None, [])


def attributes(node: ast.AST, context: type[ast.expr_context]) -> Iterator[ast.Attribute]:
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and isinstance(each.ctx, context):
            yield each


def targets(node: ast.stmt) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AnnAssign) else []


def decorated(node: ast.FunctionDef, name: str) -> bool:
    return any(dotted(d) == name for d in node.decorator_list)


def returned(node: ast.FunctionDef) -> ast.expr | None:
    """The expression that a function ends with."""
    last = node.body[-1]
    return last.value if isinstance(last, ast.Return) else None


def is_reduction(node: ast.expr) -> bool:
    """Whether an expression is one of `Reduction`, such as `tf.keras.losses.Reduction.SUM`."""
    return "Reduction." in (dotted(node) or "")


def is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def is_super(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and dotted(node.func) == "super"


def super_init(node: ast.stmt) -> ast.Call | None:
    """The call of a statement `super().__init__(...)` or `Loss.__init__(self, ...)`."""
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    if call.func.attr not in ("__init__", "build"):
        return None
    if is_super(call.func.value):
        return call
    if call.args and dotted(call.func.value) is not None:
        first = call.args[0]
        if isinstance(first, ast.Name) and first.id == "self":
            return placed(ast.Call(call.func, call.args[1:], call.keywords), call)
    return None


def super_inits(method: ast.FunctionDef) -> bool:
    return any(super_init(statement) is not None for statement in method.body)


def makes_weights(method: ast.FunctionDef) -> bool:
    calls = (n.func for n in ast.walk(method) if isinstance(n, ast.Call))
    return any(isinstance(f, ast.Attribute) and f.attr in VARIABLES for f in calls)


def takes_two(method: ast.FunctionDef) -> bool:
    """Whether a method takes a target and a prediction."""
    names = [a.arg for a in (*method.args.posonlyargs, *method.args.args)]
    names = names if decorated(method, "staticmethod") else names[1:]
    return names[:2] == ["y_true", "y_pred"]
