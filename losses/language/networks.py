"""Classes of networks and layers whose loss is in their `train_step` or is added in their `call`.

What such a class computes of the network's own outputs stays; the lines that call the network,
unpack what a layer is given, keep metrics and take a step are left out. The names that they gave
a value are those of the run, or are told what they are called here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .class_parts import makes_weights
from .errors import Remark
from .grammar import dotted
from .syntax import Tree

_OF_LAYERS = ("call", "build", "get_config", "compute_output_shape", "__init__")
_PARTS = ("encoder", "decoder", "model", "vae", "generator", "self")


def read_network(tree: Tree) -> None:
    """Puts the loss of a network's class, or of a layer that adds one, in the place of the text."""
    for node in tree.body:
        methods = _methods(node)
        found = _of_step(methods.get("train_step"))
        kept: list[ast.FunctionDef] = []
        if not found and not any(map(makes_weights, methods.values())):
            found = _added(methods.get("call"))
            kept = [each for name, each in methods.items() if name not in _OF_LAYERS]
        if found:
            tree.body = [
                *_imports(tree),
                *map(_free, kept),
                *(_Freed().visit(each) for each in found),
            ]
            message = "the loss that this class adds to its network is read, and nothing else of it"
            tree.notes.append(Remark("left-out", message, tree.span(node)))
            return


def _imports(tree: Tree) -> Iterator[ast.stmt]:
    return (each for each in tree.body if isinstance(each, (ast.Import, ast.ImportFrom)))


def _methods(node: ast.stmt) -> dict[str, ast.FunctionDef]:
    """The methods of a class; a `train_step` that stands alone."""
    if isinstance(node, ast.ClassDef):
        return {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}
    alone = isinstance(node, ast.FunctionDef) and node.name == "train_step"
    return {"train_step": node} if alone and isinstance(node, ast.FunctionDef) else {}


def _of_step(method: ast.FunctionDef | None) -> list[ast.stmt]:
    """What is computed under the gradient tape of a `train_step`, of the network's outputs."""
    for each in ast.walk(method) if method is not None else ():
        if isinstance(each, ast.With) and any(_is_tape(item) for item in each.items):
            return [s for s in each.body if not _runs_network(s)]
    return []


def _is_tape(item: ast.withitem) -> bool:
    call = item.context_expr
    return isinstance(call, ast.Call) and (dotted(call.func) or "").endswith("GradientTape")


def _runs_network(node: ast.stmt) -> bool:
    call = node.value if isinstance(node, (ast.Assign, ast.Expr)) else None
    if not isinstance(call, ast.Call):
        return False
    return (dotted(call.func) or "").partition(".")[0] in _PARTS


def _added(method: ast.FunctionDef | None) -> list[ast.stmt]:
    """The lines of a layer's `call` up to the loss that it adds, and that loss."""
    if method is None:
        return []
    given = {arg.arg for arg in method.args.args}
    lines: list[ast.stmt] = []
    for each in method.body:
        call = each.value if isinstance(each, ast.Expr) else None
        adds = isinstance(call, ast.Call) and dotted(call.func) == "self.add_loss"
        if isinstance(call, ast.Call) and adds and call.args:
            return [*lines, ast.copy_location(ast.Expr(call.args[0]), each)]
        if not _unpacks(each, given):
            lines.append(each)
    return []


def _unpacks(node: ast.stmt, given: set[str]) -> bool:
    """Whether a line names parts of what a layer is given, such as `x = inputs[0]`."""
    value = node.value if isinstance(node, ast.Assign) else None
    while isinstance(value, ast.Subscript):
        value = value.value
    return isinstance(value, ast.Name) and value.id in given


class _Freed(ast.NodeTransformer):
    """`self.vae_loss` as the function that it becomes."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id == "self":
            return ast.copy_location(ast.Name(node.attr, node.ctx), node)
        return self.generic_visit(node)


def _free(method: ast.FunctionDef) -> ast.stmt:
    """A method as a function of its own."""
    arguments = method.args.args
    if arguments and arguments[0].arg == "self":
        method.args.args = arguments[1:]
    freed = _Freed().visit(method)
    assert isinstance(freed, ast.FunctionDef)  # noqa: S101
    return freed
